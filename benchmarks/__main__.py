"""`python -m benchmarks`: measure, side by side, and report ratios."""
import argparse
import contextlib
import itertools
import sys
import traceback
from pathlib import Path

from benchmarks import cases, output, recipe
from benchmarks.race import Finding
from benchmarks.sides import NotRunError, Session, WorkerError, busy_neighbours
from parity.check import choose
from tgan_chainer.commands.flags import in_range, positive
from tgan_chainer.commands.run import run_command
from tgan_chainer.device import get_device
from tgan_chainer.functions.cpu.parallel import num_threads
from tgan_chainer.io import files
from tgan_chainer.io.progress import steps


def main(argv=None):
    """Command line -> exit code: 0, 1 after a failed benchmark, 2 for what cannot be asked."""
    return run_command(_main, argv)


def parse(argv=None):
    """The options of a command line; those that depend on others are filled in."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks',
        description='Measure this project beside others, in turns, and print ratios with their '
        'spread. Exit code 1 if a benchmark fails.',
        epilog='docs/benchmarks.md says how to read what is printed.')
    add = parser.add_argument
    add('--list', action='store_true', help='print the names of the benchmarks')
    add('--only', nargs='+', action='extend', metavar='NAME',
        help='run the benchmarks whose name has this part, or matches this shell pattern')
    add('--size', nargs='+', choices=[name for name in recipe.SIZES if name != 'quick'],
        default=['full'], help="of the networks, in turn: the paper's for Moving MNIST (default) "
        "or UCF-101, a quarter of its channels, the default experiment's")
    add('--quick', action='store_true', help='tiny networks, few rounds, one thread: shows that '
        'everything runs, measures nothing of interest')
    add('--repeats', type=positive, metavar='N',
        help='rounds of every comparison (5; with --quick 2)')
    add('--threads', type=positive, metavar='N',
        help='threads of every process (TGAN_NUM_THREADS, or one a CPU)')
    add('--load', nargs='+', type=in_range(0), default=[0], metavar='N',
        help='measure beside N processes that keep a core busy each, for every N in turn')
    add('--json', type=Path, metavar='FILE', help='write everything that was measured')
    add('--gpu', type=int, default=-1, metavar='N', help='GPU, -1 for the CPU')
    add('--tf32', action='store_true', help='let products on a GPU round float32 factors to TF32: '
        'faster, and off by default, as in 2017')
    add('--upstream', metavar='DIR', help="a checkout of the authors' repository, whose code runs "
        "as it is (by default the tests' stand-in for one)")
    add('--python', metavar='PY', help='the interpreter that runs it (by default this one)')
    add('--torch-python', metavar='PY',
        help='an interpreter that has PyTorch (by default this one)')
    options = parser.parse_args(argv)
    options.threads = options.threads or min(num_threads(), 1 if options.quick else sys.maxsize)
    options.repeats = options.repeats or (2 if options.quick else 5)
    if options.quick:
        options.size = ['quick']
    return options


def _main(argv):
    options, outcomes, interrupted = parse(argv), [], None
    names = choose('benchmark', cases.CASES, options.only)
    runs = {f'{name}, size {size}, load {load}': (name, size, load)
            for size, load, name in itertools.product(options.size, options.load, names)}
    if options.list:
        print('\n'.join(f'{name:<21}{cases.CASES[name][0]}' for name in names))
        return
    machine = output.machine(get_device(options.gpu))
    # The file is there, whole, at the end; a place that cannot be written to shows at once.
    target = files.atomic_path(options.json) if options.json else contextlib.nullcontext()
    with target as json_file, Session(options) as session:
        session.require_what_was_asked_for()
        try:
            for run in steps(runs):
                outcomes.append(run_case(session, *runs[run]))
        except KeyboardInterrupt as error:    # keeps what was measured
            interrupted = error
        found = outcomes, machine, session.descriptions, options
        print(output.text(*found))
        if json_file:
            files.write_json(json_file, output.document(*found))
    if interrupted:
        raise interrupted
    return int(any(outcome.verdict == 'failed' for outcome in outcomes))


def run_case(session, name, size, load):
    """Run a benchmark with networks of a size, beside so many -> Finding, with what it raises."""
    about, function, *args = cases.CASES[name]
    session.size = recipe.SIZES[size]
    try:
        with busy_neighbours(load):
            outcome = function(session, *args)
    except NotRunError as reason:
        outcome = Finding(not_run=[(name, str(reason))])
    except WorkerError as error:
        outcome = Finding(errors=[str(error)])
    except Exception:    # a fault of ours may raise anything, and is a failure
        outcome = Finding(errors=[traceback.format_exc()])
    outcome.name, outcome.about, outcome.size, outcome.load = name, about, size, load
    return outcome


if __name__ == '__main__':
    sys.exit(main())
