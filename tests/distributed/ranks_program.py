"""What the ranks of tests/distributed/test_ranks.py run; each writes what it found.

    mpiexec -n N python ranks_program.py FOLDER
"""
import hashlib
import json
import os
import sys
from pathlib import Path

import tgan_chainer.links as L

# isort: split
import chainer
import numpy as np
from chainer.iterators import SerialIterator

from tests import systems
from tgan_chainer import config
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.distributed import connect
from tgan_chainer.errors import ConfigError, TGANError
from tgan_chainer.train import find_sizes
from tgan_chainer.updaters import tgan_updater_wgan as wgan
from tgan_chainer.updaters.tgan_updater_vanilla import TGANUpdaterVanilla

CASES = {
    'svc': (wgan.TGANUpdaterWGANSVC, systems.tgan, {'freq': 2}),
    'vanilla': (TGANUpdaterVanilla, systems.tgan, {'shuffle_time_order': 0.5}),
    'without G0': (wgan.TGANUpdaterWGANSVC, systems.model_3d, {'freq': 2}),
    'conditional': (wgan.TGANUpdaterWGANSVC, systems.conditional_tgan, {'freq': 2}),
    'sizes found when called': (
        wgan.TGANUpdaterWGANVideoFrameDis, systems.video_and_frame, {'freq': 1}),
}


class FedUpdater(wgan.TGANUpdaterWGANSVC):
    """Takes its latent vectors from ``z_slow``, arrays (B, Ks), an update each."""

    def _get_seeds(self, batchsize):
        z_slow = chainer.Variable(next(self.z_slow))
        return z_slow, self.fsgen(z_slow)


def make_updater(cls, make_models, videos, batch, ranks=None, batch_norm_ranks=None, **kwargs):
    """An updater on ``videos``; with ``ranks`` from rank 0's parameters, averaging."""
    with chainer.using_config('batch_norm_ranks', batch_norm_ranks):
        models = make_models()
    optimizers = {name: chainer.optimizers.RMSprop(lr=5e-3).setup(model)
                  for name, model in zip(config.NETWORKS, models, strict=True) if model}
    if ranks:
        find_sizes(models[-1], videos[0][0] if isinstance(videos[0], tuple) else videos[0])
        for model in filter(None, models):
            ranks.broadcast(model)
        optimizers = {name: ranks.averaging(optimizer) for name, optimizer in optimizers.items()}
    return cls(models=models, iterator=SerialIterator(videos, batch, shuffle=False),
               optimizer=optimizers, device=-1, **kwargs)


def state(updater):
    return {f'{name}/{key}': array
            for name, optimizer in updater.get_all_optimizers().items()
            for key, array in chainer.serializers.npz.serialize(optimizer.target).items()}


def digests(case, ranks):
    """sha256 of all parameters and statistics after each of three updates on data of one's own."""
    cls, make_models, kwargs = CASES[case]
    np.random.seed(ranks.rank)    # so that ranks begin from parameters of their own, too
    videos = np.random.uniform(-1, 1, (5, 16, 1, 64, 64)).astype('f')
    if case == 'conditional':
        videos = systems.labelled(videos)
    updater = make_updater(cls, make_models, videos, 2, ranks, **kwargs)
    found = []
    for _ in range(3):
        updater.update()
        found.append(hashlib.sha256(b''.join(
            array.tobytes() for _, array in sorted(state(updater).items()))).hexdigest())
    assert updater.get_optimizer('vdis').t == 3
    return found


def follow_whole_batch(ranks):
    """Four float64 updates, two videos a rank, and on rank 0 alone with the videos of all.

    Two ranks normalise as Chainer 2, three as Chainer 7.
    """
    rs = np.random.RandomState(0)
    videos = rs.uniform(-1, 1, (4, 2 * ranks.size, 16, 1, 64, 64))
    z_slow = rs.uniform(-1, 1, (4, 2 * ranks.size, 4))
    mine = slice(2 * ranks.rank, 2 * ranks.rank + 2)

    def follow(part, batch, *ranks):
        np.random.seed(1)
        updater = make_updater(FedUpdater, systems.tgan, videos[:, part].reshape(-1, 16, 1, 64, 64),
                               batch, *ranks, freq=2)
        updater.z_slow = iter(z_slow[:, part])
        for _ in range(4):
            updater.update()
        return state(updater)

    with (chainer.using_config('dtype', np.float64),
          chainer.using_config('batch_norm_statistics', f'chainer{2 if ranks.size == 2 else 7}')):
        together = follow(mine, 2, ranks, ranks)
        alone = follow(slice(None), 2 * ranks.size) if ranks.is_first else {}
    return ({f'together/{key}': array for key, array in together.items()}
            | {f'alone/{key}': array for key, array in alone.items()})


def update_from_a_strided_gradient(ranks):
    """W (2, 3) after an update whose gradient is not contiguous: minus the mean of the ranks'."""
    link = L.Linear(3, 2, initialW=0)
    optimizer = ranks.averaging(chainer.optimizers.SGD(lr=1).setup(link))
    link.cleargrads()
    link.W.grad = np.asfortranarray(np.arange(6, dtype='f').reshape(2, 3) * (ranks.rank + 1))
    optimizer.update()
    return link.W.array


def errors(ranks):
    """What rank 0 is told of errors that a rank, or every rank, has; others leave with its code."""
    def fail(rank):
        if ranks.rank >= rank:
            raise ConfigError(f'of {ranks.rank}')

    found = {}
    for name, function, *args in (('of the last', ranks.on_all, fail, ranks.size - 1),
                                  ('of all', ranks.on_all, fail, 0),
                                  ('of the first', ranks.on_first, fail, 0),
                                  ('gpu', ranks.on_all, ranks.get_device, 0),
                                  ('unknown', connect, 'flat'), ('no gpus', connect, 'pure_nccl')):
        try:
            function(*args)
        except TGANError as error:
            found[name] = f'{type(error).__name__}: {error}'
        except SystemExit as end:
            found[name] = end.code
    return found


def main(folder):
    del os.environ['TGAN_NUM_THREADS']
    ranks = connect('naive')
    threads = int(os.environ.pop('TGAN_NUM_THREADS'))
    os.environ['TGAN_NUM_THREADS'] = '1'
    path = Path(folder, 'moving.npy')
    if ranks.is_first:
        np.save(path, np.zeros((20, 7, 64, 64), np.uint8))
    ranks.on_first(path.exists)
    share = ranks.share(MovingMNISTDataset(n_frames=16, dataset_path=str(path)), seed=3)
    found = {'threads': threads, 'errors': errors(ranks), 'indices': share.indices.tolist(),
             'shape': share[0].shape, 'digests': {case: digests(case, ranks) for case in CASES}}
    Path(folder, f'rank{ranks.rank}.json').write_text(json.dumps(found))
    np.savez(Path(folder, f'rank{ranks.rank}.npz'), **follow_whole_batch(ranks),
             strided=update_from_a_strided_gradient(ranks))


if __name__ == '__main__':
    main(sys.argv[1])
