"""`python -m benchmarks`: measure, side by side, and report ratios."""
import argparse
import contextlib
import fnmatch
import sys
from pathlib import Path

from benchmarks import cases, machine, report, sides
from benchmarks.registry import Session
from tgan_chainer.commands.run import run_command
from tgan_chainer.device import get_device
from tgan_chainer.errors import ConfigError
from tgan_chainer.io import files

EXIT_FAILED = 1


def main(argv=None):
    """Command line -> exit code: 0, 1 after a failed benchmark, 2 for what cannot be asked."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.python and not arguments.upstream:
        parser.error('--python is the interpreter for --upstream DIR')
    results = []
    code = run_command(_run, arguments, results)
    return code or (EXIT_FAILED if any(r.verdict == 'failed' for r in results) else 0)


def _parser():
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks',
        description='Measure this project beside others, in turns, and print ratios with their '
        'spread. Exit code 1 if a benchmark fails.',
        epilog='docs/benchmarks.md says how to read what is printed.')
    parser.add_argument('--list', action='store_true', help='print the names of the benchmarks')
    parser.add_argument('--only', nargs='+', action='extend', metavar='NAME',
                        help='run the benchmarks whose name has this part, or matches this shell '
                        'pattern')
    parser.add_argument('--quick', action='store_true',
                        help='small networks and few rounds: shows that everything runs, measures '
                        'nothing of interest')
    parser.add_argument('--repeats', type=_positive, metavar='N',
                        help='rounds of every comparison (5; with --quick 2)')
    parser.add_argument('--threads', type=_positive, metavar='N',
                        help='threads of every process (TGAN_NUM_THREADS, or one a CPU; with '
                        '--quick 1)')
    parser.add_argument('--json', type=Path, metavar='FILE',
                        help='write everything that was measured')
    parser.add_argument('--plot', type=Path, metavar='FILE.png', help='draw the ratios')
    parser.add_argument('--gpu', type=int, default=-1, metavar='N', help='GPU, -1 for the CPU')
    parser.add_argument('--upstream', metavar='DIR',
                        help="a checkout of the authors' repository, to run beside ours")
    parser.add_argument('--python', metavar='PY',
                        help='the interpreter that runs it (by default this one)')
    parser.add_argument('--torch-python', metavar='PY',
                        help='an interpreter that has PyTorch (by default this one)')
    return parser


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'{number} is not positive')
    return number


def choose(patterns):
    """The benchmarks of ``--only``, all without it, in the registry's order.

    Raises:
        ConfigError: None matches a pattern.
    """
    available = cases.registry().values()
    if patterns is None:
        return list(available)
    for pattern in patterns:
        if not any(_matches(benchmark.name, pattern) for benchmark in available):
            raise ConfigError(f'no benchmark matches {pattern}; --list prints the names')
    return [benchmark for benchmark in available
            if any(_matches(benchmark.name, pattern) for pattern in patterns)]


def _matches(name, pattern):
    return pattern in name or fnmatch.fnmatch(name, pattern)


def _run(arguments, results):
    """Run what was chosen into ``results``, print it, and write the files that were asked for."""
    chosen = choose(arguments.only)
    if arguments.list:
        print('\n'.join(f'{benchmark.name:<22}{benchmark.about}' for benchmark in chosen))
        return
    get_device(arguments.gpu)    # tells early that there is none
    options = sides.Options(
        quick=arguments.quick, repeats=arguments.repeats or (2 if arguments.quick else 5),
        threads=arguments.threads or sides.default_threads(arguments.quick), gpu=arguments.gpu,
        upstream=arguments.upstream, python=arguments.python,
        torch_python=arguments.torch_python)
    described = machine.describe(options.threads, options.gpu)
    with (_output(arguments.json) as json_file, _output(arguments.plot) as plot_file,
          sides.Sides(options) as workers):
        workers.require_what_was_asked_for()
        interrupted = _measure(chosen, Session(options, workers), results)
        print(report.text(results, described, workers.descriptions, options))
        if json_file:
            files.write_json(json_file, report.document(
                results, described, workers.descriptions, options))
        if plot_file:
            from benchmarks import plot
            plot.write(plot_file, results, report.title(described, options))
    if interrupted:
        raise KeyboardInterrupt


def _measure(chosen, session, results):
    """Run the benchmarks until Ctrl-C, which keeps what was measured -> whether it came."""
    try:
        for number, benchmark in enumerate(chosen, start=1):
            print(f'[{number}/{len(chosen)}] {benchmark.name}', file=sys.stderr, flush=True)
            results.append(benchmark.run(session))
    except KeyboardInterrupt:
        return True
    return False


def _output(path):
    """A file that is there, whole, at the end; a place that cannot be written to shows at once."""
    return files.atomic_path(path) if path else contextlib.nullcontext()


if __name__ == '__main__':
    sys.exit(main())
