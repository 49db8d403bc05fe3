import contextlib
import json

import pytest

from benchmarks import __main__ as command
from benchmarks import cases
from benchmarks.__main__ import main
from benchmarks.race import Finding
from benchmarks.sides import STAND_IN, NotRunError, WorkerError


def test_list(capsys):
    assert main(['--list', '--only', 'svc', 'memory/*']) == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names == ['step/svc-b4', 'step/svc-b8', 'step/svc-b16', 'step/svc-b32',
                     'svc/layers', 'svc/half', 'memory/step']


def test_quick_end_to_end(tmp_path, capfd):
    json_file = tmp_path / 'new' / 'report.json'
    assert main(['--quick', '--only', 'flops', 'step/*-b8', 'svc/layers', 'sampling', 'c3d',
                 'loaders/ucf101', '--upstream', str(STAND_IN), '--load', '1',
                 '--json', str(json_file)]) == 0
    out, err = capfd.readouterr()
    assert out.splitlines()[-1] == '6 measured, 0 failed, 2 not run'
    assert '[8/8] loaders/ucf101, size quick, load 1' in err
    assert 'c3d/clips-2' in out and 'leave out --quick' in out
    found = json.loads(json_file.read_text())
    assert {'ours', 'authors'} <= found['sides'].keys()
    assert found['machine']['packages']['chainer'] == '7.8.1'
    assert found['machine']['gpu'] is None and found['machine']['memory bytes'] > 100 << 20
    assert found['options']['repeats'] == 2
    assert [result['verdict'] for result in found['benchmarks']].index('not run') == 5
    flops, svc_step, clip_step, svc, sampling, _, _, loader = found['benchmarks']
    assert [row['layer'] for row in flops['data']['rows']][:2] == ['G0 dc0', 'G0 dc1']
    for result in (svc_step, clip_step, sampling):    # the authors' algorithm computes the same
        assert {'ours', "authors' algorithm, Chainer's kernels", 'sgemm floor'} <= set(
            result['costs'])
        assert all(len(costs) == 2 for costs in result['costs'].values())
    assert clip_step['data']['arithmetic']['GFLOP'] > 0
    # What is inside the bound is not rebuilt, so its error is that of a full factorisation at most.
    facts = svc['data']['answers']['ours'][0]['facts'][3]
    assert 0 <= facts['error'] < 1e-6 and facts['shape'] == [16, 8, 4, 4, 4]
    assert list(loader['costs']) == ['training step', 'UCF-101']


@pytest.fixture
def outcomes(monkeypatch):
    """Benchmarks of every outcome instead of the registry's."""
    def raises(session, error):
        raise error

    monkeypatch.setattr(cases, 'CASES', {
        'measured': ('about', lambda session: Finding(text='1')),
        'not-run': ('about', raises, NotRunError('needs a library')),
        'broken': ('about', raises, WorkerError('the worker ended')),
        'wrong': ('about', raises, KeyError('fault')),
        'interrupted': ('about', raises, KeyboardInterrupt())})


def test_every_size_beside_every_load(outcomes, monkeypatch, tmp_path, capsys):
    beside = []
    monkeypatch.setattr(command, 'busy_neighbours',
                        lambda n: contextlib.nullcontext(beside.append(n)))
    monkeypatch.setitem(cases.CASES, 'size', ('about', lambda session: Finding(
        text=f'{session.size["mid_ch"]} beside {beside[-1]}')))
    json_file = tmp_path / 'a.json'
    assert main(['--size', 'full', 'small', '--load', '0', '2', '--only', 'size',
                 '--json', str(json_file)]) == 0
    assert [(run['name'], run['size'], run['load'], run['text'])
            for run in json.loads(json_file.read_text())['benchmarks']] == [
        ('size', 'full', 0, '64 beside 0'), ('size', 'full', 2, '64 beside 2'),
        ('size', 'small', 0, '32 beside 0'), ('size', 'small', 2, '32 beside 2')]
    out, err = capsys.readouterr()
    assert 'size, size small, load 2: about' in out
    assert '[4/4] size, size small, load 2' in err


def test_a_failure_decides_the_exit_code(outcomes, capsys):
    assert main(['--only', 'measured', 'not-run']) == 0
    assert main(['--only', 'broken']) == 1
    assert main(['--only', '[mnbw]*']) == 1
    out = capsys.readouterr().out
    for line in ('1 measured, 2 failed, 1 not run', 'FAILED: the worker ended', 'FAILED: KeyError',
                 '[1] not run: needs a library'):
        assert line in out


def test_what_was_measured_before_ctrl_c_is_kept(outcomes, capsys, tmp_path):
    assert main(['--only', 'measured', 'interrupted', '--json', str(tmp_path / 'a.json')]) == 130
    assert '1 measured, 0 failed, 0 not run' in capsys.readouterr().out
    found = json.loads((tmp_path / 'a.json').read_text())
    assert [result['name'] for result in found['benchmarks']] == ['measured']


@pytest.mark.parametrize('arguments, message', [
    (['--only', 'nothing', 'svc'], 'error: no benchmark matches nothing; --list prints the names'),
    (['--gpu', '99'], 'error: --gpu 99: .*Use --gpu -1 for the CPU'),
    (['--upstream', '/no/such/checkout'], 'error: /no/such/checkout is no checkout of pfnet'),
    (['--torch-python', '/no/such/python'], 'error: cannot start /no/such/python'),
    (['--python', '/no/such/python'], 'error: cannot start /no/such/python'),
    (['--json', '/proc/report.json'], 'error: cannot write /proc/report.json'),
    ([], "error: TGAN_NUM_THREADS is '-1'; expected a positive integer")])
def test_what_cannot_be_done(arguments, message, capsys, monkeypatch):
    monkeypatch.setenv('TGAN_NUM_THREADS', '1' if arguments else '-1')
    assert main(['--quick', *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ''
    with pytest.raises(AssertionError, match=message):
        raise AssertionError(err.splitlines()[-1])


@pytest.mark.parametrize('arguments', [
    ['--repeats', '0'], ['--threads', 'two'], ['--load', '-1'], ['--size', 'huge'], ['--only']])
def test_what_cannot_be_asked(arguments):
    with pytest.raises(SystemExit, match='2'):
        main(arguments)
