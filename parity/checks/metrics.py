"""Layer 7: C3D, the inception score, and what is done to a video before C3D sees it."""
import contextlib
import functools
import hashlib
import io
import json
import tempfile
from pathlib import Path

import chainer
import numpy as np

from parity import backend, replay, runs, tolerances
from parity.registry import Check
from parity.result import NotRunError, Result, compare, match
from reference import recordings
from reference.oracle import c3d, resize, scores
from tgan_chainer.evaluation import c3d_ft
from tgan_chainer.evaluation import inception_score as calc_inception
from tgan_chainer.evaluation import protocols as preprocess
from tgan_chainer.evaluation.classifier import Classifier
from tgan_chainer.evaluation.inception_score import Evaluation
from tgan_chainer.evaluation.protocols import Settings
from tgan_chainer.evaluation.resize import resize_bicubic
from tgan_chainer.evaluation.sources import GeneratedVideos
from tgan_chainer.evaluation.tile_prediction import surest
from tgan_chainer.random_streams import RandomState

DATA = Path(__file__).resolve().parents[2] / 'data'
MEAN = DATA / 'mean2.npz'
WEIGHTS = DATA / 'conv3d_deepnetA_ucf.npz'

ORACLE = 'NumPy oracle'

SCORE = 'score-small-seed0'
"""The recording of the whole of a score."""


@functools.lru_cache(maxsize=1)
def c3d_network(seed):
    """C3D with the weights of a seed, on the device of the checks."""
    np.random.seed(seed)
    network = c3d_ft.C3D()
    network.to_device(backend.device)
    return network


@functools.lru_cache(maxsize=1)
def c3d_run():
    """The recorded network: weights of one seed -> {key: sha256}, [(name, activation)]."""
    meta = recordings.load('c3d-seed0').meta
    network = c3d_network(meta['seed'])
    x = np.random.RandomState(meta['seed'] + 1).uniform(0, 255, (1, *c3d_ft.INPUT_SHAPE)) - 100
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        stages = [(name, backend.fetch(variable.array))
                  for name, variable in network.stages(backend.send(x.astype('f')))]
    digests = {path[1:]: hashlib.sha256(
        np.ascontiguousarray(backend.fetch(param.array))).hexdigest()
               for path, param in network.namedparams()}
    return digests, stages


def c3d_weights(version):
    """C3D's initial weights, byte for byte."""
    recorded = recordings.load('c3d-seed0', version).meta['params']
    ours, _ = c3d_run()
    reference = runs.reference('c3d-seed0', version)
    return Result(comparisons=(
        match('C3D', 'keys', sorted(ours), sorted(recorded), 'published weights must load',
              reference),
        *(match('C3D', key, ours.get(key), entry['sha256'], 'the same seed draws the same bytes',
                reference, entry['shape']) for key, entry in recorded.items())))


def c3d_activations(version):
    """Every activation of C3D."""
    recording = recordings.load('c3d-seed0', version)
    _, ours = c3d_run()
    stages = recordings.stages(recording)
    reference = runs.reference('c3d-seed0', version)
    values, norm = ((tolerances.C3D_GPU_32,) * 2 if backend.on_gpu()
                    else (tolerances.C3D_32, tolerances.WHOLE_TENSOR_32))
    comparisons = [match('C3D', 'order of layers', [name for name, _ in ours],
                         [stage.name for stage in stages], 'the layers as they run', reference)]
    for (name, array), stage in zip(ours, stages, strict=False):
        comparisons += [
            compare('C3D', name, array.ravel()[::stage.stride], stage.values, *values, reference,
                    array.shape),
            compare('C3D', f'norm of all {name}', np.linalg.norm(array.ravel().astype('d')),
                    stage.l2, *norm, reference)]
    return Result(comparisons=tuple(comparisons))


def inception_score(version):
    """The score of recorded class probabilities."""
    recording = recordings.load('inception-seed0', version)
    reference = runs.reference('inception-seed0', version)
    probabilities = [recording.arrays[key] for key in sorted(recording.arrays)]
    return Result(comparisons=tuple(
        compare('inception score', f'set {i}', calc_inception.calc_inception(backend.send(ys)),
                score, *tolerances.SCORE_32, reference, ys.shape)
        for i, (ys, score) in enumerate(
            zip(probabilities, recording.meta['scores'], strict=True))))


def score_of_the_oracle():
    """The score of probabilities that no recording holds, in float64."""
    rs = np.random.RandomState(7)
    comparisons = []
    for sharpness in (0.1, 1.0, 10.0):
        logits = sharpness * rs.randn(200, 101)
        ys = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        comparisons.append(compare(
            'inception score', f'softmax of logits N(0, {sharpness}^2)',
            calc_inception.calc_inception(backend.send(ys)), scores.inception_score(ys),
            *tolerances.SCORE_64, ORACLE, ys.shape))
    return Result(comparisons=tuple(comparisons))


def mean_clip(seed):
    """Stand-in for the mean clip in recordings of a score, float64 (3, 16, 128, 171)."""
    rs = np.random.RandomState(seed + recordings.SEED_OFFSETS['mean'])
    return rs.uniform(80, 130, preprocess.MEAN_SHAPE)


class _Watched:
    """A source of videos, or C3D, that keeps what it makes in lists."""

    def __init__(self, wrapped, **kept):
        self.__dict__.update(kept, wrapped=wrapped)

    def __getattr__(self, name):
        return getattr(self.wrapped, name)

    def make(self, drawn):
        videos = self.wrapped.make(drawn)
        self.videos.append(videos)
        return videos

    def __call__(self, clips, masks):
        ys = self.wrapped(clips, masks)
        self.clips.append(clips)
        self.probabilities.append(ys.array)
        return ys


@functools.lru_cache(maxsize=1)
def _scores_of(recipe):
    """Scores by the recipe of :data:`SCORE`, as JSON -> [score], {'PROTOCOL WHAT': array}."""
    recipe = json.loads(recipe)
    networks = replay.build(recordings.configurations()[recipe['config']], '7.8.1', recipe['seed'])
    for network in networks.values():
        for link in network.links():
            if hasattr(link, 'avg_var'):
                link.avg_var[...] = recipe['avg_var']
    c3d = c3d_network(recipe['seed']).copy('copy')
    for link in c3d.children():
        link.W.array *= recipe['c3d_gains'][link.name]
    batch = recipe['batch']
    settings = Settings(batch * recipe['batches'], batch, calc_inception.EPS, ())
    found, arrays = [], {}
    for protocol in recipe['protocols']:
        seen = {'videos': [], 'clips': [], 'probabilities': []}
        classifier = Classifier(
            _Watched(c3d, **seen), mean_clip(recipe['seed']).astype('f'), protocol, {}, chunk=1)
        state = RandomState(recipe['seed'] + recordings.SEED_OFFSETS['score'],
                            chainer.get_device('@numpy'))
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
            found.append(Evaluation(
                _Watched(GeneratedVideos(networks['fsgen'], networks['vgen']), **seen), classifier,
                settings, state, Path(folder, 'part.npz'), {}).score())
        arrays.update({f'{protocol} {what}': np.concatenate(seen[what]) for what in seen})
    return found, arrays


def whole_score(version):
    """From latent vectors to the score, with C3D's dropout as in the authors' script, and off."""
    recording = recordings.load(SCORE, version)
    meta, reference = recording.meta, runs.reference(SCORE, version)
    ours, arrays = _scores_of(json.dumps({key: meta[key] for key in (
        'config', 'seed', 'batch', 'batches', 'avg_var', 'c3d_gains', 'protocols')}))
    comparisons = []
    for stage in recordings.stages(recording):
        array = arrays[stage.name]
        comparisons += [
            compare('score', stage.name, array.ravel()[::stage.stride], stage.values,
                    *tolerances.SCORED_32, reference, array.shape),
            compare('score', f'norm of all {stage.name}',
                    np.linalg.norm(array.ravel().astype('d')), stage.l2, *tolerances.SCORED_32,
                    reference)]
    named = {stage.name: stage for stage in recordings.stages(recording)}
    for protocol, score, theirs, kept in zip(meta['protocols'], ours, meta['scores'],
                                             meta['surest'], strict=True):
        comparisons.append(compare('score', protocol, score, theirs, *tolerances.SCORED_32,
                                   reference))
        stage = named[f'{protocol} probabilities']
        batches = stage.values.reshape(meta['batches'], meta['batch'], -1)
        comparisons.append(match('tile_prediction', protocol, [_surest(ys) for ys in batches], kept,
                                 'the same rule keeps the same video', reference))
    text = '; '.join(f'{protocol}: {score:.4f}' for protocol, score in zip(
        meta['protocols'], ours, strict=True))
    return Result(comparisons=tuple(comparisons), text=text)


def _surest(ys):
    """Which video of a batch of these probabilities tile_prediction keeps."""
    class Numbered:
        draw = staticmethod(np.arange)
        make = staticmethod(lambda numbers: numbers)
    number, _, _ = surest(Numbered, lambda videos: ys, len(ys))
    return int(number)


def bicubic():
    """Resizing, up and down, to other shapes."""
    rs = np.random.RandomState(7)
    comparisons = []
    for (height, width), (to_height, to_width) in (
            ((64, 64), (128, 128)), ((64, 85), (128, 171)), ((5, 7), (3, 20))):
        images = rs.uniform(0, 255, (2, 3, height, width))
        comparisons.append(compare(
            'resize', f'{height} x {width} to {to_height} x {to_width}',
            backend.fetch(resize_bicubic(backend.send(images), to_height, to_width)),
            resize.resize_cubic(images, to_height, to_width), *tolerances.RESIZE_64, ORACLE))
    return Result(comparisons=tuple(comparisons))


def preprocessing():
    """Protocol tgan-v1 from a video to C3D's input: scale, size, channels, mean, crop."""
    rs = np.random.RandomState(7)
    video = rs.uniform(-1, 1, (1, 3, 16, 64, 64))
    mean = rs.uniform(0, 255, preprocess.MEAN_SHAPE)
    ours = preprocess.preprocess(backend.send(video), backend.send(mean), 'tgan-v1')
    return Result(comparisons=(compare(
        'tgan-v1', 'input of C3D', backend.fetch(ours), c3d.preprocess_tgan_v1(video, mean),
        *tolerances.RESIZE_64, ORACLE),))


def released_mean():
    """The mean clip that the authors released."""
    if not MEAN.is_file():
        raise NotRunError(f'needs data/{MEAN.name}, which the authors released (v1.0.0)')
    mean = preprocess.load_mean(MEAN, sha256=None)
    reference = "the authors' release"
    return Result(comparisons=(
        match('mean', 'sha256', hashlib.sha256(MEAN.read_bytes()).hexdigest(),
              preprocess.MEAN_SHA256, 'another mean makes another score', reference),
        match('mean', 'shape', mean.shape, preprocess.MEAN_SHAPE, 'a shape is right or wrong',
              reference)))


def released_weights():
    """That the released weights of C3D fit our network."""
    if not WEIGHTS.is_file():
        raise NotRunError(f'needs data/{WEIGHTS.name}, released beside tgan2 v1.0')
    ours = {path[1:]: param.shape for path, param in c3d_ft.C3D().namedparams()}
    with np.load(WEIGHTS, allow_pickle=False) as npz:
        found = {key: npz[key].shape for key in npz.files}
    return Result(comparisons=(match('C3D', 'keys and shapes', ours, found,
                                     'published weights must load', "the authors' release"),))


CHECKS = (
    *(Check(f'metrics/c3d-weights/chainer-{version}', c3d_weights, (version,), 4, 'c3d')
      for version in recordings.CHAINERS),
    *(Check(f'metrics/c3d-activations/chainer-{version}', c3d_activations, (version,), 1, 'c3d')
      for version in recordings.CHAINERS),
    *(Check(f'metrics/score/chainer-{version}', whole_score, (version,), 9, 'c3d')
      for version in recordings.CHAINERS),
    *(Check(f'metrics/inception-score/chainer-{version}', inception_score, (version,), 0.1)
      for version in recordings.CHAINERS),
    Check('metrics/inception-score/oracle', score_of_the_oracle, cost=0.1),
    Check('metrics/resize/oracle', bicubic, cost=0.1),
    Check('metrics/preprocess/oracle', preprocessing, cost=0.2),
    Check('metrics/released-mean', released_mean, cost=0.1),
    Check('metrics/released-weights', released_weights, cost=0.1),
)
