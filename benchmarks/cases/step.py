"""Training steps: the Wasserstein updaters, in small and in large batches."""
from benchmarks import flops, ours_worker, recipe
from benchmarks.race import Contestant, everyone, race
from benchmarks.sides import TORCH


def work(device, clock, updater, batch, size):
    """A repetition is as many updates as the recipe says, timed one by one."""
    training = ours_worker.build_updater(updater, batch, size, device)
    return recipe.repetitions(updater, lambda: clock(lambda: ours_worker.update(training)))


def run(session, updater, batch):
    """All sides, and the floor."""
    batch = session.batch(batch)
    return race(session, trainings(session, updater, batch), count(session, batch))


def trainings(session, updater, batch):
    """Those who train -> list of Contestant, ours first."""
    args = {'updater': updater, 'batch': batch, 'size': session.size}
    return [*everyone('step', args), Contestant('PyTorch eager, our algorithm', TORCH, 'step',
                                                {**args, 'algorithm': 'ours'})]


def count(session, batch):
    """Arithmetic of a step -> list of :class:`benchmarks.flops.Row`."""
    return flops.of_step(*ours_worker.build_networks(session.size), batch)


CASES = {f'step/{updater}-b{batch}': (
    f'training step, WGAN with {what} clipping, batch of {batch}', run, updater, batch)
    for updater, what in (('svc', 'singular value'), ('clip', 'weight'))
    for batch in (4, 8, 16, 32)}
