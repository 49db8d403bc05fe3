"""`python -m benchmarks`: measure, side by side, and report ratios."""
import argparse
import contextlib
import fnmatch
import sys
from pathlib import Path

from benchmarks import cases, machine, output, recipe
from benchmarks.sides import Session, busy_neighbours, default_threads
from tgan_chainer.commands.run import positive, run_command
from tgan_chainer.device import get_device
from tgan_chainer.errors import ConfigError
from tgan_chainer.io import files

EXIT_FAILED = 1


def main(argv=None):
    """Command line -> exit code: 0, 1 after a failed benchmark, 2 for what cannot be asked."""
    outcomes = []
    code = run_command(_run, parser().parse_args(argv), outcomes)
    return code or (EXIT_FAILED if any(o.verdict == 'failed' for o in outcomes) else 0)


def parser():
    """The flags of the command."""
    found = argparse.ArgumentParser(
        prog='python -m benchmarks',
        description='Measure this project beside others, in turns, and print ratios with their '
        'spread. Exit code 1 if a benchmark fails.',
        epilog='docs/benchmarks.md says how to read what is printed.')
    add = found.add_argument
    add('--list', action='store_true', help='print the names of the benchmarks')
    add('--only', nargs='+', action='extend', metavar='NAME',
        help='run the benchmarks whose name has this part, or matches this shell pattern')
    add('--size', choices=[name for name in recipe.SIZES if name != 'quick'], default='full',
        help="of the networks: the paper's (default), the default experiment's, those for 32x32")
    add('--quick', action='store_true',
        help='networks of no size and few rounds: shows that everything runs, measures nothing of '
        'interest')
    add('--load', type=_natural, default=0, metavar='N',
        help='measure beside N processes that keep a core busy each (0)')
    add('--repeats', type=positive, metavar='N',
        help='rounds of every comparison (5; with --quick 2)')
    add('--threads', type=positive, metavar='N',
        help='threads of every process (TGAN_NUM_THREADS, or one a CPU; with --quick 1)')
    add('--json', type=Path, metavar='FILE', help='write everything that was measured')
    add('--gpu', type=int, default=-1, metavar='N', help='GPU, -1 for the CPU')
    add('--upstream', metavar='DIR', help="a checkout of the authors' repository, whose code runs "
        "as it is (by default the tests' stand-in for one)")
    add('--python', metavar='PY', help='the interpreter that runs it (by default this one)')
    add('--torch-python', metavar='PY',
        help='an interpreter that has PyTorch (by default this one)')
    return found


def _natural(text):
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f'{number} is negative')
    return number


def complete(options):
    """Fill in the options that depend on others."""
    if options.quick:
        options.size = 'quick'
    options.repeats = options.repeats or (2 if options.quick else 5)
    options.threads = options.threads or default_threads(options.quick)
    return options


def choose(patterns):
    """The benchmarks of ``--only``, all without it, in the registry's order.

    Raises:
        ConfigError: None matches a pattern.
    """
    def matches(name, pattern):
        return pattern in name or fnmatch.fnmatch(name, pattern)

    available = cases.registry()
    if patterns is None:
        return list(available.values())
    for pattern in patterns:
        if not any(matches(name, pattern) for name in available):
            raise ConfigError(f'no benchmark matches {pattern}; --list prints the names')
    return [benchmark for name, benchmark in available.items()
            if any(matches(name, pattern) for pattern in patterns)]


def _run(options, outcomes):
    """Run what was chosen into ``outcomes``, print it, and write the file that was asked for."""
    chosen = choose(options.only)
    if options.list:
        print('\n'.join(f'{benchmark.name:<22}{benchmark.about}' for benchmark in chosen))
        return
    get_device(options.gpu)    # tells early that there is none
    described = machine.describe(complete(options).threads, options.gpu)
    # The file is there, whole, at the end; a place that cannot be written to shows at once.
    target = files.atomic_path(options.json) if options.json else contextlib.nullcontext()
    with target as json_file, Session(options) as session, busy_neighbours(options.load):
        session.require_what_was_asked_for()
        interrupted = _measure(chosen, session, outcomes)
        found = outcomes, described, session.descriptions, options
        print(output.text(*found))
        if json_file:
            files.write_json(json_file, output.document(*found))
    if interrupted:
        raise KeyboardInterrupt


def _measure(chosen, session, outcomes):
    """Run the benchmarks until Ctrl-C, which keeps what was measured -> whether it came."""
    try:
        for number, benchmark in enumerate(chosen, start=1):
            print(f'[{number}/{len(chosen)}] {benchmark.name}', file=sys.stderr, flush=True)
            outcomes.append(benchmark.run(session))
    except KeyboardInterrupt:
        return True
    return False


if __name__ == '__main__':
    sys.exit(main())
