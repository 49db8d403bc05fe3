"""The faults' harness: a few of each kind, and trainings in which something is lost."""
import json
import random
import shutil
from collections import Counter

import numpy as np
import pytest

from trust import faults
from trust.faults import cases, lab
from trust.faults.lab import Lab, half_written


@pytest.fixture(scope='module')
def bench(tmp_path_factory):
    return Lab(tmp_path_factory.mktemp('lab'), iterations=6)


@pytest.fixture
def copy(bench, tmp_path):
    """A result folder with nothing wrong."""
    return shutil.copytree(bench.whole, tmp_path / 'copy')


def run(case, bench, seed=0, **arguments):
    outcome = case(bench, random.Random(seed), **arguments)
    assert outcome.failures == []
    return outcome


@pytest.mark.parametrize('strike', [cases.at_a_file_operation, cases.while_a_file_is_written])
def test_killed(bench, strike):
    outcome = run(cases.killed, bench, n=1, strike=strike)
    assert outcome.runs == 1
    # A training may end before the kill; then another is struck.
    assert outcome.found['continued to the same end'] == 1 + outcome.found['ended before the kill']


def test_a_file_that_may_not_grow(bench):
    outcome = run(cases.file_size, bench, n=1, can_mount=False)
    assert outcome.found == Counter({'refused with one message': 1})


@pytest.mark.parametrize('damage', [lab.truncate, lab.flip_bits])
def test_a_damaged_snapshot(bench, damage):
    assert run(cases.damaged_trainer, bench, n=1, damage=damage).runs == 1


def test_a_clock_that_is_wrong(bench):
    assert run(cases.clock_between, bench, n=1).runs == 1
    assert run(cases.clock_during, bench, n=1).runs == 1


@pytest.mark.parametrize('n', [1, 4, 50])
def test_as_many_kills_as_asked_for(n):
    kills = [case for name, case in faults.registry(n, False).items() if name.startswith('kill')]
    assert sum(case.keywords['n'] for case in kills) == n


def test_nothing_is_wrong_with_a_copy(bench, copy):
    assert half_written(copy) == [] and list(bench.differences(copy)) == []


@pytest.mark.parametrize('name', [
    'snapshot_iter_6.npz', 'gen_iter_2.npz', 'log', 'config.yml', 'record.json',
    'loss_gen.png', 'preview/image_img_00000006.png', 'preview/video_00000006.avi',
    'preview/video_00000006.mov', 'preview/video_00000006.gif', 'source/tgan_updater_wgan.py'])
def test_half_a_file_is_noticed(copy, name):
    path = copy / name
    content = path.read_bytes()
    path.write_bytes(content[:len(content) // 2])
    found, = half_written(copy)
    assert name in found


def test_an_experiment_that_is_cut_off_between_lines_is_noticed(copy):
    lines = (copy / 'config.yml').read_text().splitlines(keepends=True)
    (copy / 'config.yml').write_text(''.join(lines[:-1]))
    found, = half_written(copy)
    assert 'settings are missing' in found


def test_another_value_is_noticed(bench, copy):
    path = copy / 'snapshot_iter_6.npz'
    arrays = dict(np.load(path))
    key = next(key for key in arrays if key.endswith('/c0/W'))
    arrays[key] = np.nextafter(arrays[key], np.float32(1))
    np.savez(path, **arrays)
    assert list(bench.differences(copy)) == [f'{key} in snapshot_iter_6.npz is another']


def test_another_log_is_noticed(bench, copy):
    log = json.loads((copy / 'log').read_text())
    (copy / 'log').write_text(json.dumps(log[:-1]))
    assert list(bench.differences(copy)) == ['the log is another']


@pytest.mark.parametrize('code, err, is_fine', [
    (2, 'error: cannot write x', True), (2, 'error: something else', False),
    (2, 'Traceback ...\ncannot write', False), (1, 'cannot write x', False), (0, '', True)])
def test_what_counts_as_a_refusal(code, err, is_fine):
    outcome = cases.Outcome()
    cases._expect_refusal(lab.subprocess.CompletedProcess([], code, '', err), outcome,
                          'cannot write')
    assert (outcome.failures == []) is is_fine


def test_cases_are_chosen_by_the_beginnings_of_their_names(capsys):
    available = faults.registry(50, can_mount=False)
    assert list(faults.choose(available, ['clock', 'kill/any'])) == [
        'kill/any moment', 'clock/between', 'clock/during']
    assert faults.choose(available, None) == available
    assert sum(case.keywords['n'] for name, case in available.items()
               if name.startswith('kill')) == 50


def test_a_failure_is_printed_and_ends_with_code_1(bench, monkeypatch, capsys, tmp_path):
    def bad(bench, rng):
        return cases.Outcome(3, Counter(seen=2), ['something was lost'])
    monkeypatch.setattr(faults, 'registry', lambda n_kills, can_mount: {'bad': bad})
    monkeypatch.setattr(faults, '_has_mounts', lambda: False)
    monkeypatch.setattr(faults.lab, 'Lab', lambda folder: bench)
    assert faults.main(['--json', str(tmp_path / 'j.json')]) == 1
    out, err = capsys.readouterr()
    assert 'FAILED: bad: something was lost' in err and 'seen: 2' in out
    assert json.loads((tmp_path / 'j.json').read_text())['cases'][0]['runs'] == 3
    assert faults.main(['--only', 'none']) == 2
    assert 'expected the beginning of one of bad' in capsys.readouterr().err
