"""Where the time of a training step on a GPU goes: `python -m benchmarks.profile_step`.

PyTorch's profiler sees every kernel of a process, whoever launches it; so this needs PyTorch for
CUDA beside CuPy. Without a GPU the same updates run, and there is no kernel to show.
"""
import argparse
import sys
import time

import numpy as np

from benchmarks import ours_worker, recipe
from parity import backend, driver, replay
from tgan_chainer.commands.run import run_command
from tgan_chainer.device import gpu_name
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
    return run_command(_main, parser.parse_args(argv))


def _main(args):
    try:
        from torch.autograd import DeviceType
        from torch.profiler import ProfilerActivity, profile
    except ImportError as error:
        raise ConfigError(f'PyTorch, whose profiler this takes, cannot start: {error}') from None
    backend.use('chainer', args.gpu)
    device, size = backend.device, recipe.SIZES[args.size]
    update = driver.training(
        replay.OURS, ours_worker.networks(size), *recipe.UPDATERS['clip'],
        recipe.videos(args.batch, size), args.batch, recipe.LEARNING_RATE)
    _milliseconds(update, device)    # compiles
    wall = _milliseconds(update, device)
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
        _milliseconds(update, device)
    kernels = sorted(((each.self_device_time_total / 1000 / UPDATES, each.count / UPDATES, each.key)
                      for each in found.key_averages() if each.device_type == DeviceType.CUDA),
                     reverse=True)
    print(f'{gpu_name(device)}: {wall:.2f} ms an update, size {args.size}, batch of {args.batch}; '
          f'{sum(n for _, n, _ in kernels):.0f} kernels and copies keep the GPU busy for '
          f'{sum(busy for busy, *_ in kernels):.2f} ms of them')
    for busy, n, name in kernels:
        print(f'{busy:9.3f} ms {n:7.1f} x  {name[:120]}')


def _milliseconds(update, device):
    """Of one of some updates, between which the host does not wait."""
    synchronize = int if device.xp is np else device.device.synchronize
    synchronize()
    start = time.perf_counter()
    for _ in range(UPDATES):
        update()
    synchronize()
    return 1000 * (time.perf_counter() - start) / UPDATES


if __name__ == '__main__':
    sys.exit(main())
