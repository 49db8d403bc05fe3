"""Data of a training that is made for it, or shown in its previews: Moving MNIST."""
from pathlib import Path

import numpy as np

from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.prepare.moving_mnist import make_moving_mnist, write_labels


def make_data(experiment):
    """Make the data set's file, with the table of its digits, if it may be made and is missing.

    Raises:
        DataError: They cannot be made.
    """
    if not experiment.make_moving_mnist:
        return
    args, settings = experiment.dataset.args, experiment.make_moving_mnist.model_dump()
    path, table = args.get('dataset_path'), args.get('config_path')
    if not path or Path(path).exists():    # whose digits these settings need not tell
        return
    print(f'making {path}: {settings["n_videos"]} videos of moving digits', flush=True)
    if table and not Path(table).exists():    # first: a file without its table would stay so
        write_labels(table, **{key: settings[key] for key in settings if key != 'size'})
    make_moving_mnist(path, **settings)


def first_videos(dataset, n):
    """The first n, at most, of Moving MNIST's videos (N, C, T, H, W); None of another data set."""
    if not isinstance(dataset, MovingMNISTDataset):
        return None
    videos = [MovingMNISTDataset.load(dataset, i, 0) for i in range(min(n, len(dataset)))]
    return np.stack(videos).transpose(0, 2, 1, 3, 4)
