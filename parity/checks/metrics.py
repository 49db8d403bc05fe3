"""Layer 7: C3D, the inception score, and what is done to a video before C3D sees it."""
import contextlib
import functools
import io
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import chainer
import numpy as np

from parity import backend, driver, replay, tolerances
from parity.check import Check, Comparisons, NotRunError, Outcome
from reference import recordings
from reference.oracle import scores
from tgan_chainer.evaluation import c3d_ft
from tgan_chainer.evaluation import inception_score as calc_inception
from tgan_chainer.evaluation import protocols as preprocess
from tgan_chainer.evaluation.classifier import Classifier
from tgan_chainer.evaluation.inception_score import Evaluation
from tgan_chainer.evaluation.protocols import Settings
from tgan_chainer.evaluation.resize import cubic_matrix
from tgan_chainer.evaluation.resize import resize as resize_images
from tgan_chainer.evaluation.sources import GeneratedVideos
from tgan_chainer.evaluation.tile_prediction import surest
from tgan_chainer.io import files
from tgan_chainer.random_streams import RandomState

DATA = Path(__file__).resolve().parents[2] / 'data'
MEAN = DATA / 'mean2.npz'
WEIGHTS = DATA / 'conv3d_deepnetA_ucf.npz'

ORACLE = 'NumPy oracle'

C3D = ('c3d-seed0', recordings.CHAINERS[0])
"""What our C3D runs on, which is the same for both releases."""

SCORE = 'score-small-seed0'
"""The recording of the whole of a score."""


def c3d_weights(version):
    """C3D's initial weights, byte for byte."""
    recorded = recordings.load('c3d-seed0', version).meta['params']
    ours = replay.recorded(*C3D).meta['params']
    found = replay.against('c3d-seed0', version)
    found.equal('C3D', 'keys', sorted(ours), sorted(recorded), 'published weights must load')
    for key, entry in recorded.items():
        found.equal('C3D', key, ours.get(key), entry, 'the same seed draws the same bytes',
                    entry['shape'])
    return found


def c3d_activations(version):
    """Every activation of C3D."""
    ours, stages = map(recordings.stages, (
        replay.recorded(*C3D), recordings.load('c3d-seed0', version)))
    bounds = ((tolerances.C3D_GPU_32,) * 2 if backend.on_gpu()
              else (tolerances.C3D_32, tolerances.WHOLE_TENSOR_32))
    found = replay.against('c3d-seed0', version)
    found.equal('C3D', 'order of layers', *([stage.name for stage in of] for of in (ours, stages)),
                'the layers as they run')
    for stage, theirs in zip(ours, stages, strict=False):
        found.recorded('C3D', stage.values, theirs, *bounds)
    return found


def inception_score(version):
    """The score of recorded class probabilities."""
    recording = recordings.load('inception-seed0', version)
    found = replay.against('inception-seed0', version)
    for key, score in zip(sorted(recording.arrays), recording.meta['scores'], strict=True):
        ys = recording.arrays[key]
        found.close('inception score', key, calc_inception.calc_inception(backend.send(ys)), score,
                    tolerances.SCORE_32, ys.shape)
    return found


def score_of_the_oracle():
    """The score of probabilities that no recording holds, in float64."""
    rs = np.random.RandomState(7)
    found = Comparisons(ORACLE)
    for sharpness in (0.1, 1.0, 10.0):
        logits = sharpness * rs.randn(200, 101)
        ys = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        found.close('inception score', f'softmax of logits N(0, {sharpness}^2)',
                    calc_inception.calc_inception(backend.send(ys)), scores.inception_score(ys),
                    tolerances.SCORE_64, ys.shape)
    return found


@dataclass(frozen=True)
class _Watched(Classifier):
    seen: dict = field(default_factory=lambda: {'videos': [], 'probabilities': []})

    def __call__(self, videos, done=None):
        ys = super().__call__(videos, done)
        self.seen['videos'].append(videos)
        self.seen['probabilities'].append(ys)
        return ys


@functools.lru_cache(maxsize=1)
def score_run():
    """The recorded scores -> {protocol: score}, {'PROTOCOL WHAT': array}.

    On the CPU, whatever the device: dropout draws what NumPy drew for the recordings.
    """
    recipe = recordings.load(SCORE).meta
    networks = replay.build(recordings.configurations()[recipe['config']], '7.8.1', recipe['seed'])
    driver.set_variances(networks, recipe['avg_var'])
    c3d = replay.OURS.c3d(recipe['seed']).copy('copy')
    c3d.to_device('@numpy')    # other checks may have moved what this is a copy of
    for link in c3d.children():
        link.W.array *= recipe['c3d_gains'][link.name]
    batch, mean = recipe['batch'], recordings.mean_clip(recipe['seed']).astype('f')
    settings = Settings(batch * recipe['batches'], batch, calc_inception.EPS, ())
    found, arrays = {}, {}
    for protocol in recipe['protocols']:
        classifier = _Watched(c3d, mean, protocol, {}, chunk=1)
        state = RandomState(recipe['seed'] + recordings.SEED_OFFSETS['score'],
                            chainer.get_device('@numpy'))
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            found[protocol] = Evaluation(
                GeneratedVideos(networks['fsgen'], networks['vgen']), classifier, settings, state,
                Path(folder, 'part.npz'), {}).score()
        videos, ys = map(np.concatenate, classifier.seen.values())
        arrays |= {f'{protocol} videos': videos, f'{protocol} probabilities': ys,
                   f'{protocol} clips': preprocess.preprocess(videos, mean, protocol)}
    return found, arrays


def whole_score(version):
    """From latent vectors to the score, with C3D's dropout as in the authors' script, and off."""
    recording = recordings.load(SCORE, version)
    meta = recording.meta
    ours, arrays = score_run()
    found = replay.against(SCORE, version)
    named = {stage.name: stage for stage in recordings.stages(recording)}
    for name, stage in named.items():
        found.recorded('score', arrays[name], stage, tolerances.SCORED_32)
    for (protocol, score), theirs, kept in zip(ours.items(), meta['scores'], meta['surest'],
                                               strict=True):
        found.close('score', protocol, score, theirs, tolerances.SCORED_32)
        batches = named[f'{protocol} probabilities'].values.reshape(
            meta['batches'], meta['batch'], -1)
        found.equal('tile_prediction', protocol, [_surest(ys) for ys in batches], kept,
                    'the same rule keeps the same video')
    return Outcome(comparisons=found, text='; '.join(
        f'{protocol}: {score:.4f}' for protocol, score in ours.items()))


def _surest(ys):
    """Which video of a batch of these probabilities tile_prediction keeps."""
    numbered = SimpleNamespace(draw=np.arange, make=lambda numbers: numbers)
    return int(surest(numbered, lambda videos: ys, len(ys))[0])


def bicubic():
    """Resizing, up and down, to other shapes."""
    rs = np.random.RandomState(7)
    found = Comparisons(ORACLE)
    for size, to in (((64, 64), (128, 128)), ((64, 85), (128, 171)), ((5, 7), (3, 20))):
        images = rs.uniform(0, 255, (2, 3, *size))
        found.close('resize', f'{size} to {to}',
                    driver.array_of(resize_images(backend.send(images), *to, cubic_matrix)),
                    scores.resize_cubic(images, *to), tolerances.RESIZE_64)
    return found


def preprocessing():
    """Protocol tgan-v1 from a video to C3D's input: scale, size, channels, mean, crop."""
    rs = np.random.RandomState(7)
    video = rs.uniform(-1, 1, (1, 3, 16, 64, 64))
    mean = rs.uniform(0, 255, preprocess.MEAN_SHAPE)
    ours = preprocess.preprocess(backend.send(video), backend.send(mean), 'tgan-v1')
    found = Comparisons(ORACLE)
    found.close('tgan-v1', 'input of C3D', driver.array_of(ours),
                scores.preprocess(video, mean), tolerances.RESIZE_64)
    return found


def _against_release(path, where):
    if not path.is_file():
        raise NotRunError(f'needs data/{path.name}, which the authors released ({where})')
    return Comparisons("the authors' release")


def released_mean():
    """The mean clip that the authors released."""
    found = _against_release(MEAN, 'v1.0.0')
    found.equal('mean', 'sha256', files.sha256(MEAN), preprocess.MEAN_SHA256,
                'another mean makes another score')
    found.equal('mean', 'shape', preprocess.load_mean(MEAN).shape,
                preprocess.MEAN_SHAPE, 'a shape is right or wrong')
    return found


def released_weights():
    """That the released weights of C3D fit our network."""
    found = _against_release(WEIGHTS, 'beside tgan2 v1.0')
    ours = {path[1:]: param.shape for path, param in c3d_ft.C3D().namedparams()}
    with np.load(WEIGHTS, allow_pickle=False) as npz:
        theirs = {key: npz[key].shape for key in npz.files}
    found.equal('C3D', 'keys and shapes', ours, theirs, 'published weights must load')
    return found


CHECKS = (
    *(Check(f'metrics/{name}/chainer-{version}', function, (version,), cost, group)
      for name, function, cost, group in (
          ('c3d-weights', c3d_weights, 4, 'c3d'), ('c3d-activations', c3d_activations, 1, 'c3d'),
          ('score', whole_score, 9, 'c3d'), ('inception-score', inception_score, 0.1, ''))
      for version in recordings.CHAINERS),
    *(Check(f'metrics/{name}', function, cost=0.1) for name, function in (
        ('inception-score/oracle', score_of_the_oracle), ('resize/oracle', bicubic),
        ('preprocess/oracle', preprocessing), ('released-mean', released_mean),
        ('released-weights', released_weights))),
)
