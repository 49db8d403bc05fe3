"""Runs the trials on the double, in a process of its own: `python -m trust.gpu.worker FILE`.

FILE gets JSON: what came of every trial, what caught every fault, which CuPy names and kernels were
asked for, and of which modules of Chainer a function was called.
"""
import argparse
import contextlib
import json
import os
import sys
import warnings
from pathlib import Path


def main(argv=None):
    """Run them; the exit code tells only whether that was possible."""
    parser = argparse.ArgumentParser(prog='python -m trust.gpu.worker')
    parser.add_argument('file', type=Path)
    parser.add_argument('--any-name', action='store_true',
                        help='let CuPy names pass that names.json does not have')
    args = parser.parse_args(argv)
    os.environ.pop('TGAN_CPU_KERNELS', None)    # the trials choose kernels
    warnings.filterwarnings('ignore', message='cuDNN is not enabled')
    random = _install(args.any_name)
    import tgan_chainer  # noqa: F401 -- imports Chainer, which finds the double

    # isort: split
    from trust.gpu import trials
    called = set()
    results = trials.run(random, lambda: _tracing(called))
    # A fault asks for what CuPy does not have.
    caught = {} if args.any_name else trials.catch()
    from trust.gpu.double import kernels, modules
    args.file.write_text(json.dumps({
        'results': [{**result._asdict(), 'passed': result.passed} for result in results],
        'caught': caught,
        'asked': sorted(modules.asked),
        'methods': sorted(_methods()),
        'kernels': [{'definition': definition._asdict(), 'arguments': sorted(types, key=str)}
                    for definition, types in sorted(kernels.requested.items())],
        'modules': sorted(filter(None, map(_in_chainer, called))),
    }, indent=1))
    return 0


def _install(any_name):
    import numpy as np

    if hasattr(np, '_set_promotion_state'):    # NumPy 1.26; both CuPy's treat arrays like this
        np._set_promotion_state('weak')
    from trust.gpu import double, name_list
    return double.install(None if any_name else name_list.load()['names'])


@contextlib.contextmanager
def _tracing(called):
    """Write down the files of all functions that are called; costs half as much time again."""
    sys.settrace(lambda frame, event, arg: called.add(frame.f_code.co_filename))
    try:
        yield
    finally:
        sys.settrace(None)


def _methods():
    from trust.gpu.double.arrays import ndarray
    return (name for name in dir(ndarray) if not name.startswith('_'))


def _in_chainer(file):
    _, found, inside = file.rpartition('/chainer/')
    return f'chainer/{inside}' if found and 'site-packages' in file else None


if __name__ == '__main__':
    raise SystemExit(main())
