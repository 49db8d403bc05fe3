"""The command `python -m benchmarks`."""
import json
from pathlib import Path

import pytest

from benchmarks import cases
from benchmarks.__main__ import main
from benchmarks.registry import Benchmark, Result
from benchmarks.sides import NotRunError, SideError

STAND_IN = Path(__file__).parents[1] / 'parity' / 'stand_in'


def test_list(capsys):
    assert main(['--list', '--only', 'svc', 'memory/*']) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ['step/svc-b8', 'step/svc-b32', 'svc/layers', 'memory/step']


def test_every_kind_is_registered():
    kinds = list(dict.fromkeys(name.split('/')[0] for name in cases.registry()))
    assert kinds == ['flops', 'step', 'svc', 'sampling', 'c3d', 'loaders', 'memory', 'growth']
    assert {f'step/{updater}-b{batch}' for updater in ('svc', 'clip', 'vanilla', 'lsgan')
            for batch in (8, 32)} <= set(cases.registry())


def test_quick_end_to_end(tmp_path, capfd):
    json_file, picture = tmp_path / 'new' / 'report.json', tmp_path / 'ratios.png'
    assert main(['--quick', '--only', 'flops', 'step/clip-b8', 'svc/', 'sampling', 'c3d',
                 'loaders',
                 '--upstream', str(STAND_IN), '--threads', '1',
                 '--json', str(json_file), '--plot', str(picture)]) == 0
    out, err = capfd.readouterr()
    assert out.splitlines()[-1] == '6 measured, 0 failed, 1 not run'
    assert '[7/7] loaders/ucf101' in err
    assert "Chainer's kernels, authors' algorithm" in out and "authors' checkout" in out
    assert 'c3d/forward' in out and 'leave out --quick' in out
    assert picture.read_bytes().startswith(b'\x89PNG')

    found = json.loads(json_file.read_text())
    assert found['machine']['threads'] == 1
    assert {'ours', 'chainer', 'upstream'} <= found['sides'].keys()
    flops, step, svc, sampling, _, loader, _ = found['benchmarks']
    assert [row['layer'] for row in flops['data']['rows']][:2] == ['G0 dc0', 'G0 dc1']
    for result in (step, sampling):
        sides = result['comparisons'][0]['sides']
        assert {'ours', 'chainer', 'upstream', 'floor'} <= sides.keys()
        assert all(len(side['raw']) == 2 for side in sides.values())
    assert step['data']['arithmetic']['GFLOP'] > 0
    # What is inside the bound is not rebuilt, so its error is that of a full factorisation at most.
    assert 0 <= svc['data']['c3']['facts']['ours']['error'] < 1e-6
    assert svc['data']['c3']['facts']['numpy']['shape'] == [16, 8, 4, 4, 4]
    assert list(loader['comparisons'][0]['sides']) == ['step', 'loader']


@pytest.fixture
def outcomes(monkeypatch):
    """Benchmarks of every outcome instead of the registry's."""
    def raises(error):
        def function(session):
            raise error
        return function

    found = {'measured': lambda session: Result(text='1'),
             'not-run': raises(NotRunError('needs a library')),
             'broken': raises(SideError('the worker ended')), 'wrong': raises(KeyError('fault'))}
    monkeypatch.setattr(cases, 'registry', lambda: {
        name: Benchmark(name, f'about {name}', function) for name, function in found.items()})


def test_a_failure_decides_the_exit_code(outcomes, capsys):
    assert main(['--only', 'measured', 'not-run']) == 0
    assert main(['--only', 'broken']) == 1
    assert main([]) == 1
    out = capsys.readouterr().out
    assert '1 measured, 2 failed, 1 not run' in out
    assert 'FAILED: the worker ended' in out
    assert 'FAILED: KeyError' in out
    assert '[1] not run: needs a library' in out


def test_what_was_measured_before_ctrl_c_is_kept(monkeypatch, capsys, tmp_path):
    def interrupt(session):
        raise KeyboardInterrupt

    monkeypatch.setattr(cases, 'registry', lambda: {
        'a': Benchmark('a', 'first', lambda session: Result(text='found')),
        'b': Benchmark('b', 'second', interrupt), 'c': Benchmark('c', 'third', interrupt)})
    assert main(['--json', str(tmp_path / 'report.json')]) == 130
    assert '1 measured, 0 failed, 0 not run' in capsys.readouterr().out
    found = json.loads((tmp_path / 'report.json').read_text())
    assert [result['name'] for result in found['benchmarks']] == ['a']


@pytest.mark.parametrize('arguments, message', [
    (['--only', 'nothing', 'svc'], 'error: no benchmark matches nothing; --list prints the names'),
    (['--gpu', '99'], 'error: --gpu 99: .*Use --gpu -1 for the CPU'),
    (['--upstream', '/no/such/checkout'], 'error: /no/such/checkout is no checkout'),
    (['--torch-python', '/no/such/python'], 'error: cannot start /no/such/python'),
    (['--json', '/proc/report.json'], 'error: cannot write /proc/report.json')])
def test_what_cannot_be_done(arguments, message, capsys):
    assert main(['--quick', *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ''
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(err.splitlines()[-1])


@pytest.mark.parametrize('arguments', [
    ['--repeats', '0'], ['--threads', 'two'], ['--python', 'python3.6'], ['--only']])
def test_what_cannot_be_asked(arguments, capsys):
    with pytest.raises(SystemExit, match='2'):
        main(arguments)


def test_wrong_threads(monkeypatch, capsys):
    monkeypatch.setenv('TGAN_NUM_THREADS', '-1')
    assert main(['--quick']) == 2
    assert "TGAN_NUM_THREADS is '-1'" in capsys.readouterr().err
