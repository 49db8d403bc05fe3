"""The command `python -m parity`."""
import json

import pytest

import parity.checks
from parity import report, runner, tolerances
from parity.__main__ import main
from tgan_chainer import device


@pytest.fixture
def only_these(checks, monkeypatch):
    """The command finds these checks instead of the registry's, and runs them in this process."""
    monkeypatch.setattr(parity.checks, 'registry', lambda: checks)


def test_list(capsys):
    assert main(['--list', '--only', 'shapes/']) == 0
    assert capsys.readouterr().out.split() == ['shapes/G0', 'shapes/G1', 'shapes/D']


def test_only_takes_parts_of_names_and_shell_patterns(capsys):
    main(['--list', '--only', 'inception-score/oracle', '--only', 'state/*/chainer-7.8.1'])
    names = capsys.readouterr().out.split()
    assert len(names) == 1 + 8 + 1 and names[0] == 'state/beta_default/chainer-7.8.1'


def test_nothing_chosen(capsys):
    assert main(['--only', 'nothing']) == 2
    assert 'no check matches nothing; --list prints the names' in capsys.readouterr().err


@pytest.mark.parametrize('arguments', [
    ['--jobs', '0'], ['--jobs', 'two'], ['--python', 'python3.6'], ['--kernels', 'numpy'],
    ['--gpu', '0', '--upstream', 'DIR'], ['--gpu', '0', '--kernels', 'tgan']])
def test_what_cannot_be_asked(arguments, capsys):
    with pytest.raises(SystemExit, match='2'):
        main(arguments)


def test_registered_checks_run_in_other_processes(capsys):
    assert main(['--only', 'inception-score/oracle', '--only', 'released', '--jobs', '2']) == 0
    captured = capsys.readouterr()
    assert 'OK      metrics/inception-score/oracle' in captured.out
    last = captured.out.splitlines()[-1]
    assert last.startswith('1 passed, 0 failed, 2 not run in ')
    assert last.endswith(', kernels: tgan on @numpy')
    assert '[1/3' in captured.err and '[3/3' in captured.err


def test_without_a_gpu(monkeypatch, capsys):
    monkeypatch.setattr(device, '_probe', lambda: (0, 'CUDA finds no GPU'))
    assert main(['--gpu', '0', '--only', 'shapes/']) == 2
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        'python -m parity: --gpu 0: CUDA finds no GPU. Use --gpu -1 for the CPU.']
    assert not captured.out


def test_failures_and_what_did_not_run(only_these, capsys, tmp_path):
    file = tmp_path / 'new' / 'report.json'
    assert main(['--json', str(file), '--html', str(tmp_path / 'page')]) == 1
    out = capsys.readouterr().out
    assert '2 passed, 2 failed, 3 not run' in out.splitlines()[-1]
    assert 'NOT OK  forward/differs' in out
    assert 'D vdis/c0 (1,): max abs 1, max rel 0.5, tolerance 1e-06 (rounding <of> float32)' in out
    assert 'ValueError: no such <layer>' in out
    assert 'not run upstream/live' in out
    assert 'not run metrics/misses' in out and 'needs a file & time' in out
    assert 'Left out of gradients and trajectories: vdis.c1.b.' in out
    assert (tmp_path / 'page' / 'index.html').is_file()

    document = json.loads(file.read_text())
    assert (document['passed'], document['failed'], document['not run']) == (2, 2, 3)
    assert document['excluded']['tensors'] == ['vdis.c1.b']
    check = document['checks'][0]
    assert check['verdict'] == 'passed'
    assert check['comparisons'][0]['histogram'] == {'zero': 1, '1e-9': 1}
    assert check['comparisons'][0]['reason'] == 'rounding <of> float32'


def test_what_is_not_finite_is_written_as_text(checks):
    result = checks['forward/differs'].run()
    broken = report.document([result.__class__(comparisons=(
        result.comparisons[0].__class__(**{
            **vars(result.comparisons[0]), 'max_abs': float('inf'), 'max_rel': float('nan')}),))])
    comparison = broken['checks'][0]['comparisons'][0]
    assert (comparison['max abs'], comparison['max rel']) == ('inf', 'nan')


def test_results_come_in_the_order_of_the_checks(checks):
    backwards = list(reversed(checks.values()))
    assert [result.name for result in runner.run(backwards)] == [
        check.name for check in backwards]


def test_tolerances_are_printed_with_their_reasons(capsys):
    assert main(['tolerances']) == 0
    printed = capsys.readouterr().out
    assert f'| `SVC_64` | 1e-12 | {tolerances.SVC_64.reason} |' in printed
    assert printed == tolerances.markdown()


def test_missing_checkout(capsys, tmp_path):
    assert main(['--upstream', str(tmp_path / 'nowhere')]) == 2
    assert 'nowhere' in capsys.readouterr().err
