import json

import pytest

import parity.checks
from parity import layout, runner
from parity.__main__ import main
from tgan_chainer import device


def test_list(capsys):
    assert main(['--list', '--only', 'shapes/', '--only', 'state/*/chainer-7.8.1']) == 0
    names = capsys.readouterr().out.split()
    assert names[:4] == ['shapes/G0', 'shapes/G1', 'shapes/D', 'state/beta_default/chainer-7.8.1']
    assert len(names) == 3 + 8 + 1


@pytest.mark.parametrize('arguments', [
    ['--jobs', '0'], ['--jobs', 'two'], ['--python', 'python3.6'], ['--kernels', 'numpy'],
    ['--gpu', '0', '--upstream', 'DIR'], ['--gpu', '0', '--kernels', 'tgan']])
def test_what_cannot_be_asked(arguments):
    with pytest.raises(SystemExit, match='2'):
        main(arguments)


@pytest.mark.parametrize('arguments, message', [
    (['--only', 'nothing'], 'no check matches nothing; --list prints the names'),
    (['--upstream', '/nowhere'], '/nowhere is no checkout of pfnet-research/tgan'),
    (['--gpu', '0', '--only', 'shapes/'],
     '--gpu 0: CUDA finds no GPU. Use --gpu -1 for the CPU.')])
def test_what_is_not_there(arguments, message, monkeypatch, capsys):
    monkeypatch.setattr(device, '_probe', lambda: (0, 'CUDA finds no GPU'))
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f'error: {message}') and not captured.out


def test_registered_checks_run_in_other_processes(capsys):
    assert main(['--only', 'inception-score/oracle', '--only', 'released', '--jobs', '2']) == 0
    captured = capsys.readouterr()
    assert 'OK      metrics/inception-score/oracle' in captured.out
    verdict, report = captured.out.splitlines()[-2:]
    assert verdict.startswith('PASSED: 1 passed, 0 failed, 2 not run, in ')
    assert verdict.endswith(', kernels: tgan on @numpy')
    assert report == 'report: none; --html DIR writes one'
    assert [line[:6] for line in captured.err.splitlines()] == ['[1/3] ', '[2/3] ', '[3/3] ']


def test_failures_and_what_did_not_run(checks, monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(parity.checks, 'registry', lambda: checks)
    monkeypatch.setenv('COLUMNS', '120')
    file = tmp_path / 'new' / 'report.json'
    assert main(['--json', str(file), '--html', str(tmp_path / 'page')]) == 1
    out = capsys.readouterr().out
    assert out.splitlines()[-1] == f'report: {file} and {tmp_path / "page" / "index.html"}'
    for part in ('FAILED: 2 passed, 2 failed, 2 not run, in', 'NOT OK  forward/differs',
                 'D vdis/c0 (1,): max abs 1, max rel 0.5, tolerance 1e-06 (rounding <of> float32)',
                 'ValueError: no such <layer>', 'not run upstream/live', 'not run metrics/misses',
                 'needs a file & time', 'Left out of gradients and trajectories: vdis.c1.b.'):
        assert part in out
    assert (tmp_path / 'page' / 'index.html').is_file()
    document = json.loads(file.read_text())
    assert (document['passed'], document['failed'], document['not run']) == (2, 2, 2)
    assert document['excluded']['tensors'] == ['vdis.c1.b'] and document['versions']['revision']
    check = document['checks'][0]
    assert (check['verdict'], check['layer']) == ('passed', 'trajectories')
    differs = document['checks'][2]['comparisons'][1]
    assert (differs['max abs'], differs['reason']) == (
        'inf', 'shape (1,) against (1, 1); rounding <of> float32')


def test_outcomes_come_in_the_order_of_the_checks(checks):
    backwards = list(reversed(checks.values()))
    assert [outcome.name for outcome in runner.run(backwards)] == [
        check.name for check in backwards]


@pytest.mark.parametrize('columns', [60, 130])
def test_tables_fit_the_terminal(monkeypatch, capsys, columns):
    monkeypatch.setenv('COLUMNS', str(columns))
    for name in ('mutations', 'tolerances', 'tables'):
        assert main([name]) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= columns
    rows = [('a', 'one\nanother'), ('bc', 'word ' * 9)]
    assert layout.text(('', 'what'), rows, indent=columns - 24) == [
        '    what', '--  ' + '-' * 20, 'a   one', '    another', 'bc  word word word word',
        '    word word word word', '    word']


def test_tables_as_markdown(tmp_path, capsys):
    file = tmp_path / 'new' / 'a.md'
    for name, row in (('mutations', '| 1 | G1 half as wide | models/video_generator | shapes/G1 |'),
                      ('tolerances', '| FORWARD_64 | 1e-12 | float64: some thousand roundings')):
        assert main([name, '--markdown', str(file)]) == 0
        assert capsys.readouterr().out == f'{file}\n' and row in file.read_text()
    assert layout.markdown(('', 'a|b'), [('1', 'c\nd')]) == [
        '|  | a\\|b |', '| --- | --- |', '| 1 | c<br>d |']
