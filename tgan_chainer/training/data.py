"""Data of a training that is made for it, or shown in its previews: Moving MNIST."""
import difflib
from pathlib import Path

import numpy as np

from tgan_chainer import config
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.prepare.moving_mnist import N_FRAMES, make_moving_mnist, write_labels
from tgan_chainer.training.checks import check_batchsize


def make_data(experiment, n_ranks=1):
    """Make the data set's file, with the table of its digits, if it may be made and is missing."""
    if not experiment.make_moving_mnist:
        return
    args, settings = experiment.dataset.args, experiment.make_moving_mnist.model_dump()
    path, table = args.get('dataset_path'), args.get('config_path')
    if not path or Path(path).exists():    # whose digits these settings need not tell
        return
    check_batchsize(experiment, settings['n_videos'], n_ranks)
    megabytes = N_FRAMES * settings['n_videos'] * settings['size'] ** 2 / 1e6
    print(f'making {path}, which is not there: {settings["n_videos"]:,} videos of moving digits, '
          f'{megabytes:,.0f} MB{_instead_of(path, experiment)}', flush=True)
    if table and not Path(table).exists():    # first: a file without its table would stay so
        write_labels(table, **{key: settings[key] for key in settings if key != 'size'})
    make_moving_mnist(path, **settings)


def _instead_of(path, experiment):
    """What a path that is missing may have been meant for, as the end of a message."""
    own = config.load(experiment.source).dataset.args.get('dataset_path')
    if own == path:    # not typed: files like it are of other experiments
        return ''
    names = {file.name: file for file in Path(path).parent.glob('*')}
    near = difflib.get_close_matches(Path(path).name, names, n=1)
    return (f'; that of {experiment.source} is {own}'
            + (f'; did you mean {names[near[0]]}, which is there?' if near else ''))


def first_videos(dataset, n):
    """The first n, at most, of Moving MNIST's videos (N, C, T, H, W); None of another data set."""
    if not isinstance(dataset, MovingMNISTDataset):
        return None
    videos = [MovingMNISTDataset.load(dataset, i, 0) for i in range(min(n, len(dataset)))]
    return np.stack(videos).transpose(0, 2, 1, 3, 4)
