"""Training steps: every updater, in small and in large batches."""
import numpy as np

from benchmarks import flops, ours_worker, recipe
from benchmarks.race import Benchmark, Contestant, everyone, race
from benchmarks.sides import TORCH

ABOUT = {'svc': 'WGAN with singular value clipping', 'clip': 'WGAN with weight clipping',
         'vanilla': 'vanilla GAN', 'lsgan': 'LSGAN'}
CASES = [('svc', 4), *((updater, batch) for batch in (8, 32) for updater in ABOUT)]
"""The default experiment has batches of 4."""


def work(device, clock, updater, batch, size):
    """A repetition is as many updates as the recipe says, timed one by one."""
    training = ours_worker.build_updater(updater, batch, size, device)

    def run():
        warm = training.iteration > 0
        if not warm:
            np.random.seed(recipe.TRAINING_SEED)
        timed = [clock(lambda: ours_worker.update(training))
                 for _ in range(recipe.updates_a_repetition(updater, warm))]
        return recipe.answer_of_updates(updater, timed)
    return run


def run(session, updater, batch):
    """All sides, and the floor."""
    return race(session, f'step/{updater}-b{batch}',
                trainings(session, updater, session.batch(batch)),
                count(session, updater, session.batch(batch)))


def trainings(session, updater, batch):
    """Those who train -> list of Contestant, ours first."""
    args = {'updater': updater, 'batch': batch, 'size': session.size}
    found = everyone('step', args)
    if updater != 'lsgan':    # whose algorithm is the authors'
        found.append(Contestant('PyTorch eager, our algorithm', TORCH, 'step',
                                {**args, 'algorithm': 'ours'}))
    return found


def count(session, updater, batch):
    """Arithmetic of a step -> list of :class:`benchmarks.flops.Row`."""
    passes = 1 if updater in ('svc', 'clip') else 2
    return flops.of_step(*ours_worker.build_networks(session.size), batch, passes)


BENCHMARKS = [
    Benchmark(f'step/{updater}-b{batch}', f'training step, {ABOUT[updater]}, batch of {batch}',
              run, (updater, batch)) for updater, batch in CASES]
