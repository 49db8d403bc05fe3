"""C3D, which the inception score runs on every generated video."""
import chainer
import numpy as np

from benchmarks import flops, recipe
from benchmarks.race import everyone, race
from benchmarks.sides import NotRunError
from tgan_chainer.evaluation.c3d_ft import C3D, INPUT_SHAPE

N = 2


def work(device, clock, n):
    """``n`` clips, forward in test mode."""
    np.random.seed(recipe.BUILD_SEED)
    network = C3D()
    network.to_device(device)
    clips = device.send(recipe.clips(n))

    def run():
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            return recipe.answer(*clock(lambda: network(clips).array))
    return run


def run(session):
    """All sides, and the floor."""
    if session.options.quick:
        raise NotRunError('C3D has one size, too large for --quick: leave out --quick')
    return race(session, everyone('c3d', {'n': N}),
                flops.count('C3D', C3D(), N, INPUT_SHAPE))


CASES = {'c3d/forward': (f'C3D, forward, {N} clips, test mode', run)}
