"""`python -m parity`: run the checks, and report."""
import argparse
import fnmatch
import sys
import time
from pathlib import Path

from parity import backend, checks, runner, summary, tolerances
from parity.check import Check, NotRunError, Verdict
from tgan_chainer.commands.flags import positive
from tgan_chainer.commands.run import run_command
from tgan_chainer.errors import TGANError
from tgan_chainer.functions.choice import KERNELS
from tgan_chainer.io import files, layout

TABLES = {'tables': "the paper's Tables 3 and 4 beside what was measured here",
          'mutations': 'the faults that the suite must catch',
          'tolerances': 'every bound with its reason'}
"""Other commands -> what they print."""


def main(argv=None):
    """Command line -> exit code: 0, 1 after a failed check, 2 for what cannot be asked."""
    return run_command(_main, sys.argv[1:] if argv is None else argv)


def _main(argv):
    if argv[:1] == ['record']:
        from parity import recorder
        return recorder.main(argv[1:])
    if argv[:1] and argv[0] in TABLES:
        return _table(*argv)
    arguments = _parse(argv)
    chosen = _choose(arguments)
    if arguments.list:
        print('\n'.join(check.name for check in chosen))
        return 0
    return _run(chosen, arguments)


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog='python -m parity',
        description="Check that this project computes what the authors' code computes. "
        'Exit code 1 if any check fails.',
        epilog='Other commands: `record` makes the recordings again (see `record --help`); ' + (
            '; '.join(f'`{name}` prints {what}' for name, what in TABLES.items())) + '.')
    parser.add_argument('--only', action='append', metavar='PATTERN',
                        help='run the checks whose name has this part, or matches this shell '
                        'pattern; may be given again')
    parser.add_argument('--list', action='store_true', help='print the names of the checks')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the report as JSON')
    parser.add_argument('--html', type=Path, metavar='DIR',
                        help='write the report as a page, DIR/index.html')
    parser.add_argument('--jobs', type=positive, metavar='N',
                        help='processes (by default one a core, four at most)')
    parser.add_argument('--kernels', choices=KERNELS,
                        help="this package's CPU kernels, or Chainer's own functions, as on a GPU "
                        '(default: tgan, or TGAN_CPU_KERNELS)')
    parser.add_argument('--gpu', type=int, default=-1, metavar='N',
                        help='compute our side on this GPU (default: -1, the CPU)')
    parser.add_argument('--upstream', type=Path, metavar='DIR',
                        help="a checkout of the authors' repository, to run beside ours")
    parser.add_argument('--python', metavar='PATH',
                        help='the interpreter that runs it (by default this one)')
    arguments = parser.parse_args(argv)
    if arguments.python and not arguments.upstream:
        parser.error('--python is the interpreter for --upstream DIR')
    if arguments.gpu >= 0 and arguments.upstream:
        parser.error('--upstream DIR compares on the CPU: leave --gpu out')
    if arguments.gpu >= 0 and arguments.kernels == 'tgan':
        parser.error("--kernels tgan is for the CPU: on a GPU Chainer's own functions run")
    return arguments


def _table(name, *argv):
    from parity import mutations, paper_tables
    from tgan_chainer.evaluation import ledger
    parser = argparse.ArgumentParser(prog=f'python -m parity {name}',
                                     description=f'Print {TABLES[name]}.')
    parser.add_argument('--markdown', type=Path, metavar='FILE',
                        help='write Markdown to this file instead')
    if name == 'tables':
        parser.add_argument('--ledger', type=Path, default=paper_tables.LEDGER, metavar='DIR',
                            help='folder of records (default: parity/ledger)')
    args = parser.parse_args(argv)
    if name == 'tables':
        found = paper_tables.report(ledger.read_folder(args.ledger), bool(args.markdown))
    else:
        columns, rows = {'mutations': mutations, 'tolerances': tolerances}[name].table()
        found = '\n'.join((layout.markdown if args.markdown else layout.text)(columns, rows))
    if args.markdown:
        files.write_text(args.markdown, f'{found}\n')
    print(args.markdown or found)


def _no_checkout():
    raise NotRunError("needs a checkout of the authors' repository: --upstream DIR")


def _choose(arguments):
    available = list(checks.registry().values())
    if arguments.upstream:
        from parity import upstream
        available += upstream.checks(arguments.upstream, arguments.python)
    else:
        available.append(Check('upstream/live', _no_checkout, cost=0))
    chosen = [check for check in available if matches(check.name, arguments.only)]
    if not chosen:
        raise TGANError(f'no check matches {" or ".join(arguments.only)}; --list prints the names')
    return chosen


def matches(name, patterns):
    """Whether a name has one of the patterns as a part, or matches it; all do without any."""
    return not patterns or any(
        pattern in name or fnmatch.fnmatch(name, pattern) for pattern in patterns)


def _run(chosen, arguments):
    start = time.monotonic()
    outcomes = runner.run(chosen, arguments.jobs, arguments.kernels, arguments.gpu)
    reports = []
    if arguments.json:
        files.write_json(arguments.json, summary.document(outcomes))
        reports.append(arguments.json)
    if arguments.html:
        from parity import page
        reports.append(arguments.html / 'index.html')
        files.write_text(reports[-1], page.render(outcomes))
    print(f'{summary.text(outcomes)}\n\n{summary.verdict(outcomes)}, in '
          f'{time.monotonic() - start:.0f} s, kernels: {backend.describe()}\n'
          f'report: {" and ".join(map(str, reports)) or "none; --html DIR writes one"}')
    return int(any(outcome.verdict is Verdict.FAILED for outcome in outcomes))


if __name__ == '__main__':
    sys.exit(main())
