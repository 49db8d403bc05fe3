"""`python -m parity`: run the checks, and report."""
import argparse
import sys
import time
from pathlib import Path

from parity import backend, checks, layout, mutations, paper_tables, report, runner, tolerances
from parity.check import Check, NotRunError, Verdict, choose
from tgan_chainer.commands.flags import positive
from tgan_chainer.commands.run import run_command
from tgan_chainer.evaluation import ledger
from tgan_chainer.functions.choice import KERNELS
from tgan_chainer.io import files

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
    available = _available(arguments)
    names = choose('check', available, arguments.only)
    if arguments.list:
        print('\n'.join(names))
        return 0
    return _run([available[name] for name in names], arguments)


def _parse(argv):
    parser = argparse.ArgumentParser(
        prog='python -m parity',
        description="Check that this project computes what the authors' code computes. "
        'Exit code 1 if any check fails.',
        epilog='Other commands: `record` makes the recordings again (see `record --help`); ' + (
            '; '.join(f'`{name}` prints {what}' for name, what in TABLES.items())) + '.')
    add = parser.add_argument
    add('--only', action='append', metavar='PATTERN',
        help='run the checks whose name has this part, or matches this shell pattern; may be '
        'given again')
    add('--list', action='store_true', help='print the names of the checks')
    add('--json', type=Path, metavar='FILE', help='write the report as JSON')
    add('--html', type=Path, metavar='DIR', help='write the report as a page, DIR/index.html')
    add('--jobs', type=positive, metavar='N',
        help='processes (by default one a core, four at most)')
    add('--kernels', choices=KERNELS,
        help="this package's CPU kernels, or Chainer's own functions, as on a GPU (default: tgan, "
        'or TGAN_CPU_KERNELS)')
    add('--gpu', type=int, default=-1, metavar='N',
        help='compute our side on this GPU (default: -1, the CPU)')
    add('--upstream', type=Path, metavar='DIR',
        help="a checkout of the authors' repository, to run beside ours")
    add('--python', metavar='PATH', help='the interpreter that runs it (by default this one)')
    arguments = parser.parse_args(argv)
    if arguments.python and not arguments.upstream:
        parser.error('--python is the interpreter for --upstream DIR')
    if arguments.gpu >= 0 and arguments.upstream:
        parser.error('--upstream DIR compares on the CPU: leave --gpu out')
    if arguments.gpu >= 0 and arguments.kernels == 'tgan':
        parser.error("--kernels tgan is for the CPU: on a GPU Chainer's own functions run")
    return arguments


def _table(name, *argv):
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


def _available(arguments):
    """{name: check} of what there is to choose from."""
    if not arguments.upstream:
        return {**checks.registry(), 'upstream/live': Check('upstream/live', _no_checkout, cost=0)}
    from parity import upstream
    live = upstream.checks(arguments.upstream, arguments.python)
    return {**checks.registry(), **{check.name: check for check in live}}


def _run(chosen, arguments):
    start = time.monotonic()
    outcomes = runner.run(chosen, arguments.jobs, arguments.kernels, arguments.gpu)
    reports = []
    if arguments.json:
        files.write_json(arguments.json, report.document(outcomes))
        reports.append(arguments.json)
    if arguments.html:
        reports.append(arguments.html / 'index.html')
        files.write_text(reports[-1], report.page(outcomes))
    print(f'{report.text(outcomes)}\n\n{report.verdict(outcomes)}, in '
          f'{time.monotonic() - start:.0f} s, kernels: {backend.describe()}\n'
          f'report: {" and ".join(map(str, reports)) or "none; --html DIR writes one"}')
    return int(any(outcome.verdict is Verdict.FAILED for outcome in outcomes))


if __name__ == '__main__':
    sys.exit(main())
