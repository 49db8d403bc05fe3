"""Generating videos in test mode."""
from benchmarks import flops, ours_worker, recipe
from benchmarks.race import everyone, race
from tgan_chainer.models.sampling import make_video

N = 16


def work(device, clock, n, size):
    """``n`` videos from the recipe's latent vectors."""
    fsgen, vgen, _ = ours_worker.build_networks(size, device)
    for link in (*fsgen.links(), *vgen.links()):
        if hasattr(link, 'avg_var'):
            link.avg_var[...] = 1    # of no training; Chainer 2 starts at 0, Chainer 7 at 1
    z_slow = device.send(recipe.latents(n, size))
    return lambda: recipe.answer(*clock(lambda: make_video(fsgen, vgen, n, z_slow)[0]))


def run(session):
    """All sides, and the floor."""
    fsgen, vgen, _ = ours_worker.build_networks(session.size)
    return race(session, everyone('sampling', {'n': N, 'size': session.size}),
                flops.of_sampling(fsgen, vgen, N))


CASES = {'sampling/videos': (f'generating {N} videos, test mode', run)}
