"""Generating videos in test mode."""
from benchmarks import flops, ours_worker
from benchmarks.race import everyone, race, with_floor
from benchmarks.registry import Benchmark

N = 16


def run(session):
    """All sides, and the floor."""
    result = race(session, 'sampling/videos',
                  everyone(session, 'sampling', {'n': N, 'size': session.size}))
    fsgen, vgen, _ = ours_worker.build_networks(session.size)
    return with_floor(session, result, flops.of_sampling(fsgen, vgen, N))


BENCHMARKS = (Benchmark('sampling/videos', f'generating {N} videos, test mode', run),)
