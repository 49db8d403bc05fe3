"""Where the time of a training step on a GPU goes: `python -m benchmarks.profile_step`.

PyTorch's profiler sees every kernel of a process, whoever launches it; so this needs PyTorch for
CUDA beside CuPy. Without a GPU the same updates run, and there is no kernel to show.
"""
import argparse
import contextlib
import functools
import sys
import time

import chainer
import numpy as np

from benchmarks import ours_worker, recipe
from parity import replay
from tgan_chainer.commands.run import run_command
from tgan_chainer.device import get_device, gpu_libraries, gpu_name
from tgan_chainer.errors import ConfigError

UPDATES = 10


def main(argv=None):
    """Command line -> exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.profile_step', description='Print what an update of WGAN with '
        'weight clipping takes on a GPU: kernels, launches, and how long the GPU waits.')
    add = parser.add_argument
    add('--size', choices=recipe.SIZES, default='full', help='of the networks (default: full)')
    add('--batch', type=int, default=32, help='videos a batch (default: 32)')
    add('--gpu', type=int, default=0, metavar='N', help='GPU (default: 0), -1 for the CPU')
    add('--lines', type=int, default=30, help='kernels to list (default: 30)')
    return run_command(_main, parser.parse_args(argv))


def _main(args):
    device = get_device(args.gpu)
    device.use()
    size = recipe.SIZES[args.size]
    update = replay.training(
        ours_worker.networks(size, device), *recipe.UPDATERS['clip'],
        recipe.videos(args.batch, size), args.batch, recipe.LEARNING_RATE, device)
    run = functools.partial(_run, update, device)
    run(3)    # compiles
    seconds = run(UPDATES)
    kernels = _kernels(lambda: run(UPDATES))
    busy = sum(microseconds for _, microseconds, _ in kernels) / 1e6
    launches = sum(n for *_, n in kernels)
    if device.xp is not np:
        print(f'{gpu_name(device)}, {gpu_libraries()}')
    print(f'an update, WGAN with weight clipping, size {args.size}, batch of {args.batch}: '
          f'{1000 * seconds / UPDATES:.2f} ms, {launches / UPDATES:.0f} kernels and copies, which '
          f'keep the GPU busy for {1000 * busy / UPDATES:.2f} ms')
    for name, microseconds, n in sorted(kernels, key=lambda kernel: -kernel[1])[:args.lines]:
        print(f'{microseconds / 1000 / UPDATES:9.3f} ms {n / UPDATES:7.1f} x  {name[:120]}')


def _run(update, device, n):
    """Seconds of ``n`` updates, none of which is waited for."""
    synchronize = device.xp.cuda.Device().synchronize if device.xp is not np else int
    synchronize()
    start = time.perf_counter()
    with chainer.using_config('tgan_cpu_kernels', 'chainer'):
        for _ in range(n):
            update()
    synchronize()
    return time.perf_counter() - start


def _kernels(function):
    """What runs on a GPU meanwhile -> list of (name, microseconds in all, how often)."""
    try:
        import torch
        from torch.profiler import ProfilerActivity, profile
    except ImportError as error:
        raise ConfigError(f'PyTorch, whose profiler this takes, cannot start: {error}') from None
    with contextlib.suppress(RuntimeError, AssertionError):    # there is no GPU
        torch.cuda.init()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
        function()
    return [(each.key, each.self_device_time_total, each.count) for each in found.key_averages()
            if each.self_device_time_total]


if __name__ == '__main__':
    sys.exit(main())
