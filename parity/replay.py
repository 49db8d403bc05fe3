"""Our side of the recordings in ``reference/``: their recipes, and what this project makes of them.

Checks that look at the same recording share a ``group``.
"""
import functools

import chainer
import numpy as np

from parity import backend, driver
from parity.check import Comparisons
from reference import recordings
from tgan_chainer.config import Optimizer
from tgan_chainer.datasets import golf_dataset, mnist_dataset, ucf_dataset
from tgan_chainer.evaluation.c3d_ft import C3D
from tgan_chainer.functions import LeakyReLU
from tgan_chainer.models import frame_seed_generator, sampling, video_discriminator, video_generator
from tgan_chainer.updaters import tgan_updater_lsgan, tgan_updater_vanilla, tgan_updater_wgan

_MODULES = (frame_seed_generator, video_generator, video_discriminator, sampling,
            tgan_updater_lsgan, tgan_updater_vanilla, tgan_updater_wgan,
            mnist_dataset, ucf_dataset, golf_dataset)


class Ours:
    """This project, as a side of :mod:`parity.driver`, on the device of :mod:`parity.backend`."""

    functions = (*driver.FUNCTIONS, ('leaky_relu', LeakyReLU, '__call__'))

    @property
    def device(self):
        return backend.device

    def get(self, name):
        return next(vars(module)[name] for module in _MODULES if name in vars(module))

    def place(self, network):
        return network.to_device(backend.device)

    def optimizer(self, network, lr):
        return Optimizer(args={'lr': lr}).build().setup(network)

    def update(self, updater):
        updater.update()

    @staticmethod
    @functools.lru_cache(maxsize=1)
    def c3d(seed):
        """C3D of a seed; whoever changes it takes a copy."""
        np.random.seed(seed)
        return C3D()

    def activations(self, network, x):
        return network.stages(x)


OURS = Ours()

LIMITS = {'forward': 2048, 'train': 256, 'infer': 65536, 'c3d': 4096, 'score': 2048}
"""How many values of a tensor are kept; of the forward passes of 'small' 8192."""


@functools.cache
def load(name, version):
    """:func:`reference.recordings.load`, once."""
    return recordings.load(name, version)


def every(prefix, suffix=''):
    """(name, release) of every recording with such a name."""
    return [(name, version) for version in recordings.CHAINERS
            for name in recordings.names(version)
            if name.startswith(prefix) and name.endswith(suffix)]


def against(name, version):
    """Comparisons with a recording -> :class:`parity.check.Comparisons`."""
    return Comparisons(f'recording {name} (Chainer {version})')


def check_name(layer, name, version):
    """Name of the check of a recording: the recording's, without what all of them have."""
    what = name.split('-', 1)[1].replace('-seed0', '')
    return f'{layer}/{what}/chainer-{version}'


def forget():
    """Run everything anew from here on."""
    load.cache_clear()
    recorded.cache_clear()


def request(recording):
    """What a driver is asked for, and its inputs, to make a recording again."""
    meta, kind, inputs = recording.meta, recording.name.split('-')[0], {}
    found = {
        'dtype': 'float32', **meta, 'kind': kind,
        'limit': 8192 if recording.name.startswith('forward-small-') else LIMITS.get(kind),
        'seeds': {use: meta.get('seed', 0) + offset
                  for use, offset in recordings.SEED_OFFSETS.items()}}
    if 'config' in meta:
        found['models'] = recordings.models(recording)
    if kind == 'forward':
        inputs['z_slow'], inputs['video'] = recordings.forward_inputs(recording)
    elif kind == 'train':
        critic = found['models']['vdis']['kwargs']
        inputs['videos'] = recordings.synthetic_videos(
            meta['n_videos'], critic['in_channels'], found['seeds']['videos'],
            16 * critic['top_width'])
    elif kind == 'inception':
        inputs = recording.arrays
    elif kind == 'c3d':
        inputs['x'] = recordings.c3d_clip(meta['seed'])
    elif kind == 'score':
        inputs['mean'] = recordings.mean_clip(meta['seed'])
    return found, inputs


@functools.lru_cache(maxsize=1)
def recorded(name, version, updates=None):
    """Our recording of a name and release, with whole arrays; of so many ``updates``, or of all."""
    asked, inputs = request(load(name, version))
    asked |= {'limit': None, 'n_updates': updates or len(asked.get('trace', ()))}
    with statistics_of(version):
        return run(asked['kind'], asked, inputs)


def run(kind, *args):
    """What :mod:`parity.driver` makes of our side -> :class:`reference.recordings.Recording`."""
    with backend.random_numbers_of_numpy():
        return recordings.Recording('', '', *getattr(driver, f'run_{kind}')(OURS, *args))


def statistics_of(version):
    """Within, networks are built with the running statistics of a release of Chainer."""
    return chainer.using_config('batch_norm_statistics', f'chainer{version[0]}')


def build(models, version, seed=0, dtype='float32'):
    """Our networks by :func:`parity.driver.build`, with a release's running statistics."""
    with statistics_of(version):
        return driver.build(OURS, models, seed, dtype)
