"""Training steps: every updater, in small and in large batches."""
from benchmarks import flops, ours_worker, recipe
from benchmarks.race import Contestant, race, sgemm, with_floor
from benchmarks.registry import Benchmark
from benchmarks.sides import CHAINER, OURS, TORCH, UPSTREAM

ABOUT = {'svc': 'WGAN with singular value clipping', 'clip': 'WGAN with weight clipping',
         'vanilla': 'vanilla GAN', 'lsgan': 'LSGAN'}
BATCHES = (8, 32)


def run(session, updater, batch):
    """All sides, and the floor."""
    result = race(session, f'step/{updater}-b{batch}',
                  [*trainings(session, updater, batch), sgemm(session)])
    return with_floor(session, result, count(session, updater, session.batch(batch)))


def trainings(session, updater, batch):
    """Those who train -> list of Contestant, ours first."""
    args = {'updater': updater, 'batch': session.batch(batch), 'size': session.size}
    authors, ours = {**args, 'algorithm': 'authors'}, {**args, 'algorithm': 'ours'}
    weights = update_weights(updater)
    found = [
        Contestant('ours', 'ours', OURS, 'step', ours, weights),
        Contestant('chainer', "Chainer's kernels, authors' algorithm", CHAINER, 'step', authors,
                   weights),
        Contestant('torch', 'PyTorch eager', TORCH, 'step', authors, weights)]
    if updater != 'lsgan':    # where both are the same
        found.append(Contestant('torch-like-ours', 'PyTorch eager, algorithm as ours', TORCH,
                                'step', ours, weights))
    return [*found, Contestant('upstream', "authors' checkout", UPSTREAM, 'step', args, weights)]


def update_weights(updater):
    """What each timed update counts for: one that clips singular values is one of a cycle."""
    if updater != 'svc':
        return (1.0,)
    clipping = 1 / recipe.UPDATES_A_CYCLE
    return (1 - clipping, clipping)


def count(session, updater, batch):
    """Arithmetic of a step -> list of :class:`benchmarks.flops.Row`."""
    passes = 1 if updater in ('svc', 'clip') else 2
    return flops.of_step(*ours_worker.build_networks(session.size), batch, passes)


BENCHMARKS = tuple(
    Benchmark(f'step/{updater}-b{batch}', f'training step, {about}, batch of {batch}', run,
              (updater, batch)) for batch in BATCHES for updater, about in ABOUT.items())
