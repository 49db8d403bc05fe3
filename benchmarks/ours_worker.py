"""The worker of our side.

    python -m benchmarks.ours_worker GPU

GPU is -1 for the CPU. Requests come as :mod:`parity.serving` says; the works are the functions
``work`` of the cases.
"""
import functools
import platform
import sys

import chainer
import numpy as np
import threadpoolctl
from chainer.iterators import SerialIterator

from benchmarks import recipe
from benchmarks.protocol import chainer_device
from parity import replay
from parity.serving import serve
from reference.recordings import CHAINERS, Model
from tgan_chainer.commands.run import run_command
from tgan_chainer.config import Optimizer
from tgan_chainer.device import get_device
from tgan_chainer.updaters import tgan_updater_wgan


def build_networks(size, device=None):
    """G0, G1 and D of the recipe, on a device -> (fsgen, vgen, vdis)."""
    models = replay.build({role: Model(*model) for role, model in recipe.networks(size).items()},
                          CHAINERS[0], recipe.BUILD_SEED)
    for model in models.values():
        model.to_device(device or '@numpy')
    return tuple(models.values())


def build_updater(name, batch, size, device=None):
    """An updater of the recipe, on networks and noise of its own."""
    cls, kwargs = recipe.UPDATERS[name]
    models = build_networks(size, device)
    optimizers = {role: Optimizer(args={'lr': recipe.LEARNING_RATE}).build().setup(model)
                  for role, model in zip(replay.NETWORKS, models, strict=True)}
    iterator = SerialIterator(recipe.videos(batch, size), batch, shuffle=False)
    return getattr(tgan_updater_wgan, cls)(
        models=models, iterator=iterator, optimizer=optimizers, device=device, **kwargs)


def update(updater):
    """One update -> the losses it reports, as scalars of its device."""
    reporter, observation = chainer.Reporter(), {}
    reporter.add_observer('vdis', updater.vdis)
    with reporter.scope(observation):
        updater.update()
    return {name.split('/')[1]: loss.array for name, loss in observation.items()}


def on_host(array):
    """The array in main memory."""
    return chainer.get_device('@numpy').send(array)


def product(device, clock, width):
    """A product of two square matrices in float32, on all threads of BLAS."""
    rs = np.random.RandomState(0)
    factors = [device.send(rs.rand(width, width).astype(np.float32)) for _ in range(2)]
    out = device.xp.empty((width, width), np.float32)
    return lambda: {'seconds': clock(lambda: device.xp.matmul(*factors, out=out))[0]}


def environment():
    """What this process runs on: Python, versions, libraries with threads."""
    libraries = {found['prefix']: f'{found["version"]} {found.get("architecture", "")} '
                 f'({found["num_threads"]} threads)' for found in threadpoolctl.threadpool_info()}
    return {'python': platform.python_version(), 'chainer': chainer.__version__,
            'numpy': np.__version__, **libraries}


def _serve():
    from benchmarks.cases import c3d, loaders, sampling, step, svc
    device = get_device(int(sys.argv[1]))
    device.use()
    clock, peak = chainer_device(device.xp)
    works = {'step': step.work, 'sampling': sampling.work, 'c3d': c3d.work, 'svc': svc.work,
             'loader': loaders.work, 'sgemm': product}
    serve(environment,
          {name: functools.partial(work, device, clock) for name, work in works.items()},
          lambda: {'peak': peak()})


if __name__ == '__main__':
    sys.exit(run_command(_serve))    # which sets what the package's commands set
