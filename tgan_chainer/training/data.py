"""The data of a training: whether the parts fit them, and Moving MNIST that is made and shown."""
import difflib
import math
from pathlib import Path

import numpy as np

from tgan_chainer import config
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.errors import ConfigError
from tgan_chainer.extensions.quality import require_videos
from tgan_chainer.prepare.moving_mnist import N_FRAMES, make_moving_mnist


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
            print(f'{path} exists and has {found:,} videos, not the {n_videos:,} of '
                  'make_moving_mnist: it is used as it is; for more, name another file', flush=True)
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


def check_batchsize(experiment, n_videos, n_ranks):
    """Raise a ConfigError unless each rank's share of ``n_videos`` holds a batch."""
    share = math.ceil(n_videos / n_ranks)
    if share < experiment.batchsize:
        of = f', {share} for each of {n_ranks} ranks' if n_ranks > 1 else ''
        raise ConfigError(f'{experiment.source}: batchsize: found {experiment.batchsize}, but the '
                          f'data set holds {n_videos} videos{of}')


def check_shapes(experiment, system, dataset, video):
    """Raise a ConfigError unless one part takes what another makes; ``video`` is (T, C, H, W)."""
    fsgen, vgen, vdis = system
    side = 16 * vgen.bottom_width
    made = (next(iter(system.networks.values())).n_frames, vgen.out_channels, side, side)
    # A generator of whole videos, or a G1 without z_slow, has nothing to agree on.
    agreements = [(f'{what} of fsgen and vgen', getattr(fsgen, what), getattr(vgen, what))
                  for what in ('z_slow_dim', 'z_fast_dim')
                  if hasattr(fsgen, what) and hasattr(vgen, what)]
    agreements.append(('(T, C, H, W) of generated videos and of the data set', made, video.shape))
    # A critic of another kind may find its sizes at the first call.
    if hasattr(vdis, 'in_channels'):
        agreements += [
            ('out_channels of vgen and in_channels of vdis', vgen.out_channels, vdis.in_channels),
            ('bottom_width of vgen and top_width of vdis', vgen.bottom_width, vdis.top_width)]
    agreements += [(f'n_categories of the data set and {name}', dataset.n_categories,
                    network.n_categories) for name, network in system.networks.items()]
    for what, first, second in agreements:
        if first != second:
            raise ConfigError(f'{experiment.source}: {what} must be the same, found {first} and '
                              f'{second}')
