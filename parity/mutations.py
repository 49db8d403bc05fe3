"""Deliberate faults, and for each the cheapest check that must catch it.

A suite that cannot fail proves nothing. `tests/parity/test_mutations.py` injects every fault and
asks for a failure; `python -m parity mutations` prints the table in docs/mutations.md.
"""
import contextlib
import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import chainer
import chainer.functions as F
import numpy as np
from chainer import initializers
from PIL import Image

from parity import replay, runs
from parity.checks import metrics, registry
from reference import recordings
from tgan_chainer import config
from tgan_chainer.datasets import golf_dataset, mnist_dataset, ucf_dataset
from tgan_chainer.evaluation import c3d_ft, calc_inception, preprocess, resize
from tgan_chainer.functions import LeakyReLU
from tgan_chainer.hooks import singular_value_clipping
from tgan_chainer.hooks.singular_value_clipping import SingularValueClipping
from tgan_chainer.hooks.weight_clipping import WeightClipping
from tgan_chainer.links import BatchNormalization, Deconvolution2D
from tgan_chainer.models import frame_seed_generator, sampling, video_discriminator, video_generator
from tgan_chainer.models.video_discriminator import VideoDiscriminator, leaky_relu
from tgan_chainer.models.video_generator import VideoGenerator
from tgan_chainer.updaters import (
    tgan_updater_base,
    tgan_updater_lsgan,
    tgan_updater_vanilla,
    tgan_updater_wgan,
)
from tgan_chainer.updaters.tgan_updater_base import TGANUpdaterBase
from tgan_chainer.updaters.tgan_updater_lsgan import TGANUpdaterLSGAN
from tgan_chainer.updaters.tgan_updater_wgan import TGANUpdaterWGAN


@dataclass(frozen=True)
class Mutation:
    """A fault.

    Attributes:
        fault (str): What is wrong.
        place (str): Module it is put into.
        check (str): Name of a check that must fail.
        patches: () -> list of context managers that make the fault.
        limits (dict): Arguments that make the check short.
        raises (bool): Whether the check fails by an exception rather than by a difference.
    """

    fault: str
    place: str
    check: str
    patches: Callable
    limits: dict = field(default_factory=dict)
    raises: bool = False

    def run(self):
        """Run the check with the fault in place -> Result."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(fresh())
            for patch in self.patches():
                stack.enter_context(patch)
            return registry()[self.check].run(**self.limits)


@contextlib.contextmanager
def fresh():
    """Neither use nor leave behind what was computed with or without a fault."""
    def forget():
        runs.forget()
        for cached in (metrics.c3d_run, resize.cubic_matrix):
            cached.cache_clear()

    forget()
    try:
        yield
    finally:
        forget()


def _set(owner, name, value):
    return lambda: [mock.patch.object(owner, name, value)]


def _around(owner, name, wrapper):
    """Replace a function f by one that calls ``wrapper(f, ...)``."""
    def patches():
        original = getattr(owner, name)

        @functools.wraps(original)
        def wrapped(*args, **kwargs):
            return wrapper(original, *args, **kwargs)
        return [mock.patch.object(owner, name, wrapped)]
    return patches


# -- networks --------------------------------------------------------------------------------------

def _without_eps(forward, self, *args, **kwargs):
    self.statistics = 'chainer7'    # its avg_var has started at 0 already
    return forward(self, *args, **kwargs)


def _batch_normalization(**attributes):
    """Every batch normalisation with other attributes."""
    def wrapper(init, self, *args, **kwargs):
        init(self, *args, **kwargs)
        vars(self).update(attributes)
    return _around(BatchNormalization, '__init__', wrapper)


def _half_as_wide(init, self, z_slow_dim, z_fast_dim, channels, width, conv_ch, initialW):
    init(self, z_slow_dim, z_fast_dim, channels, width, conv_ch // 2, initialW)


_FORWARD = 'forward/small-b2-train-f64/chainer-2.0.2'
_STATE = 'state/small/chainer-2.0.2'

_OF_NETWORKS = (
    Mutation('G1 half as wide', 'models/video_generator', 'shapes/G1',
             _around(VideoGenerator, '__init__', _half_as_wide)),
    Mutation('slope of the leaky ReLU 0.1', 'models/video_discriminator', _FORWARD,
             _set(video_discriminator, 'leaky_relu', LeakyReLU(0.1))),
    Mutation('no tanh at the end of G0 and G1', 'models/', _FORWARD,
             _set(F, 'tanh', F.identity)),
    Mutation('fast before slow in the concatenation', 'models/video_generator', _FORWARD,
             _around(F, 'concat', lambda concat, xs, axis: concat(xs[::-1], axis))),
    Mutation('batch normalisation after the first layer of D', 'models/video_discriminator',
             _FORWARD, _around(VideoDiscriminator, '_score', lambda score, self, h, size:
                               score(self, self.bn0(h), size))),
    Mutation('eps of batch normalisation 1e-5', 'links/batch_normalization', _FORWARD,
             _batch_normalization(eps=1e-5)),
    Mutation('running statistics with decay 0.99', 'links/batch_normalization', _FORWARD,
             _batch_normalization(decay=0.99)),
    Mutation('running variance without eps, on Chainer 2', 'links/batch_normalization', _FORWARD,
             _around(BatchNormalization, 'forward', _without_eps)),
    Mutation("statistics of Chainer 7 in an experiment of Chainer 2's", 'links/batch_normalization',
             _STATE, _around(BatchNormalization, '__init__', lambda init, self, *args, **kwargs:
                             init(self, *args, **{**kwargs, 'statistics': 'chainer7'}))),
    Mutation('a bias where there is none', 'models/video_generator', _STATE,
             _set(video_generator, 'Deconvolution2D',
                  lambda *args, nobias=False, **kwargs: Deconvolution2D(*args, **kwargs))),
    Mutation('a beta where there is none', 'models/frame_seed_generator', _STATE,
             _set(frame_seed_generator, 'BatchNormalization',
                  lambda size, use_beta: BatchNormalization(size))),
    Mutation('uniform weights drawn twice as wide', 'models/', _STATE,
             _around(initializers, 'Uniform', lambda uniform, scale: uniform(2 * scale))),
    Mutation('networks built in another order', 'parity/replay', _STATE,
             _set(replay, 'NETWORKS', ('vdis', 'vgen', 'fsgen'))),
    Mutation('no noise in D', 'models/video_discriminator',
             'oracle/forward-small_noise-train/chainer-2.0.2',
             _set(VideoDiscriminator, '_activation', lambda self: leaky_relu)),
    Mutation('noise in D in test mode, too', 'models/video_discriminator',
             'oracle/forward-small_noise-test/chainer-2.0.2',
             _set(VideoDiscriminator, '_activation', lambda self: self._noisy_leaky_relu)),
)


# -- sampling --------------------------------------------------------------------------------------

def _in_train_mode(generate_video, *args):
    with chainer.using_config('train', True):
        return generate_video(*args)


_GRADIENTS = 'gradients/small-svc-b4-f64/chainer-2.0.2'
_SAMPLING = 'forward/sampling-small/chainer-7.8.1'
_ONE = {'updates': 1}

_OF_SAMPLING = (
    Mutation('time backwards in the fake videos', 'models/sampling', _GRADIENTS,
             _around(tgan_updater_base, 'generate_video',
                     lambda generate, *args: F.flip(generate(*args), 2)), _ONE),
    Mutation('z_slow of another video', 'models/sampling', _GRADIENTS,
             _around(tgan_updater_base, 'generate_video',
                     lambda generate, vgen, slow, fast: generate(vgen, F.flip(slow, 0), fast)),
             _ONE),
    Mutation('sampling in train mode', 'models/sampling', _SAMPLING,
             _around(sampling, 'generate_video', _in_train_mode)),
    Mutation('z_slow from [0, 1)', 'models/sampling', _SAMPLING,
             _around(sampling, 'draw_z_slow', lambda draw, *args: (draw(*args) + 1) / 2)),
)


# -- updaters --------------------------------------------------------------------------------------

def _critic_first(self):
    real, fake, d_fake, d_real = self.forward()
    batch = len(real)
    loss_dis = F.sum(d_fake) / batch - F.sum(d_real) / batch
    self._backward_critic(loss_dis, fake)
    self.get_optimizer('vdis').update()
    loss_gen = -F.sum(self.vdis(fake)) / batch
    for generator in (self.fsgen, self.vgen):
        generator.cleargrads()
    loss_gen.backward()
    self._update_generators()
    self._report(loss_gen=loss_gen, loss_dis=loss_dis)


def _real_first(self):
    real = self._get_real_video()
    fake = self._generate_fake_video(*self._get_seeds(len(real)))
    d_real = self.vdis(real)
    return real, fake, self.vdis(fake), d_real


def _clearing_critic(update, self):
    update(self)
    self.vdis.cleargrads()


def _one_order_for_all():
    order = np.random.RandomState(0).permutation(16)
    return [mock.patch.object(tgan_updater_base, 'permute_time',
                              lambda video: F.get_item(video, (slice(None), slice(None), order)))]


_SHUFFLED = 'gradients/small-svc_shuffle-b4-f64/chainer-2.0.2'
_LSGAN = 'gradients/small-lsgan-b4-f64/chainer-7.8.1'

_OF_UPDATERS = (
    Mutation('D updated before G', 'updaters/tgan_updater_wgan', _GRADIENTS,
             _set(TGANUpdaterWGAN, 'update_core', _critic_first), _ONE),
    Mutation('D sees the real batch first', 'updaters/tgan_updater_base',
             'oracle/train-svc/chainer-2.0.2', _set(TGANUpdaterBase, 'forward', _real_first), _ONE),
    Mutation('labels swapped', 'updaters/tgan_updater_vanilla',
             'gradients/small_noise-vanilla-b4-f64/chainer-7.8.1',
             _around(tgan_updater_vanilla, 'cross_entropy',
                     lambda entropy, logits, label: entropy(logits, 1 - label)), _ONE),
    Mutation("D's gradient cleared of the generators' loss", 'updaters/tgan_updater_lsgan', _LSGAN,
             _around(TGANUpdaterLSGAN, '_update_generators', _clearing_critic), _ONE),
    Mutation('targets 0 and 1 instead of -1 and 1', 'updaters/tgan_updater_lsgan', _LSGAN,
             _around(tgan_updater_lsgan, 'squared_error',
                     lambda error, scores, target: error(scores, max(target, 0))), _ONE),
    Mutation('time shuffled when it should be kept', 'updaters/tgan_updater_base', _SHUFFLED,
             _around(TGANUpdaterBase, '_shuffles_time', lambda shuffles, self: not shuffles(self)),
             _ONE),
    Mutation('one order of time for fakes and reals', 'updaters/tgan_updater_base', _SHUFFLED,
             _one_order_for_all, _ONE),
)


# -- optimizer and constraints ---------------------------------------------------------------------

def _rmsprop(**changes):
    return _set(config.Optimizer, 'build',
                lambda self: chainer.optimizers.RMSprop(**{**self.args, **changes}))


class _OneIterationLate(SingularValueClipping):
    def __call__(self, optimizer):
        if (optimizer.t - 1) % self.freq == 0:
            self.clip(optimizer.target)


def _without_floor(self, bn):
    gamma = bn.gamma.array
    gamma[...] = np.minimum(gamma, self.bound * np.sqrt(bn.avg_var))


def _with_eps_again(self, bn):
    upper = self.bound * np.sqrt(bn.avg_var + bn.eps)
    np.clip(bn.gamma.array, self.floor * upper, upper, out=bn.gamma.array)


def _weights_only(call, self, rule, param):
    if param.ndim > 1:
        call(self, rule, param)


_SVC1 = 'trajectories/small-svc1-b4-f64/chainer-2.0.2'
_SVC = 'trajectories/small-svc-b4-f64/chainer-2.0.2'
_CLIP = 'trajectories/small-clip-b4-f64/chainer-2.0.2'
_CLIPPING = 'oracle/clipping-eigh'

_OF_CONSTRAINTS = (
    Mutation('eps of RMSprop inside the root', 'config', _SVC, _rmsprop(eps_inside_sqrt=True),
             _ONE),
    Mutation('alpha of RMSprop 0.9', 'config', _SVC, _rmsprop(alpha=0.9), _ONE),
    Mutation('singular values clipped at 1.01', 'hooks/singular_value_clipping', _SVC1,
             _set(tgan_updater_wgan, 'SingularValueClipping',
                  functools.partial(SingularValueClipping, bound=1.01)), {'updates': 2}),
    Mutation('singular values clipped one iteration late', 'hooks/singular_value_clipping', _SVC,
             _set(tgan_updater_wgan, 'SingularValueClipping', _OneIterationLate), {'updates': 6}),
    Mutation('kernels clipped as (out in, kernel) matrices', 'hooks/singular_value_clipping',
             _CLIPPING, _around(singular_value_clipping, 'clip_by_eigh',
                                lambda clip, matrix, bound: clip(matrix.reshape(-1, 64), bound))),
    Mutation('gamma not clipped', 'hooks/singular_value_clipping', _SVC1,
             _set(SingularValueClipping, '_clip_gamma', lambda self, bn: None), _ONE),
    Mutation('gamma without its floor', 'hooks/singular_value_clipping', _CLIPPING,
             _set(SingularValueClipping, '_clip_gamma', _without_floor)),
    Mutation('eps added to the running variance once more', 'hooks/singular_value_clipping',
             _CLIPPING, _set(SingularValueClipping, '_clip_gamma', _with_eps_again)),
    Mutation('weights clipped at 0.02', 'hooks/weight_clipping', _CLIP,
             _set(tgan_updater_wgan, 'WeightClipping', lambda c: WeightClipping(2 * c)), _ONE),
    Mutation('biases and gammas not clipped', 'hooks/weight_clipping', _CLIP,
             _around(WeightClipping, '__call__', _weights_only), _ONE),
)


# -- data ------------------------------------------------------------------------------------------

def _last_offset_too(draw_offset, length, n_frames, stream):
    return stream.randint(length - n_frames + 1) if length > n_frames else 0


def _smoothly(resize_image, self, size, resample):
    return resize_image(self, size, Image.Resampling.BILINEAR)


_MNIST = 'data/MovingMNISTDataset/chainer-2.0.2'
_GOLF = 'data/GolfDataset/chainer-2.0.2'

_OF_DATA = (
    Mutation('columns 11 to 75', 'datasets/ucf_dataset', 'data/UCFDataset/chainer-2.0.2',
             _set(ucf_dataset, 'CENTER_LEFT', 11)),
    Mutation('the last offset drawn, too', 'datasets/clips', _MNIST,
             _around(mnist_dataset, 'draw_offset', _last_offset_too)),
    Mutation('pixels scaled by 127.5', 'datasets/clips', _MNIST,
             _set(mnist_dataset, 'normalize', lambda clip: (clip - np.float32(127.5)) / 127.5)),
    Mutation('mirrored in the other half of the cases', 'datasets/clips',
             'data/UCFDatasetAugmented/chainer-2.0.2',
             _around(ucf_dataset, 'draw_mirrored', lambda draw, stream: not draw(stream))),
    Mutation('frames resized by bilinear interpolation', 'datasets/golf_dataset', _GOLF,
             _around(Image.Image, 'resize', _smoothly)),
    Mutation('blue, green, red', 'datasets/golf_dataset', _GOLF,
             _around(golf_dataset, 'normalize', lambda scale, clip: scale(clip[:, ::-1]))),
)


# -- metrics ---------------------------------------------------------------------------------------

def _protocol(wrapper):
    def patches():
        original = preprocess.PROTOCOLS['tgan-v1']
        return [mock.patch.dict(preprocess.PROTOCOLS, {'tgan-v1': original._replace(
            clips=lambda video, mean: wrapper(original.clips, video, mean))})]
    return patches


_PREPROCESS = 'metrics/preprocess/oracle'

_OF_METRICS = (
    Mutation('eps of the inception score 1e-8', 'evaluation/calc_inception',
             'metrics/inception-score/oracle', _set(calc_inception, 'EPS', 1e-8)),
    Mutation('mean clip cut from column 22', 'evaluation/preprocess', _PREPROCESS,
             _protocol(lambda f, video, mean: f(video, np.roll(mean, -1, axis=-1)))),
    Mutation('red, green, blue', 'evaluation/preprocess', _PREPROCESS,
             _protocol(lambda f, video, mean: f(video[:, ::-1], mean))),
    Mutation('pixels rounded', 'evaluation/preprocess', _PREPROCESS,
             _protocol(lambda f, video, mean: f(np.round(video * 128) / 128, mean))),
    Mutation("Keys's parameter -0.5", 'evaluation/resize', 'metrics/resize/oracle',
             _set(resize, 'A', -0.5)),
    Mutation('pooling that leaves the edge out', 'evaluation/c3d_ft',
             'metrics/c3d-activations/chainer-2.0.2',
             _set(c3d_ft, 'max_pooling_3d', lambda h, window:
                  F.max_pooling_nd(h, window, window, cover_all=False)), raises=True),
)


# -- the harness -----------------------------------------------------------------------------------

def _wider_stride(sample, array, limit):
    return np.ravel(array)[::math.ceil(np.size(array) / limit) + 1]


def _flipped_bit(read_bytes, path):
    content = bytearray(read_bytes(path))
    content[len(content) // 2] ^= 1
    return bytes(content)


_OF_THE_HARNESS = (
    Mutation('sampled with another stride', 'reference/recordings', _GRADIENTS,
             _around(recordings, 'sample', _wider_stride), _ONE),
    Mutation('a gradient left out without being noise', 'reference/recordings', _GRADIENTS,
             _set(recordings, 'ROUNDING_NOISE', recordings.ROUNDING_NOISE | {'vdis.c0.b'}), _ONE),
    Mutation('a recording with one bit flipped', 'reference/golden', _FORWARD,
             _around(Path, 'read_bytes', _flipped_bit), raises=True),
)

MUTATIONS = (*_OF_NETWORKS, *_OF_SAMPLING, *_OF_UPDATERS, *_OF_CONSTRAINTS, *_OF_DATA,
             *_OF_METRICS, *_OF_THE_HARNESS)


def markdown():
    """docs/mutations.md."""
    rows = [f'| {number} | {mutation.fault} | `{mutation.place}` | `{mutation.check}` |'
            for number, mutation in enumerate(MUTATIONS, start=1)]
    return '\n'.join([
        '# Mutations', '',
        f'{len(MUTATIONS)} deliberate faults. `tests/parity/test_mutations.py` puts each of them',
        'into the package (or, where it says so, into the references or the harness) while the',
        'tests run, and asks that the check in the last column fails; the same check passes',
        'without the fault. Other checks may fail as well: the cheapest is named. Trajectories',
        'are cut short where fewer updates show the fault.', '',
        '`python -m parity mutations > docs/mutations.md` writes this file.', '',
        '| | fault | in | caught by |', '|---|---|---|---|', *rows, ''])
