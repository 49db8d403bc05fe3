"""What it takes to load a batch, beside the training step that consumes it."""
from benchmarks.race import Contestant, race
from benchmarks.registry import Benchmark
from benchmarks.sides import OURS

BATCH = 8
DATASETS = {'moving_mnist': ('Moving MNIST', 1), 'ucf101': ('UCF-101', 3)}
"""Name -> label, channels of a frame."""


def run(session, dataset):
    """One loader, on a file made for it."""
    label, channels = DATASETS[dataset]
    size = {**session.size, 'channels': channels}
    batch = session.batch(BATCH)
    n_videos = (2 if session.options.quick else 32) * BATCH
    return race(session, f'loaders/{dataset}', [
        Contestant('step', 'training step', OURS, 'step', {
            'updater': 'clip', 'algorithm': 'ours', 'batch': batch, 'size': size}),
        Contestant('loader', label, OURS, 'loader', {
            'dataset': dataset, 'batch': batch, 'n_videos': n_videos}, task='loader')])


BENCHMARKS = tuple(
    Benchmark(f'loaders/{dataset}', f'loading a batch of {BATCH} of {label}, as a share of the '
              'training step that takes it', run, (dataset,))
    for dataset, (label, _) in DATASETS.items())
