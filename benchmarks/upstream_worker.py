"""The worker of the authors' algorithm on Chainer's own kernels.

    python upstream_worker.py DIR GPU

DIR is a checkout of the authors' repository, whose code runs as it is, or the stand-in of the
tests, which computes the same; GPU is -1 for the CPU. Stands alone but for its neighbours and two
files of `parity/`, and keeps to the syntax of Python 3.6, for it may run on Chainer 2.0.2.
Nothing is written to DIR.
"""
import contextlib
import functools
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(os.path.dirname(HERE), 'parity'))
GPU = int(sys.argv[2])

import numpy as np  # noqa: E402
import recipe  # noqa: E402

if GPU >= 0:
    with contextlib.suppress(ImportError):
        import tgan_chainer  # noqa: F401 -- has CuPy find the CUDA libraries of NVIDIA's wheels

import upstream_runner  # noqa: E402
from serving import serve  # noqa: E402
from upstream_runner import chainer  # noqa: E402


def step(checkout, clock, updater, batch, size):
    """Training steps of the checkout's updater; a repetition as everywhere."""
    cls, kwargs = recipe.UPDATERS[updater]
    update = upstream_runner.training(
        checkout, _build(checkout, size), cls, kwargs, recipe.videos(batch, size), batch,
        recipe.LEARNING_RATE, GPU)
    return recipe.repetitions(updater, lambda: clock(lambda: {
        name.split('/')[1]: _array(loss) for name, loss in update().items()}))


def sampling(checkout, clock, n, size):
    """The checkout's make_video, in test mode."""
    make_video = checkout.get('make_video')
    networks = _build(checkout, size)
    upstream_runner.set_variances(networks, 1)

    def run():
        np.random.seed(recipe.SAMPLING_SEED)
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            return recipe.answer(*clock(lambda: _array(make_video(
                networks['fsgen'], networks['vgen'], n)[0])))
    return run


def c3d(checkout, clock, n):
    """The checkout's C3D, forward in test mode."""
    network = _placed(upstream_runner.seeded_c3d(checkout, recipe.BUILD_SEED))
    clips = chainer.Variable(network.xp.asarray(recipe.clips(n)))

    def run():
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            return recipe.answer(*clock(lambda: _array(network(clips, layers=['prob'])['prob'])))
    return run


def _build(checkout, size):
    """The checkout's networks with the recipe's weights."""
    models = {role: {'class': cls, 'kwargs': kwargs}
              for role, (cls, kwargs) in recipe.networks(size).items()}
    networks = upstream_runner.build(checkout, models, recipe.BUILD_SEED)
    return {role: _placed(network) for role, network in networks.items()}


def _array(x):
    return x.data if isinstance(x, chainer.Variable) else x


def _placed(network):
    return network if GPU < 0 else network.to_gpu(GPU)


def main():
    """Serve requests."""
    if GPU >= 0:
        chainer.cuda.get_device_from_id(GPU).use()
    clock, peak = recipe.chainer_device(np if GPU < 0 else chainer.cuda.cupy)

    def start():
        checkout = upstream_runner.Checkout(sys.argv[1])
        works = {work.__name__: functools.partial(work, checkout, clock)
                 for work in (step, sampling, c3d)}
        return works, dict(upstream_runner.environment(), directory=checkout.folder)

    serve(start, lambda: {'peak': peak()})


if __name__ == '__main__':
    main()
