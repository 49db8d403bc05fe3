"""What runs on the double: every kind of update, a training, sampling and scoring, in small.

Imported in the worker only, after the double was installed (:mod:`trust.gpu.worker`). Networks make
videos of 16 x 16 pixels, and C3D sees clips of that size, with a few channels a layer.
"""
import contextlib
import functools
import io
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

import chainer
import numpy as np
import yaml
from chainer.iterators import SerialIterator

from parity import backend, replay
from parity.checks import registry
from tgan_chainer import infer, train
from tgan_chainer.evaluation import c3d_ft
from tgan_chainer.evaluation.classifier import Classifier
from tgan_chainer.evaluation.gam import Contestant, battle, critic_scores
from tgan_chainer.evaluation.inception_score import Evaluation
from tgan_chainer.evaluation.protocols import MEAN_SHAPE, PROTOCOLS, Settings, preprocess
from tgan_chainer.evaluation.sources import GeneratedVideos, RealVideos
from tgan_chainer.extensions.critic_spectrum import critic_spectrum
from tgan_chainer.hooks.singular_value_clipping import SingularValueClipping
from tgan_chainer.models import conditional_tgan, video_discriminator, video_gan
from tgan_chainer.models.frame_seed_generator import FrameSeedGeneratorInitUniform
from tgan_chainer.models.model_3d import VideoGenerator3D
from tgan_chainer.models.sampling import draw_labels, make_video
from tgan_chainer.models.video_generator import VideoGeneratorInitUniform
from tgan_chainer.models.z1_only import VideoGeneratorZ1Only
from tgan_chainer.random_streams import RandomState
from tgan_chainer.updaters import tgan_updater_wgan as wgan
from tgan_chainer.updaters.tgan_updater_lsgan import TGANUpdaterLSGAN
from tgan_chainer.updaters.tgan_updater_pulling_away import TGANUpdaterWGANPullingAway
from tgan_chainer.updaters.tgan_updater_vanilla import TGANUpdaterVanilla
from trust.gpu.double import arrays, transfers

BATCH = 'to device: array in tgan_chainer/updaters/tgan_updater_base.py:_get_real_video'
ORDER = 'to device: array in tgan_chainer/updaters/tgan_updater_base.py:permute_time'

FLOAT64 = 1e-9
"""Of losses, parameters and statistics. Both sides add the same float64 terms in another order
(1e-15 of a term); RMSprop divides gradients by at least 1e-8, which makes up to 1e-11 of it."""

FLOAT32 = 1e-3
"""Of losses and gradients, these relative to the largest of the networks: 1e-7 of a term, times at
most 1 / sqrt(eps) = 224 where a normalisation of a few nearly equal values magnifies it. Parameters
are not compared: RMSprop makes whole steps of mere noise."""


class Result(NamedTuple):
    """How a trial ended.

    Attributes:
        name (str): What ran.
        difference (float): The largest from NumPy.
        tolerance (float): What it may be.
        transfers (dict): Copies and waits that there were.
        expected (dict): Copies and waits that there may be, and must be.
        error (str): Of an exception, or of a wrong type; empty for none.
    """

    name: str
    difference: float
    tolerance: float
    transfers: dict
    expected: dict
    error: str = ''

    @property
    def passed(self):
        return (not self.error and self.difference <= self.tolerance
                and self.transfers == self.expected)


# -- systems ---------------------------------------------------------------------------------------

def _tgan(vdis=None):
    return (FrameSeedGeneratorInitUniform(z_slow_dim=4, z_fast_dim=5, wscale=0.1),
            VideoGeneratorInitUniform(4, 5, 1, 1, conv_ch=16, wscale=0.1),
            vdis or video_discriminator.VideoDiscriminatorNoBetaInitUniform(1, 1, 2, wscale=0.1))


def _tgan_with_noise():
    return _tgan(
        video_discriminator.VideoDiscriminatorNoBetaInitDefaultWithNoise(1, 1, 2, sigma=0.1))


def _tgan_video_and_frame():
    return _tgan(video_discriminator.VideoAndFrameDiscriminator(1, 1, 2))


def _conditional():
    return (conditional_tgan.ConditionalFrameSeedGenerator(3, z_slow_dim=4, z_fast_dim=5,
                                                           wscale=0.1),
            conditional_tgan.ConditionalVideoGenerator(3, 4, 5, 1, 1, conv_ch=16, wscale=0.1),
            conditional_tgan.ConditionalVideoDiscriminator(3, 1, 1, 2, wscale=0.1))


def _z1_only():
    return (FrameSeedGeneratorInitUniform(z_slow_dim=4, z_fast_dim=5, wscale=0.1),
            VideoGeneratorZ1Only(5, 1, 1, conv_ch=16, wscale=0.1),
            video_discriminator.VideoDiscriminatorNoBetaInitUniform(1, 1, 2, wscale=0.1))


def _model_3d():
    return (None, VideoGenerator3D(4, 1, 1, conv_ch=8, wscale=0.1),
            video_discriminator.VideoDiscriminatorNoBetaInitUniform(1, 1, 2, wscale=0.1))


def _video_gan():
    return (None, video_gan.VideoGANGenerator(4, 1, 1, conv_ch=8),
            video_gan.VideoGANDiscriminator(1, 1, 2))


class Step(NamedTuple):
    """An update: networks, updater, and what else it is made of.

    Attributes:
        models (callable): Makes (fsgen, vgen, vdis).
        updater (type): Its class.
        arguments (dict): Of the updater.
        optimizer (callable): Makes one.
        expected (dict): Copies of an update beside that of the videos.
        statistics (str): Of batch normalisation.
        method (str): Of singular value clipping, where it is not the default.
        updates (int): How many; the second sees what the first left in the optimizer.
    """

    models: callable
    updater: type
    arguments: dict = {}
    optimizer: callable = functools.partial(chainer.optimizers.RMSprop, lr=5e-5)
    expected: dict = {}
    statistics: str = 'chainer2'
    method: str = ''
    updates: int = 1


STEPS = {
    'tgan, singular value clipping': Step(_tgan, wgan.TGANUpdaterWGANSVC, updates=2),
    'tgan, singular value clipping by svd': Step(_tgan, wgan.TGANUpdaterWGANSVC, method='svd'),
    'tgan, weight clipping, chainer7 statistics':
        Step(_tgan, wgan.TGANUpdaterWGANClip, statistics='chainer7'),
    'tgan, pulling away': Step(_tgan, TGANUpdaterWGANPullingAway),
    'tgan, vanilla with noise': Step(_tgan_with_noise, TGANUpdaterVanilla),
    'tgan, least squares, Adam':
        Step(_tgan, TGANUpdaterLSGAN, optimizer=chainer.optimizers.Adam, updates=2),
    'tgan, time shuffled, SGD':
        Step(_tgan, wgan.TGANUpdaterWGANSVC, {'shuffle_time_order': 0.0},
             functools.partial(chainer.optimizers.SGD, lr=5e-5), {ORDER: 2}),
    'tgan, video and frame critic, MomentumSGD':
        Step(_tgan_video_and_frame, wgan.TGANUpdaterWGANVideoFrameDis,
             optimizer=functools.partial(chainer.optimizers.MomentumSGD, lr=5e-5), updates=2),
    'conditional tgan': Step(_conditional, wgan.TGANUpdaterWGANSVC, expected={BATCH: 2}, updates=2),
    'tgan, G1(z1) only': Step(_z1_only, wgan.TGANUpdaterWGANSVC),
    '3d model': Step(_model_3d, wgan.TGANUpdaterWGANSVC),
    'video gan, vanilla': Step(_video_gan, TGANUpdaterVanilla),
}
"""Name -> :class:`Step`."""


PROMOTED = ('tgan, singular value clipping', 'tgan, pulling away', 'tgan, vanilla with noise',
            'tgan, least squares, Adam', 'conditional tgan', 'video gan, vanilla')
"""Those that run by the rules of CuPy 14, too."""


def make_updater(step, device):
    """A small training of a step on a device -> updater; the same bytes on each."""
    np.random.seed(0)
    with chainer.using_config('batch_norm_statistics', step.statistics):
        models = step.models()
    examples = np.random.uniform(-1, 1, (8, 16, 1, 16, 16)).astype(chainer.get_dtype())
    if step.models is _conditional:
        examples = [(video, np.int32(i % 3)) for i, video in enumerate(examples)]
    _initialise(models, step.updater, examples)
    optimizers = {}
    for name, model in zip(('fsgen', 'vgen', 'vdis'), models, strict=True):
        if model is not None:
            model.to_device(device)
            optimizers[name] = step.optimizer().setup(model)
    updater = step.updater(
        models=models, iterator=SerialIterator(examples, 4, shuffle=False), optimizer=optimizers,
        device=device, **step.arguments)
    if step.method:
        vdis = updater.get_optimizer('vdis')
        vdis.remove_hook('SingularValueClipping')
        vdis.add_hook(SingularValueClipping(method=step.method))
    return updater


def _initialise(models, updater, examples):
    """Let a critic whose sizes are found at the first call find them, on the CPU."""
    if updater is wgan.TGANUpdaterWGANVideoFrameDis:
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            models[2](examples[:1].transpose(0, 2, 1, 3, 4))


def update(updater, seed):
    """One update -> its reported values."""
    np.random.seed(seed)
    reporter, observation = chainer.Reporter(), {}
    for name, optimizer in updater.get_all_optimizers().items():
        reporter.add_observer(name, optimizer.target)
    with reporter.scope(observation), warnings.catch_warnings():
        warnings.simplefilter('error', RuntimeWarning)
        updater.update()
    return observation


def _state(updater):
    """Parameters, and gradients, of all networks -> two dicts of arrays."""
    parameters, gradients = {}, {}
    for name, optimizer in sorted(updater.get_all_optimizers().items()):
        for path, param in optimizer.target.namedparams(include_uninit=False):
            parameters[name + path] = param.array
            if param.grad is not None:
                gradients[name + path] = param.grad
        for path, link in optimizer.target.namedlinks():
            for key in getattr(link, '_persistent', ()):
                value = getattr(link, key)
                if hasattr(value, 'shape'):
                    parameters[f'{name}{path}/{key}'] = value
    return parameters, gradients


# -- comparing -------------------------------------------------------------------------------------

NUMPY, DOUBLE = chainer.get_device('@numpy'), chainer.get_device('@cupy:0')


def on_host(value):
    """Array of either device, or a Variable of one -> NumPy's."""
    return NUMPY.send(value.array if isinstance(value, chainer.Variable) else value)


def difference(ours, theirs):
    """The largest difference of two dicts of arrays with the same keys."""
    if ours.keys() != theirs.keys():
        raise AssertionError(f'different keys: {sorted(ours.keys() ^ theirs.keys())}')
    largest = 0.
    for key, array in ours.items():
        a, b = on_host(array), on_host(theirs[key])
        if a.shape != b.shape or a.dtype != b.dtype:
            raise AssertionError(f'{key}: {a.dtype} {a.shape} on the double, {b.dtype} {b.shape} '
                                 'on NumPy')
        error = float(abs(a.astype(float) - b).max()) if a.size else 0.
        if not error <= largest:    # NaN, too
            largest = error
    return largest


def compare_steps(step, dtype, kernels='chainer', updates=2):
    """Run updates on both -> the largest difference, and what each update on the double copied.

    Args:
        step (Step): What runs.
        dtype: Of everything.
        kernels (str): Of the run on NumPy, see :mod:`tgan_chainer.functions.choice`.
        updates (int): How many.

    Raises:
        AssertionError: Types differ, or what one update copies differs from the others'.
    """
    with chainer.using_config('dtype', dtype), chainer.using_config('tgan_cpu_kernels', kernels):
        double, numpy = (make_updater(step, device) for device in (DOUBLE, NUMPY))
        copies, differences = [], []
        for seed in range(updates):
            start = len(transfers.transfers)
            losses = update(double, seed)
            copies.append(transfers.since(start))
            expected = update(numpy, seed)
            parameters, gradients = zip(_state(double), _state(numpy), strict=True)
            differences.append(difference(losses, expected))
            if dtype == np.float64:
                differences += [difference(*parameters), difference(*gradients)]
            elif seed == 0:
                scale = max(abs(gradient).max() for gradient in gradients[1].values())
                differences.append(difference(*gradients) / float(scale))
                difference(*parameters)    # their types
    if any(each != copies[0] for each in copies):
        raise AssertionError(f'updates copy different things: {copies}')
    return max(differences), copies[0]


def _step(dtype, name, kernels=None):
    """In float64 beside Chainer's kernels on NumPy, in float32 beside ours, unless it is said."""
    step, is_double = STEPS[name], dtype == np.float64
    kernels = kernels or ('chainer' if is_double else 'tgan')
    # In float32 a second update would compare what RMSprop makes of noise.
    found, copies = compare_steps(step, dtype, kernels, step.updates if is_double else 1)
    return found, FLOAT64 if is_double else FLOAT32, copies, {BATCH: 1, **step.expected}


# -- the hook of weights above the bound, and what the log and pictures show -----------------------

def _clipping(dtype):
    """Singular value clipping of weights above the bound, and what the log shows of them."""
    results = []
    with chainer.using_config('dtype', dtype):
        for device in (DOUBLE, NUMPY):
            vdis = make_updater(STEPS['tgan, singular value clipping'], device).vdis
            start = len(transfers.transfers)
            SingularValueClipping().clip(vdis)
            copies = transfers.since(start)
            for bn in (vdis.bn1, vdis.bn2, vdis.bn3):    # one that was never called has no ratio
                bn.avg_mean += 1
                bn.avg_var += 2
            results.append(({**dict(vdis.namedparams()), **critic_spectrum(vdis)}, copies))
    (ours, copies), (theirs, _) = results
    # The factorisations agree to 1e-15 and 1e-6; the largest value is 1.
    return difference(ours, theirs), 1e-12 if dtype == np.float64 else 1e-5, copies, {}


# -- sampling --------------------------------------------------------------------------------------

def _sampling(dtype, name='tgan, singular value clipping'):
    """Videos in test mode, by given latent vectors and labels, in chunks."""
    step, n = STEPS[name], 10
    z_slow = np.random.RandomState(0).uniform(-1, 1, (n, 4)).astype(dtype)
    labels = np.arange(n, dtype=np.int32) % 3 if step.models is _conditional else None
    videos, copies = [], []
    with chainer.using_config('dtype', dtype), \
            chainer.using_config('tgan_cpu_kernels', 'chainer'):
        for device in (DOUBLE, NUMPY):
            updater = make_updater(step, device)
            z, v = (None if array is None else device.send(array) for array in (z_slow, labels))
            start = len(transfers.transfers)
            made = make_video(updater.fsgen, updater.vgen, n, z_slow=z, labels=v)
            copies.append(transfers.since(start))
            videos.append({'video': made[0], 'z_slow': made[1]})
    return difference(*videos), 1e-12 if dtype == np.float64 else 1e-5, copies[0], {}


LABELS = {
    'to host: bool in tgan_chainer/models/sampling.py:draw_labels': 1,
    'to host: get in tgan_chainer/models/sampling.py:draw_labels': 1,
}
"""CuPy's ``choice`` looks whether probabilities are not negative, and what they sum to."""


def _labels(dtype):
    """Labels from a prior: whatever the algorithm draws, only categories of the prior come."""
    with chainer.using_config('dtype', dtype):
        fsgen = make_updater(STEPS['conditional tgan'], DOUBLE).fsgen
    fsgen.category_prior[...] = DOUBLE.send(np.array([0.25, 0, 0.75]))
    start = len(transfers.transfers)
    labels = draw_labels(fsgen, 4000)
    copies = transfers.since(start)
    labels = on_host(labels)
    shares = np.bincount(labels, minlength=3) / len(labels)
    if labels.dtype != np.int32 or shares[1]:
        raise AssertionError(f'labels of {labels.dtype}, shares {shares}')
    # Four standard deviations of the mean of 4000 draws.
    return float(abs(shares - [0.25, 0, 0.75]).max()), 4 * (0.1875 / 4000) ** 0.5, copies, LABELS


# -- scoring ---------------------------------------------------------------------------------------

PREPROCESS = {'to device: array in tgan_chainer/evaluation/resize.py:<genexpr>': 2}
"""The weights of the two axes, which depend on the size of the videos only."""

SUMS = {
    'to host: bool in tgan_chainer/evaluation/inception_score.py:add': 1,
    'to host: float in tgan_chainer/evaluation/inception_score.py:add': 1,
    'to host: get in tgan_chainer/evaluation/inception_score.py:add': 1,
}
"""Of a batch: whether it holds probabilities, and its two sums."""


def _preprocess(dtype, protocol):
    video = np.random.RandomState(0).uniform(-1.2, 1.2, (2, 3, 16, 16, 16)).astype(dtype)
    mean = np.random.RandomState(1).uniform(0, 255, MEAN_SHAPE).astype(dtype)
    video_there, mean_there = DOUBLE.send(video), DOUBLE.send(mean)
    start = len(transfers.transfers)
    clips = preprocess(video_there, mean_there, protocol)
    copies = transfers.since(start)
    found = difference({'clips': clips}, {'clips': preprocess(video, mean, protocol)})
    # Values of up to 256, from sums of at most 16 terms.
    return found, 1e-11 if dtype == np.float64 else 1e-3, copies, PREPROCESS


# C3D's class is of one size; the worker, a process of its own, makes it small.
c3d_ft._CONVOLUTIONS = tuple((name, 4, pool) for name, _, pool in c3d_ft._CONVOLUTIONS)
c3d_ft.INPUT_SHAPE = (3, 16, 16, 16)
c3d_ft._POOLED_SIZE = 4
c3d_ft._HIDDEN = 8


class SmallC3D(c3d_ft.C3D):
    """C3D of four channels a layer, which looks at the middle of the clips of a protocol."""

    def forward(self, clips, masks=()):
        return super().forward(clips[..., 48:64, 48:64] / 128, masks)


def small_c3d(device):
    """One that is not just untrained."""
    np.random.seed(0)
    network = SmallC3D(n_classes=5)
    for param in network.params():    # or else every class is as likely as any other
        if param.ndim > 1:
            param.array *= 20 if param.ndim == 5 else 60
    network.to_device(device)
    return network


def _classifier(device, protocol='tgan-v1', chunk=None):
    mean = np.random.RandomState(1).uniform(0, 255, MEAN_SHAPE).astype(chainer.get_dtype())
    return Classifier(small_c3d(device), device.send(mean), protocol, {}, chunk=chunk)


def _c3d(dtype):
    """Probabilities of videos."""
    videos = np.random.RandomState(0).uniform(-1, 1, (2, 3, 16, 16, 16)).astype(dtype)
    with chainer.using_config('dtype', dtype), \
            chainer.using_config('tgan_cpu_kernels', 'chainer'):
        there = DOUBLE.send(videos)
        of_double, of_numpy = (_classifier(device) for device in (DOUBLE, NUMPY))
        RandomState(0, DOUBLE).seed_all()    # of dropout
        start = len(transfers.transfers)
        ys = of_double(there)
        copies = transfers.since(start)
        RandomState(0, NUMPY).seed_all()
        found = difference({'ys': ys}, {'ys': of_numpy(videos)})
    if on_host(ys).std(axis=0).max() < 1e-3:
        raise AssertionError('the small C3D tells nothing apart')
    return found, 1e-12 if dtype == np.float64 else 1e-5, copies, PREPROCESS


class _Colour:
    """A data set of four videos of 16 x 16."""

    def __len__(self):
        return 4

    def __getitem__(self, i):
        return np.random.RandomState(i).uniform(-1, 1, (16, 3, 16, 16)).astype(np.float32)


def _score(dtype):
    """The inception score of a data set, in chunks, with its file after every batch."""
    values, copies = [], []
    with chainer.using_config('dtype', dtype), \
            chainer.using_config('tgan_cpu_kernels', 'chainer'), \
            tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        for device in (DOUBLE, NUMPY):
            evaluation = Evaluation(
                RealVideos(_Colour(), device, 0), _classifier(device, chunk=2),
                Settings(8, 4, 1e-7, (0,)), RandomState(0, device),
                Path(folder, f'{device.name}.npz'), {})
            start = len(transfers.transfers)
            values.append(np.array(evaluation.score()))
            copies.append(transfers.since(start))
    expected = {'to device: array in tgan_chainer/evaluation/sources.py:make': 2,
                **{key: 2 * n for key, n in SUMS.items()},
                **{key: 4 * n for key, n in PREPROCESS.items()}}
    return (difference({'score': values[0]}, {'score': values[1]}),
            1e-12 if dtype == np.float64 else 1e-5, copies[0], expected)


class _Grey(_Colour):
    def __getitem__(self, i):
        return super().__getitem__(i)[:, :1]


CRITIC = 'to host: get in tgan_chainer/evaluation/gam.py:critic_scores'


def _battle(dtype):
    """The scores of two critics, each of its own videos, of the other's, and of real ones."""
    scores, copies = [], []
    with chainer.using_config('dtype', dtype), \
            chainer.using_config('tgan_cpu_kernels', 'chainer'), \
            contextlib.redirect_stderr(io.StringIO()):
        for device in (DOUBLE, NUMPY):
            pair = []
            for name, sign in (('3d model', 1), ('tgan, vanilla with noise', -1)):
                updater = make_updater(STEPS[name], device)
                pair.append(Contestant(name, GeneratedVideos(updater.fsgen, updater.vgen),
                                       functools.partial(critic_scores, updater.vdis, sign), None))
            start = len(transfers.transfers)
            of_a, of_b = battle(*pair, lambda device=device: RealVideos(_Grey(), device, 0),
                                (4, 2), RandomState(0, device), batchsize=2)
            copies.append(transfers.since(start))
            scores.append({f'{side} {kind}': getattr(of, kind) for side, of in zip(
                'ab', (of_a, of_b), strict=True)
                for kind in ('own_fakes', 'real', 'other_fakes', 'test')})
    # Three batches of each system, by one critic each, and three of real videos by both; a fourth
    # of real videos is there to see their size.
    expected = {CRITIC: 12, 'to device: array in tgan_chainer/evaluation/sources.py:make': 4}
    return difference(*scores), 1e-12 if dtype == np.float64 else 1e-5, copies[0], expected


# -- a whole training by the command ---------------------------------------------------------------

EXPERIMENT = """\
models:
  fsgen: {fn: models/frame_seed_generator.py, name: FrameSeedGeneratorNoBetaInitUniform,
          args: {n_frames: 16, z_slow_dim: 4, z_fast_dim: 4}}
  vgen: {fn: models/video_generator.py, name: VideoGeneratorInitUniform,
         args: {z_slow_dim: 4, z_fast_dim: 4, out_channels: 1, bottom_width: 1, conv_ch: 16}}
  vdis: {fn: models/video_discriminator.py, name: VideoDiscriminatorNoBetaInitUniform,
         args: {in_channels: 1, top_width: 1, mid_ch: 2}}
dataset: {fn: datasets/mnist_dataset.py, name: MovingMNISTDataset, args: {n_frames: 16}}
updater: {fn: updaters/tgan_updater_wgan.py, name: TGANUpdaterWGANSVC, args: {freq: 2}}
batchsize: 2
iterations: 4
snapshot_interval: 4
preview_videos: 2
display_interval: 3
"""

UPDATER = 'to device: array in tgan_updater_base.py'

IN_TRAINING = {
    'an update': {UPDATER: 1},
    'an update, and display': {
        UPDATER: 1,
        # Whether each of D's four normalisations is in use.
        'to host: bool in critic_spectrum.py': 4,
        # Two losses, looked at and logged, five weights' largest values, three normalisations'.
        'to host: float in log_report.py': 12,
    },
}
"""What an update of a training by the command copies, and what happens beside it, by file."""

SAVED = {UPDATER, 'to device: array in preview.py', 'to host: get in preview.py',
         'to host: get in snapshot.py', 'to host: get in snapshots.py',
         'to host: get in log_report.py'}
"""Who copies in an update with preview and snapshot. Numbers are those of the arrays."""

RESUMED = {UPDATER, 'to device: set in snapshots.py',
           'to device: array in tgan_updater_wgan.py', 'to host: get in resume.py'}
"""Likewise in the first update after --resume: Chainer sends the states of optimizers then.

Before it, the networks are serialised, to be compared with the snapshot's."""


def by_file(counts):
    """Numbers of copies by origin -> by direction, call and file."""
    found = {}
    for key, n in counts.items():
        call, origin = key.split(' in ')
        file = origin.split(':')[0].rsplit('/')[-1]
        found[f'{call} in {file}'] = found.get(f'{call} in {file}', 0) + n
    return found


def run_training(folder, *flags):
    """Train by the command on the double -> exit code, [copies of each update and after it]."""
    np.save(folder / 'data.npy', np.random.RandomState(0).randint(
        0, 256, (18, 6, 16, 16), dtype=np.uint8))
    experiment = yaml.safe_load(EXPERIMENT)
    experiment['dataset']['args']['dataset_path'] = str(folder / 'data.npy')
    (folder / 'small.yml').write_text(yaml.safe_dump(experiment))
    counts, extend = [], train.extend

    def counting(trainer, *args):
        made = extend(trainer, *args)
        mark = [len(transfers.transfers)]

        def count(trainer):
            counts.append(transfers.since(mark[0]))
            mark[0] = len(transfers.transfers)
        trainer.extend(count, name='count', priority=-1000, trigger=(1, 'iteration'))
        return made

    train.extend = counting
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            code = train.main(['--config_path', str(folder / 'small.yml'), '--gpu', '0', *flags])
    finally:
        train.extend = extend
    return code, counts


def _training(random):
    """The trials of a training -> list of Result."""
    random.own()
    try:
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            code, counts = run_training(folder, '--out', str(folder / 'run'))
            resumed, more = run_training(folder, '--resume', str(folder / 'run'),
                                         '--iterations', '6')
            sampled, copies = _infer(folder)
    finally:
        random.share()
    if (code, resumed, sampled) != (0, 0, 0):
        raise AssertionError(f'exit codes {code}, {resumed}, {sampled}')
    plain, again, displayed, saved = counts
    if plain != again:
        raise AssertionError(f'two updates copy different things: {plain}, {again}')
    results = [Result(f'train.py --gpu 0: {name}', 0., 0., by_file(found), IN_TRAINING[name])
               for name, found in zip(IN_TRAINING, (plain, displayed), strict=True)]
    results += [Result(f'train.py --gpu 0: {name}', 0., 0., dict.fromkeys(by_file(found), 1),
                       dict.fromkeys(expected, 1))
                for name, found, expected in (
                    ('an update, preview and snapshot', saved, SAVED),
                    ('an update, the first after --resume', more[0], RESUMED))]
    return [*results, Result('infer.py --gpu 0', 0., 0., by_file(copies), INFERRED)]


INFERRED = {'to host: get in infer.py': 1}
"""Copies of a command that samples, beside the networks' parameters."""


def _infer(folder):
    """Sample by the command -> exit code, copies after the networks were read."""
    make, start = infer.make_video, []

    def marking(*args, **kwargs):
        start.append(len(transfers.transfers))
        return make(*args, **kwargs)
    infer.make_video = marking
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            code = infer.main(['--result_dir', str(folder / 'run'), '--gpu', '0', '--n', '3',
                               '--images', '--out_dir', str(folder / 'videos')])
    finally:
        infer.make_video = make
    return code, transfers.since(start[0])


# -- parity --gpu ----------------------------------------------------------------------------------

PARITY = {
    'state/small/chainer-2.0.2': {},
    'forward/small-b2-train-f64/chainer-2.0.2': {},
    'forward/sampling-small/chainer-7.8.1': {},
    # One update, which both look at.
    'gradients/small-svc1-b4-f64/chainer-2.0.2': {'updates': 1},
    'trajectories/small-svc1-b4-f64/chainer-2.0.2': {'updates': 1},
    'metrics/inception-score/oracle': {},
    'metrics/resize/oracle': {},
    'metrics/preprocess/oracle': {},
    'oracle/forward-small_noise-train/chainer-2.0.2': {},
    'oracle/clipping-eigh': {},
}
"""Checks that run as `python -m parity --gpu 0` runs them: name -> limits. C3D is too large."""


def _parity():
    """The trials of parity's checks on the device -> list of Result."""
    backend.use('tgan', 0)
    results = []
    for name, limits in PARITY.items():
        start = len(transfers.transfers)
        replay.forget()
        found = registry()[name].run(**limits)
        error = found.error or ('' if transfers.since(start) else 'nothing was on the device')
        worst = found.worst
        results.append(Result(f'parity --gpu 0: {name}', worst.max_rel if worst else np.inf,
                              worst.tolerance if worst else 0., {}, {}, error))
    backend.use('tgan', -1)
    return results


# -- faults ----------------------------------------------------------------------------------------

def _hook(function):
    def spoil(updater):
        updater.get_optimizer('vdis').add_hook(function, name='fault', timing='post')
    return spoil


def _after_loss(function):
    """Do something with a loss as soon as it is reported, within the update."""
    def spoil(updater):
        report = updater._report

        def spoilt(**losses):
            function(next(iter(losses.values())).array)
            report(**losses)
        updater._report = spoilt
    return spoil


def _weight(optimizer):
    return optimizer.target.c1.W.array


def _host_like(array):
    return np.zeros(array.shape, array.dtype)


FAULTS = {
    'a hook fetches a weight': _hook(lambda optimizer: _weight(optimizer).get()),
    'a hook sends a weight to NumPy and back':
        _hook(lambda optimizer: _weight(optimizer).set(NUMPY.send(_weight(optimizer)))),
    'a hook asks whether a weight is large':
        _hook(lambda optimizer: bool((_weight(optimizer) > 1).any())),
    'a hook takes elements by a mask':
        _hook(lambda optimizer: _weight(optimizer)[_weight(optimizer) > 0]),
    'a hook adds a host array':
        _hook(lambda optimizer: _weight(optimizer) + _host_like(_weight(optimizer))),
    'a hook is added to by a host array':
        _hook(lambda optimizer: _host_like(_weight(optimizer)) + _weight(optimizer)),
    'a hook assigns a host array':
        _hook(lambda optimizer: _weight(optimizer).__setitem__(..., _host_like(
            _weight(optimizer)))),
    'a hook clips by host bounds':
        _hook(lambda optimizer: optimizer.target.xp.clip(
            _weight(optimizer), -1, _host_like(_weight(optimizer)))),
    'a hook calls what CuPy does not have':
        _hook(lambda optimizer: optimizer.target.xp.spacing(_weight(optimizer))),
    'a hook waits for the device':
        _hook(lambda optimizer: optimizer.target.device.device.synchronize()),
    'an updater makes a number of a loss': _after_loss(float),
    'an updater makes a NumPy array of a loss': _after_loss(np.asarray),
    'an updater prints a loss': _after_loss(str),
    'an updater indexes by a loss': _after_loss(lambda loss: [0, 1][loss > 0]),
}
"""What must not be in a step: name -> function that puts it into the double's updater."""


def _caught(spoil):
    """Run an update with a fault -> what caught it, or '' if nothing did."""
    step = STEPS['3d model']
    updater = make_updater(step, DOUBLE)
    spoil(updater)
    start = len(transfers.transfers)
    try:
        update(updater, 0)
    except (TypeError, ValueError, AttributeError) as error:
        return f'{type(error).__name__}: {str(error).splitlines()[0]}'
    return ', '.join(f'{n} x {key}' for key, n in sorted(transfers.since(start).items())
                     if n != {BATCH: 1}.get(key))


# -- all -------------------------------------------------------------------------------------------

OTHERS = {
    'singular value clipping, and its plot': _clipping,
    'sampling': _sampling,
    'sampling, conditional': functools.partial(_sampling, name='conditional tgan'),
    'labels from the prior': _labels,
    **{f'preprocess, {protocol}': functools.partial(_preprocess, protocol=protocol)
       for protocol in PROTOCOLS if 'dropout-off' not in protocol},    # of which clips are the same
    'C3D': _c3d,
    'inception score, four chunks': _score,
    'generative adversarial metric': _battle,
}
"""Name -> function from a dtype to difference, tolerance, copies, expected copies."""


def run(random, traced=contextlib.nullcontext):
    """Run everything but the faults -> list of :class:`Result`.

    Args:
        random: The double's ``cupy.random``.
        traced (callable): Makes a context for the trials in float32 and the training, which
            between them call all that is called.
    """
    random.share()
    trials = {name: functools.partial(_step, name=name) for name in STEPS}
    results = []
    for name, trial in {**trials, **OTHERS}.items():
        results.append(_run(f'{name}, float64', trial, np.float64))
        with traced():
            results.append(_run(f'{name}, float32', trial, np.float32))
    results.append(_run('tgan, singular value clipping, against our CPU kernels', functools.partial(
        _step, name='tgan, singular value clipping', kernels='tgan'), np.float64))
    # CuPy 14 promotes as NumPy 2 does: nothing may become float64 by a NumPy scalar.
    arrays.value_based_promotion = False
    try:
        results += [_run(f'{name}, float32, promotion of CuPy 14', trials[name], np.float32)
                    for name in PROMOTED]
    finally:
        arrays.value_based_promotion = True
    try:
        with traced():
            results += _training(random)
    except Exception as error:
        results.append(_failed('train.py --gpu 0', error))
    return results + _parity()


def catch():
    """Run every fault, after :func:`run` -> {name: what caught it, or ''}."""
    return {name: _caught(spoil) for name, spoil in FAULTS.items()}


def _run(name, trial, dtype):
    try:
        return Result(name, *trial(dtype))
    except Exception as error:
        return _failed(name, error)


def _failed(name, error):
    return Result(name, 0., 0., {}, {}, f'{type(error).__name__}: {error}')
