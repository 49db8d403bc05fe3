"""Data of a training that is made for it, or shown in its previews: Moving MNIST."""
import difflib
from pathlib import Path

import numpy as np

from tgan_chainer import config
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.extensions.quality import require_videos
from tgan_chainer.prepare.moving_mnist import N_FRAMES, make_moving_mnist
from tgan_chainer.training.checks import check_batchsize


def make_data(experiment, n_ranks=1):
    """Make the data set's file, with the table of its digits, if it may be made and is missing.

    One that is there is used, and it is said if it has fewer videos than are to be made.
    """
    if not experiment.make_moving_mnist:
        return
    args, settings = experiment.dataset.args, experiment.make_moving_mnist.model_dump()
    path, table = args.get('dataset_path'), args.get('config_path')
    n_videos = settings['n_videos']
    if not path:
        return
    if Path(path).exists():    # whose digits these settings need not tell
        if (found := len(MovingMNISTDataset(1, path))) < n_videos:
            print(f'{path}, which is there, has {found:,} videos, not the {n_videos:,} of '
                  'make_moving_mnist: they are used; for more, name another file', flush=True)
        return
    check_batchsize(experiment, n_videos, n_ranks)
    if experiment.quality_interval:
        require_videos(n_videos)
    megabytes = N_FRAMES * n_videos * settings['size'] ** 2 / 1e6
    print(f'making {path}, which is not there: {n_videos:,} videos of moving digits, '
          f'{megabytes:,.0f} MB{_instead_of(path, experiment)}', flush=True)
    if table and Path(table).exists():
        table = None
    make_moving_mnist(path, **settings, table_path=table)


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
