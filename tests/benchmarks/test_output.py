import re

import pytest

from benchmarks import output
from benchmarks.race import Finding

MACHINE = {'git_revision': 'abc', 'date': '2026-01-02T03:04:05+00:00', 'processor': 'Fast CPU',
           'cores': 2, 'memory bytes': 24 << 30, 'gpu': None, 'platform': 'Linux', 'load': 0.1}
SIDES = {'ours': {'python': '3.11', 'openblas': '0.3 (2 threads)'}}
OUTCOMES = [
    Finding('step/svc-b8', 'a step', 'full', 2, {
        'ours': [1, 2, 4], 'Chainer': [2, 6, 8], 'floor': [0.01, 0.01, 0.01]},
            not_run=[('PyTorch', 'install it')], text='a line', data={'facts': 1}),
    Finding('c3d/forward', 'C3D', 'small',
            not_run=[('c3d/forward', 'too large'), ('other', 'install it')]),
    Finding('memory/step', 'memory', 'small', errors=['Traceback\nValueError'])]


def test_text(quick):
    lines = output.text(OUTCOMES, MACHINE, SIDES, quick.options).splitlines()
    assert lines[:4] == [
        'tgan_chainer abc, 2026-01-02T03:04:05+00:00', 'Fast CPU, 2 cores, 24 GiB; no GPU; Linux',
        '1 threads in every process, 2 rounds; load before the start 0.1',
        'ours: python 3.11, openblas 0.3 (2 threads)']
    found = [' '.join(line.split()) for line in lines[lines.index('') + 1:]]
    assert found == [
        'step/svc-b8, size full, load 2: a step', 'Chainer 3.00 (2.00..3.00)',
        'floor 0.00500 (0.00250..0.01000)', 'a line', 'PyTorch not run [1]', '',
        'c3d/forward, size small, load 0: C3D', 'c3d/forward not run [2]', 'other not run [1]', '',
        'memory/step, size small, load 0: memory', 'FAILED: Traceback', 'FAILED: ValueError', '',
        '[1] not run: install it', '[2] not run: too large', '1 measured, 1 failed, 1 not run']
    assert not re.search(r'\d\s*(ms|s|sec|seconds|minutes|GFLOP/s)\b', '\n'.join(lines))
    text = output.text([], {**MACHINE, 'load': 3.0, 'gpu': 'Fast GPU'}, SIDES,
                       quick.options)
    assert 'load before the start 3.0, so something else was running' in text
    assert '24 GiB; Fast GPU; Linux' in text


@pytest.mark.parametrize('ratio, words', [
    ((2.614, 2.4, 2.91), '2.61 (2.40..2.91)'), ((12.34, 9.96, 20), '12.3 (10.0..20.0)'),
    ((1234.5, 1, 2000), '1234 (1..2000)'), ((0.00312, 0.003, 0.1), '0.00312 (0.00300..0.10000)')])
def test_three_digits(ratio, words):
    assert output.format_ratio(*ratio) == words
