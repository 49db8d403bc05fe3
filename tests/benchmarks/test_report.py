"""Text, JSON and picture of results that nobody measured."""
import json
import re

import matplotlib.image
import pytest

from benchmarks import plot, report
from benchmarks.cases import growth
from benchmarks.measure import Comparison, Ratio, Series
from benchmarks.registry import Result
from benchmarks.sides import Options
from tgan_chainer.io import files

MACHINE = {'git revision': 'abc', 'date': '2026-01-02T03:04:05+00:00', 'cpu': 'Fast CPU',
           'cores': 2, 'memory bytes': 24 << 30, 'gpu': None, 'platform': 'Linux', 'load': 0.1}
SIDES = {'ours': {'python': '3.11', 'executable': 'py', 'numpy': '2.4',
                  'libraries': ['OpenBLAS 0.3, 2 threads']}}


def series(*costs):
    return Series(tuple((cost,) for cost in costs), (1.0,))


def grown():
    found = {growth.name(side, value): series(*(cost * value for cost in costs))
             for side, costs in (('ours', (1, 1.1, 1)), ('chainer', (3, 2, 3)))
             for value in (8, 2, 4)}
    return Result(name='growth/batch', about='growth', comparisons=(Comparison(
        'growth/batch', found, {name: f'{name}!' for name in found}, 'growth'),),
        data={'axis': 'batch', 'usual': 8, 'values': [2, 4, 8]})


@pytest.fixture
def results():
    """One that was measured in part, one in several comparisons, the three other outcomes."""
    found = {'ours': series(1, 2, 4), 'chainer': series(2, 6, 8), 'torch': series(3, 1, 1),
             'torch-like-ours': series(1, 1, 1), 'floor': series(0.01, 0.01, 0.01)}
    labels = {'ours': 'ours', 'chainer': "Chainer's kernels", 'torch': 'PyTorch, slow',
              'torch-like-ours': 'PyTorch, fast', 'floor': 'sgemm floor'}
    step = Comparison('step/svc-b8', found, labels, hidden=frozenset({'torch'}))
    layers = tuple(Comparison(f'svc/{layer}', {'ours': series(1), 'numpy': series(3)},
                              {'ours': 'ours', 'numpy': 'NumPy'}) for layer in ('c0', 'c1'))
    return [
        Result(name='step/svc-b8', about='a step', comparisons=(step,),
               not_run=(("authors' checkout", 'needs DIR'), ('SciPy', 'install it'))),
        Result(name='svc/layers', about='clipping', comparisons=layers, text='c0: 1e-7',
               not_run=(('SciPy', 'install it'),), data={'c0': {'error': 1e-7}}),
        Result(name='c3d/forward', about='C3D', not_run=(('c3d/forward', 'too large'),)),
        Result(name='sampling/videos', about='sampling', errors=('Traceback\nValueError',)),
        grown()]


def test_text(results):
    lines = report.text(results, MACHINE, SIDES, Options(repeats=3, threads=2)).splitlines()
    assert lines[0] == 'tgan_chainer abc, 2026-01-02T03:04:05+00:00'
    assert 'Fast CPU, 2 cores, 24 GiB; no GPU; Linux' in lines
    assert '2 threads in every process; load before the start 0.1' in lines
    assert 'ours: python 3.11, numpy 2.4; OpenBLAS 0.3, 2 threads' in lines
    found = [re.sub(' {2,}', '  ', line.strip()) for line in lines]
    start = found.index('step/svc-b8: a step')
    assert found[start:found.index('c3d/forward: C3D')] == [
        'step/svc-b8: a step',
        "Chainer's kernels  3.00 (2.00..3.00)",
        'PyTorch, fast  0.500 (0.250..1.000)',
        'sgemm floor  0.00500 (0.00250..0.01000)',
        "authors' checkout  not run [1]",
        'SciPy  not run [2]',
        '',
        'svc/layers: clipping',
        'svc/c0', 'NumPy  3.00 (3.00..3.00)', 'svc/c1', 'NumPy  3.00 (3.00..3.00)',
        'c0: 1e-7',
        'SciPy  not run [2]',
        '']
    assert 'FAILED: Traceback' in found and 'FAILED: ValueError' in found
    assert found[-4:] == ['[1] not run: needs DIR', '[2] not run: install it',
                          '[3] not run: too large', '3 measured, 1 failed, 1 not run']


def test_a_busy_machine_and_small_networks_are_told(results):
    text = report.text(results, {**MACHINE, 'load': 3.0}, SIDES, Options(quick=True))
    assert 'load before the start 3.0, so something else was running' in text
    assert 'small networks' in text


def test_title_of_the_picture():
    assert report.title(MACHINE, Options(repeats=3, threads=2)) == 'Fast CPU, 2 threads, 3 rounds'
    assert report.title({**MACHINE, 'gpu': 'GPU 0'}, Options(quick=True)).startswith('GPU 0, ')
    assert 'small networks' in report.title(MACHINE, Options(quick=True))


def test_no_absolute_time_is_printed(results):
    results[0] = Result(**{**vars(results[0]), 'seconds': 77.125})
    text = report.text(results, MACHINE, SIDES, Options())
    assert '77' not in text
    assert not re.search(r'\d\s*(ms|s|sec|seconds|minutes|GFLOP/s)\b', text)


@pytest.mark.parametrize('ratio, words', [
    ((2.614, 2.4, 2.91), '2.61 (2.40..2.91)'), ((12.34, 9.96, 20), '12.3 (10.0..20.0)'),
    ((1234.5, 1, 2000), '1234 (1..2000)'), ((0.00312, 0.003, 0.1), '0.00312 (0.00300..0.10000)')])
def test_three_digits(ratio, words):
    assert report.format_ratio(Ratio(*ratio)) == words


def test_json_has_every_repetition(results, tmp_path):
    path = tmp_path / 'report.json'
    files.write_json(path, report.document(results, MACHINE, SIDES, Options(repeats=3)))
    found = json.loads(path.read_text())
    assert (found['machine'], found['sides'], found['repeats']) == (MACHINE, SIDES, 3)
    step, layers, c3d, failed, _ = found['benchmarks']
    comparison, = step['comparisons']
    assert (comparison['baseline'], comparison['unit']) == ('ours', 'seconds')
    assert comparison['sides']['ours']['ratio'] is None
    assert comparison['sides']['torch'] == {
        'label': 'PyTorch, slow', 'shown': False, 'raw': [[3], [1], [1]], 'weights': [1.0],
        'costs': [3, 1, 1], 'median': 1, 'ratio': {'median': 0.5, 'low': 0.25, 'high': 3}}
    assert step['not run'][0] == {'what': "authors' checkout", 'why': 'needs DIR'}
    assert layers['data'] == {'c0': {'error': 1e-7}}
    assert [entry['verdict'] for entry in found['benchmarks']] == [
        'measured', 'measured', 'not run', 'failed', 'measured']
    assert (c3d['errors'], failed['errors']) == ([], ['Traceback\nValueError'])


def inked(path):
    """Shares of the columns of a picture that are not white, in halves."""
    grey = matplotlib.image.imread(path)[..., :3].min(axis=2)
    ink = (grey < 0.9).any(axis=0)
    return ink[:len(ink) // 2].mean(), ink[len(ink) // 2:].mean()


def test_plot(results, tmp_path):
    plot.write(tmp_path / 'all.png', results, 'a machine')
    assert min(inked(tmp_path / 'all.png')) > 0.5
    plot.write(tmp_path / 'bars.png', results[:2])
    plot.write(tmp_path / 'growth.png', results[-1:])
    sizes = [matplotlib.image.imread(tmp_path / name).shape for name in ('all.png', 'bars.png')]
    assert sizes[0][1] > sizes[1][1]
    plot.write(tmp_path / 'nothing.png', results[2:4])


def test_bars_show_what_the_text_shows(results):
    assert list(plot.shown(results[0].comparisons[0])) == ['chainer', 'torch-like-ours', 'floor']
    assert plot.shown(results[-1].comparisons[0]) == {}
