"""Install, tests and parity on every Python and NumPy that is supported.

    python -m trust environments                                  # all that this machine has
    python -m trust environments --python 3.12 --numpy oldest --tests "tests/models -m 'not slow'"

Each environment is a fresh virtual environment, made as `make install` makes it, in a folder of
its own outside of the checkout. What is tested is the checkout as it stands.
"""
import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from tgan_chainer.commands.run import run_command
from tgan_chainer.errors import DataError, TGANError
from tgan_chainer.io import files

CHECKOUT = Path(__file__).parents[1]

PYTHONS = ('3.10', '3.11', '3.12', '3.13')
NUMPYS = ('oldest', 'newest')

OLDEST = {
    '3.10': {'numpy': '1.26.4', 'opencv-python-headless': '4.11.0.86'},
    '3.11': {'numpy': '1.26.4', 'opencv-python-headless': '4.11.0.86'},
    '3.12': {'numpy': '1.26.4', 'opencv-python-headless': '4.11.0.86'},
    '3.13': {'numpy': '2.1.3'},    # the first with wheels is 2.1
}
"""Python -> versions in place of those of constraints.txt: the oldest NumPy, and the newest of what
no longer runs on it."""

_SUMMARY = re.compile(r'^=* ?(\d+ (?:passed|failed|error).*?) ?=*$')


class FailedError(TGANError):
    """An environment did not pass."""

    exit_code = 1


@dataclass
class Outcome:
    """What came of one environment.

    Attributes:
        python (str): '3.11'.
        numpy (str): 'oldest' or 'newest', and the version once it is installed.
        steps (dict): Name of a step -> what it ended with.
        passed (bool or None): None where it was not run.
    """

    python: str
    numpy: str
    steps: dict = field(default_factory=dict)
    passed: bool | None = None


def find_python(version):
    """Path of an interpreter 'X.Y', from PATH or pyenv's versions; None without one."""
    root = Path(os.environ.get('PYENV_ROOT', Path.home() / '.pyenv'), 'versions')
    candidates = [f'python{version}', *map(str, sorted(root.glob(f'{version}.*/bin/python')))]
    return next((path for path in candidates if _version_of(path) == version), None)


def _version_of(python):
    code = 'import sys, venv; print("%d.%d" % sys.version_info[:2])'
    try:
        return subprocess.run([python, '-c', code], capture_output=True, text=True, timeout=60,
                              check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return None


def constraints(text, changes):
    """The text of a constraints file with other versions.

    Args:
        changes (dict): Package -> version.

    Raises:
        DataError: The file says nothing of a package.
    """
    for package, version in changes.items():
        text, count = re.subn(rf'^{re.escape(package)}==[^;\s]+', f'{package}=={version}', text,
                              flags=re.MULTILINE)
        if not count:
            raise DataError(f'constraints.txt does not pin {package}, of which another version is '
                            'to be tried; pin it')
    return text


def try_environment(python, numpy, workplace, tests):
    """Install and test in one environment -> :class:`Outcome`.

    Args:
        python (str), numpy (str): Of :data:`PYTHONS` and :data:`NUMPYS`.
        workplace (pathlib.Path): Folder for the environment and its logs.
        tests (list of str): Arguments of pytest.
    """
    outcome = Outcome(python, numpy)
    interpreter = find_python(python)
    if interpreter is None:
        outcome.steps['install'] = f'not run: there is no Python {python} here'
        return outcome
    folder = workplace / f'python{python}-{numpy}'
    folder.mkdir(parents=True)
    pins = folder / 'constraints.txt'
    pins.write_text(constraints((CHECKOUT / 'constraints.txt').read_text(encoding='utf-8'),
                                OLDEST[python] if numpy == 'oldest' else {}), encoding='utf-8')
    run = folder / 'venv' / 'bin' / 'python'
    steps = {
        'install': ['make', f'VENV={run.parents[1]}', f'PYTHON={interpreter}',
                    f'CONSTRAINTS={pins}', 'install'],
        'versions': [run, '-c', 'import numpy; print(numpy.__version__)'],
        'parity': [run, '-m', 'parity'],
        'tests': [run, '-m', 'pytest', '-q', '-p', 'no:cacheprovider', *tests],
    }
    outcome.passed = True
    for name, command in steps.items():
        code, last = _step(name, command, folder, f'Python {python}, {numpy} NumPy')
        if name == 'versions':
            outcome.numpy = f'{numpy}, {last}'
            continue
        outcome.steps[name] = last if name != 'install' or code else 'ok'
        outcome.passed &= code == 0
        if code and name == 'install':
            break
    return outcome


def _step(name, command, folder, where):
    """Run a command -> exit code, the last line of its output that says something."""
    log, start = folder / f'{name}.log', time.monotonic()
    print(f'{where}: {name} ...', end=' ', flush=True, file=sys.stderr)
    with log.open('w', encoding='utf-8') as output:
        code = subprocess.run([str(part) for part in command], cwd=CHECKOUT, stdout=output,
                              stderr=subprocess.STDOUT, check=False).returncode
    lines = log.read_text(encoding='utf-8', errors='replace').splitlines()
    last = next((line.strip(' =') for line in reversed(lines) if line.strip(' =')), '')
    minutes = (time.monotonic() - start) / 60
    print(f'exit code {code} after {minutes:.1f} minutes', file=sys.stderr)
    return code, last if code == 0 or _SUMMARY.match(last) else f'failed: {last} (see {log})'


def table(outcomes):
    """What came of all environments, as a table in Markdown."""
    lines = ['| Python | NumPy | install | parity | tests |', '|---|---|---|---|---|']
    lines += [f'| {o.python} | {o.numpy} | {o.steps.get("install", "")} | '
              f'{o.steps.get("parity", "")} | {o.steps.get("tests", "")} |' for o in outcomes]
    return '\n'.join(lines)


def main(argv=None):
    """Run the command; returns its exit code: 1 if an environment that is here does not pass."""
    return run_command(_run, parse_args(argv))


def parse_args(argv=None):
    """Flags of the command."""
    parser = argparse.ArgumentParser(
        prog='python -m trust environments',
        description='Install, tests and parity on every Python and NumPy that is supported.')
    parser.add_argument('--python', nargs='+', choices=PYTHONS, default=PYTHONS, metavar='X.Y',
                        help=f'versions of Python (default: {" ".join(PYTHONS)})')
    parser.add_argument('--numpy', nargs='+', choices=NUMPYS, default=NUMPYS,
                        help='the oldest NumPy that is supported, or that of constraints.txt '
                        '(default: both)')
    parser.add_argument('--tests', default='', metavar='ARGUMENTS',
                        help='arguments of pytest, as one text (default: all tests)')
    parser.add_argument('--keep', type=Path, metavar='DIR', help='new folder for the environments '
                        'and their logs, which is kept (default: a temporary one)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the outcomes as JSON')
    args = parser.parse_args(argv)
    if args.keep and args.keep.exists():
        parser.error(f'--keep {args.keep} exists: expected the name of a new folder')
    return args


def _run(args):
    with tempfile.TemporaryDirectory() as temporary:
        workplace = args.keep.resolve() if args.keep else Path(temporary)
        outcomes = [try_environment(python, numpy, workplace, shlex.split(args.tests))
                    for python in args.python for numpy in args.numpy]
    print(table(outcomes))
    if args.json:
        files.write_json(args.json, [vars(outcome) for outcome in outcomes])
    failed = [o for o in outcomes if o.passed is False]
    if failed:
        raise FailedError(f'{len(failed)} of {len(outcomes)} environments did not pass; --keep DIR '
                          'keeps their logs')


if __name__ == '__main__':
    raise SystemExit(main())
