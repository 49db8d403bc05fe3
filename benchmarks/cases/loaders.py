"""What it takes to load a batch, beside the training step that consumes it."""
import tempfile
from pathlib import Path

import h5py
import numpy as np
from chainer.dataset import concat_examples
from chainer.iterators import SerialIterator

from benchmarks import recipe
from benchmarks.protocol import time_on_host
from benchmarks.race import Contestant, race
from benchmarks.sides import OURS
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.datasets.tables import write_table
from tgan_chainer.datasets.ucf_dataset import UCFDataset

BATCHES = 8
"""Timed at a time."""


def work(device, clock, dataset, batch, n_videos):
    """Batches of a data set, from a file that the system has in memory; timed on the host."""
    folder = tempfile.TemporaryDirectory(prefix='tgan-benchmark-')
    make, _, _ = DATASETS[dataset]
    rs = np.random.RandomState(recipe.VIDEO_SEED)
    iterator = SerialIterator(make(Path(folder.name), n_videos, rs), batch)
    np.random.seed(recipe.TRAINING_SEED)

    def take_batches():
        for _ in range(BATCHES):
            concat_examples(iterator.next(), device)

    # The folder lives as long as the function that is returned.
    return lambda folder=folder: {'seconds': time_on_host(take_batches)[0] / BATCHES}


def moving_mnist(folder, n_videos, rs):
    """A data set of noise, of as many videos."""
    path = str(folder / 'videos.npy')
    np.save(path, rs.randint(0, 256, (20, n_videos, 64, 64)).astype(np.uint8))
    return MovingMNISTDataset(recipe.FRAMES, path)


def ucf101(folder, n_videos, rs, frames=40):
    """A data set of noise, of as many videos."""
    path, table = str(folder / 'ucf101.h5'), folder / 'ucf101.csv'
    with h5py.File(path, 'w') as file:
        file['image'] = rs.randint(0, 256, (n_videos * frames, 3, 64, 85), np.uint8)
    start = np.arange(n_videos) * frames
    write_table(table, {'start': start, 'end': start + frames})
    return UCFDataset(recipe.FRAMES, path, str(table))


DATASETS = {'moving_mnist': (moving_mnist, 'Moving MNIST', 1), 'ucf101': (ucf101, 'UCF-101', 3)}
"""Name -> function that makes it, label, channels of a frame."""


def run(session, dataset):
    """One loader, on a file made for it."""
    _, label, channels = DATASETS[dataset]
    batch, size = session.size['batch'], {**session.size, 'channels': channels}
    return race(session, [
        Contestant('training step', OURS, 'step', {
            'updater': 'clip', 'batch': batch, 'size': size}),
        Contestant(label, OURS, 'loader', {'dataset': dataset, 'batch': batch, 'n_videos': (
            2 if session.options.quick else 32) * batch}, task='loader')])


CASES = {f'loaders/{dataset}': (
    f'loading a batch of {label}, as a share of the training step that takes it', run, dataset)
    for dataset, (_, label, _) in DATASETS.items()}
