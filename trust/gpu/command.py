"""`python -m trust.gpu`: run the three parts, and say what came of them."""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from tgan_chainer.commands.run import run_command
from tgan_chainer.io import files
from tgan_chainer.io.progress import steps
from trust.gpu import kernels, names

EXIT_FAILED = 1
EXIT_NOT_RUN = 3
"""Nothing failed, but a part that was asked for could not run."""


class Row(NamedTuple):
    """One line of the table.

    Attributes:
        part (str): names, double or kernels.
        name (str): What was looked at.
        verdict (str): 'OK', 'FAILED' or 'not run'.
        detail (str): Figures, or what is wrong.
    """

    part: str
    name: str
    verdict: str
    detail: str


def main(argv=None):
    """Run the command -> its exit code.

    0, 1 after a failure, 2 for what cannot be written, 3 if a part could not run, but none failed.
    """
    return run_command(_main, argv)


def _main(argv):
    parser = argparse.ArgumentParser(
        prog='python -m trust.gpu', description='What can be known about the code on a GPU '
        'without one. Exit code 1 if anything fails, 3 if a part could not run.')
    parser.add_argument('--only', nargs='+', choices=PARTS, default=list(PARTS),
                        help='parts to run (default: all)')
    parser.add_argument('--cupy', metavar='PYTHON', default=sys.executable,
                        help='interpreter with CuPy and NVRTC, for kernels (default: this one)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the rows as JSON')
    args = parser.parse_args(argv)
    trials = _Trials()
    rows = [row for part in steps([part for part in PARTS if part in args.only])
            for row in PARTS[part](args, trials)]
    width = max(len(row.name) for row in rows)
    for row in rows:
        print(f'{row.part:7} {row.verdict:7} {row.name:{width}} {row.detail}'.rstrip())
    verdicts = [row.verdict for row in rows]
    print(', '.join(f'{verdicts.count(verdict)} {verdict}'
                    for verdict in ('OK', 'FAILED', 'not run')))
    if args.json:
        files.write_json(args.json, [row._asdict() for row in rows])
    if 'FAILED' in verdicts:
        return EXIT_FAILED
    return EXIT_NOT_RUN if 'not run' in verdicts else 0


class _Trials:
    """What the worker wrote; it runs once, when it is first asked for."""

    def __init__(self):
        self._ran = None

    def ran(self):
        if self._ran is None:
            self._ran = run_worker()
        return self._ran


def run_worker():
    """Run the trials on the double, in a process of its own -> dict, see :mod:`.worker`.

    Raises:
        RuntimeError: It ended without a result, with what it wrote to stderr.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, 'worker.json')
        done = subprocess.run([sys.executable, '-m', 'trust.gpu.worker', str(file)], text=True,
                              capture_output=True, cwd=names.PROJECT)
        if done.returncode:
            raise RuntimeError(f'the trials ended with code {done.returncode}:\n{done.stderr}')
        return json.loads(file.read_text())


def _names(args, trials):
    wrong, count = names.check()
    rows = [Row('names', text, 'FAILED', '') for text in wrong]
    if not wrong:
        rows.append(Row('names', f'{count} names', 'OK', f'of CuPy {", ".join(names.SUPPORTED)}'))
    return rows


def _double(args, trials):
    return double_rows(trials.ran())


def double_rows(ran):
    """What the worker wrote -> rows: one for each trial, each fault, and the modules."""
    rows = []
    for result in ran['results']:
        detail = (f'difference {result["difference"]:.1e} of at most {result["tolerance"]:.0e}, '
                  f'{sum(result["transfers"].values())} copies')
        if not result['passed']:
            detail += ''.join(f'; {key}: {n}, expected {expected}' for key, n, expected
                              in unexpected(result)) + f'; {result["error"]}'
        rows.append(Row('double', result['name'], _verdict(result['passed']), detail))
    rows += [Row('double', f'fault: {name}', _verdict(caught), caught or 'nothing noticed it')
             for name, caught in ran['caught'].items()]
    new = set(ran['modules']) - set(names.load()['modules'])
    rows += [Row('double', f'{module} ran, and was not scanned for names', 'FAILED',
                 'make names.json again') for module in sorted(new)]
    return rows


def unexpected(result):
    """Yield (copy, how often, how often it should be) where the two differ."""
    found, expected = result['transfers'], result['expected']
    for key in sorted(found.keys() | expected.keys()):
        if found.get(key, 0) != expected.get(key, 0):
            yield key, found.get(key, 0), expected.get(key, 0)


def _kernels(args, trials):
    try:
        verdicts, versions = kernels.compile_all(trials.ran()['kernels'], args.cupy)
    except kernels.NotRunError as error:
        return [Row('kernels', 'CUDA kernels', 'not run', str(error))]
    rows = []
    for verdict in verdicts:
        archs = ', '.join(f'sm_{arch} {error or "OK"}' for arch, error in verdict.errors.items())
        rows.append(Row('kernels', f'{verdict.name} ({verdict.arguments})',
                        _verdict(verdict.passed), f'{archs} -- {verdict.where}'))
    compiler = f'CuPy {versions["cupy"]}, NVRTC {versions["nvrtc"]}'
    return [*rows, Row('kernels', f'{len(verdicts)} forms of kernels',
                       _verdict(all(verdict.passed for verdict in verdicts)), compiler)]


def _verdict(passed):
    return 'OK' if passed else 'FAILED'


PARTS = {'names': _names, 'double': _double, 'kernels': _kernels}
"""Name -> function from the flags and the trials to rows."""
