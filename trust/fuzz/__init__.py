"""Hostile input: every reader of files gets what an enemy would write, and may only refuse it.

An input is made from its number and the seed, so a failure can be repeated. It may take neither
more than 2 seconds nor 256 MB, end only in success or in an error of `tgan_chainer.errors`, run
nothing, and open no other file.
"""
import argparse
import sys
from pathlib import Path

from tgan_chainer.commands.flags import positive
from tgan_chainer.commands.run import run_command
from tgan_chainer.errors import ConfigError
from tgan_chainer.io import files

EXIT_FAILED = 1
N_SHOWN = 5    # failures of a target that are printed


def main(argv=None):
    """Command line -> exit code: 0, 1 after a failure, 2 for what cannot be asked."""
    args = parse_args(argv)
    rows = []
    code = run_command(_run, args, rows)
    return code or (EXIT_FAILED if any(row['failures'] for row in rows) else 0)


def parse_args(argv=None):
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='python -m trust fuzz',
        description='Feed the readers of files with damaged and hostile ones. Exit code 1 if one '
        'of them does anything but read or refuse.', epilog='docs/trust.md says what is promised.')
    parser.add_argument('--inputs', type=positive, default=100_000, metavar='N',
                        help='inputs for each reader (default: 100000)')
    parser.add_argument('--only', nargs='+', metavar='TARGET', help='these readers (default: all)')
    parser.add_argument('--seed', type=int, default=0, help='of the inputs (default: 0)')
    parser.add_argument('--failures', type=Path, default=Path('fuzz-failures'), metavar='DIR',
                        help='where inputs that fail are kept (default: fuzz-failures)')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the table as JSON, too')
    return parser.parse_args(argv)


def _run(args, rows):
    from trust.fuzz.targets import TARGETS  # takes a second, which --help need not

    unknown = set(args.only or ()) - set(TARGETS)
    if unknown:
        raise ConfigError(f'--only: found {", ".join(sorted(unknown))}, expected some of '
                          f'{", ".join(TARGETS)}')
    print(HEADER, flush=True)
    for name in args.only or TARGETS:
        rows.append(fuzz(name, args.seed, args.inputs, args.failures))
        print(line(rows[-1]), flush=True)
    if args.json:
        files.write_json(args.json, {'seed': args.seed, 'targets': rows})


def fuzz(name, seed, n_inputs, folder):
    """Feed ``n_inputs``, or the target's share of them, to a target -> row of the table, a dict.

    Inputs that fail are written to ``folder``, with what was wrong beside them.
    """
    from trust.fuzz import targets, worker
    failures = []
    target = targets.TARGETS[name]
    seeds, n_inputs = target.seeds(), -(-n_inputs // target.share)

    def report(index, problem):
        failures.append(index)
        stem = Path(folder, f'{name}-{seed}-{index}')
        if index >= 0:    # else it is about the seeds
            files.write_bytes(stem, worker.make_input(name, seed, index, seeds))
        files.write_text(stem.with_name(stem.name + '.txt'), problem)
        if len(failures) <= N_SHOWN:
            print(f'FAILED: {stem}: {problem.strip().splitlines()[-1]}', file=sys.stderr)

    tally = worker.run(name, seed, n_inputs, report)
    return {'target': name, 'reads': target.about, 'inputs': n_inputs,
            'accepted': tally.accepted, 'refused': tally.refused, 'slowest': tally.slowest,
            'grown': tally.grown, 'failures': len(failures)}


HEADER = (f'{"target":<12}{"reads":<26}{"inputs":>8}{"accepted":>10}{"refused":>9}'
          f'{"slowest":>10}{"memory":>9}{"failures":>10}')


def line(row):
    """A row of the table; memory is the largest growth of the peak by one input."""
    return (f'{row["target"]:<12}{row["reads"]:<26}{row["inputs"]:>8}{row["accepted"]:>10}'
            f'{row["refused"]:>9}{row["slowest"]:>8.2f} s{row["grown"] / 2 ** 20:>6.0f} MB'
            f'{row["failures"]:>10}')
