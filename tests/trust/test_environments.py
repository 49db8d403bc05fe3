"""The trial of all environments, on a checkout whose Makefile installs a stand-in for Python."""
import json
import sys

import pytest

from tgan_chainer.errors import DataError
from trust import environments

MAKEFILE = """\
install:
\tmkdir -p $(VENV)/bin
\tcp python $(VENV)/bin/python
\tgrep '^numpy' $(CONSTRAINTS)
"""

# Says what it is asked for, as NumPy, parity and pytest do.
PYTHON = """\
#!/bin/sh
case "$*" in
*numpy*) echo 9.8.7 ;;
*parity*) echo '5 passed, 0 failed, 1 not run' ;;
*pytest*) echo "$*" > arguments; echo '== 1 failed, 3 passed in 2.00s =='; echo ; exit $CODE ;;
esac
"""

HERE = '{}.{}'.format(*sys.version_info)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    (tmp_path / 'Makefile').write_text(MAKEFILE)
    (tmp_path / 'python').write_text(PYTHON)
    (tmp_path / 'python').chmod(0o755)
    (tmp_path / 'constraints.txt').write_text(
        '# numpy==9\nnumpy==9.8; python_version >= "3.11"\nnumpy==9.7; python_version < "3.11"\n'
        'opencv-python-headless==5\n')
    monkeypatch.setattr(environments, 'CHECKOUT', tmp_path)
    monkeypatch.setenv('CODE', '0')
    return tmp_path


def test_only_the_pins_of_a_package_change():
    text = '# a==1\na==1; python_version >= "3.11"\na==1.5\nab==1\nb==2\n'
    assert environments.constraints(text, {'a': '3'}) == (
        '# a==1\na==3; python_version >= "3.11"\na==3\nab==1\nb==2\n')
    with pytest.raises(DataError, match='does not pin c'):
        environments.constraints(text, {'c': '1'})


def test_the_constraints_of_this_project_have_what_is_changed():
    text = (environments.CHECKOUT / 'constraints.txt').read_text()
    assert environments.OLDEST.keys() == set(environments.PYTHONS)
    for changes in environments.OLDEST.values():
        changed = environments.constraints(text, changes)
        assert f'\nnumpy=={changes["numpy"]}' in changed


def test_interpreters(monkeypatch, tmp_path):
    assert environments._version_of(environments.find_python(HERE)) == HERE
    monkeypatch.setenv('PATH', str(tmp_path))
    monkeypatch.setenv('PYENV_ROOT', str(tmp_path))
    assert environments.find_python(HERE) is None
    # A name that lies is not believed.
    (tmp_path / 'python3.10').symlink_to(sys.executable)
    assert environments.find_python('3.10') is None or HERE == '3.10'


def test_a_run(checkout, capsys):
    flags = ['--python', HERE, '--tests', "tests/a -m 'not slow'", '--keep', str(checkout / 'kept'),
             '--json', str(checkout / 'found.json')]
    assert environments.main(flags) == 0
    captured = capsys.readouterr()
    assert captured.out.splitlines()[2:] == [
        f'| {HERE} | {name}, 9.8.7 | ok | 5 passed, 0 failed, 1 not run | '
        '1 failed, 3 passed in 2.00s |' for name in ('oldest', 'newest')]
    assert 'oldest NumPy: tests ... exit code 0 after 0.0 minutes' in captured.err
    assert (checkout / 'arguments').read_text().endswith(' tests/a -m not slow\n')
    kept = checkout / 'kept' / f'python{HERE}-oldest'
    assert f'numpy=={environments.OLDEST[HERE]["numpy"]}' in (kept / 'install.log').read_text()
    assert [each['passed'] for each in json.loads((checkout / 'found.json').read_text())] == [
        True, True]


def test_failures(checkout, capsys, monkeypatch):
    monkeypatch.setenv('CODE', '1')
    assert environments.main(['--python', HERE, '--numpy', 'newest']) == 1
    captured = capsys.readouterr()
    assert '| 1 failed, 3 passed in 2.00s |' in captured.out
    assert '1 of 1 environments did not pass' in captured.err
    (checkout / 'Makefile').write_text('install:\n\techo no network; false\n')
    assert environments.main(['--python', HERE, '--numpy', 'newest']) == 1
    row = capsys.readouterr().out.splitlines()[2]
    assert row.startswith(f'| {HERE} | newest | failed: ') and row.endswith('|  |  |')


def test_an_interpreter_that_is_not_here_is_no_failure(checkout, capsys, monkeypatch):
    monkeypatch.setattr(environments, 'find_python', lambda version: None)
    assert environments.main(['--python', '3.13', '--numpy', 'newest']) == 0
    assert 'not run: there is no Python 3.13 here' in capsys.readouterr().out


def test_a_folder_that_exists_is_not_written_to(checkout):
    with pytest.raises(SystemExit) as caught:
        environments.main(['--keep', str(checkout)])
    assert caught.value.code == 2
