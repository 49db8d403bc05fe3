"""C3D, which the inception score runs on every generated video."""
from benchmarks import flops
from benchmarks.race import everyone, race, with_floor
from benchmarks.registry import Benchmark
from benchmarks.sides import NotRunError
from tgan_chainer.evaluation.c3d_ft import C3D, INPUT_SHAPE

N = 2


def run(session):
    """All sides that have it, and the floor."""
    if session.options.quick:
        raise NotRunError('C3D has one size, too large for --quick: leave out --quick')
    result = race(session, 'c3d/forward', everyone(session, 'c3d', {'n': N}, upstream=False))
    return with_floor(session, result, flops.of_c3d(C3D(), N, INPUT_SHAPE))


BENCHMARKS = (Benchmark('c3d/forward', f'C3D, forward, {N} clips, test mode', run),)
