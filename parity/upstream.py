"""Layer 9: the authors' own code, live.

A checkout of theirs is recorded anew by `upstream_runner.py`, maybe on a Python and Chainer of its
own, and the checks of the other layers are held against that instead of the shipped recordings.
"""
import argparse
import contextlib
import dataclasses
import functools
import itertools
import os
import tempfile
from pathlib import Path
from unittest import mock

import numpy as np
from PIL import Image

from parity import driver, replay
from parity.check import Check, Comparisons, NotRunError, Outcome, Tolerance
from parity.checks import data, metrics, networks, updates
from parity.worker import Worker, WorkerError, environment, interpreter
from reference import recordings
from tgan_chainer import config
from tgan_chainer.io import pictures
from tgan_chainer.models.sampling import make_video
from tgan_chainer.results import DEFAULT_ITERATION, output_stem

RUNNER = Path(__file__).with_name('upstream_runner.py')

# What a recording found, and where; the rest of its json file says what was run.
_FOUND = frozenset({
    'chainer', 'python', 'numpy', 'models', 'stages', 'trace', 'top_singular_value_after',
    'y_shape', 'y_sha256', 'y_sum', 'index', 'params', 'scores', 'surest', 'sha256_of_examples'})


class Upstream(Worker):
    """A process that runs the modules of a checkout, on an interpreter, by default this one.

    A WorkerError if there is no such checkout or interpreter, or it lacks Chainer or a file; or if
    there are no recordings of its release of Chainer, so no one knows its statistics.
    """

    def __init__(self, directory, python=None):
        try:
            super().__init__("the authors' side", [
                interpreter(python), str(RUNNER), os.path.abspath(directory)], environment())
        except NotRunError as reason:
            raise WorkerError(str(reason)) from None
        self.release = self.description['chainer']
        if self.release not in recordings.CHAINERS:
            raise WorkerError(f'the checkout runs on Chainer {self.release}, expected one of '
                              f'{", ".join(recordings.CHAINERS)}')

    def record(self, name, part=None, updates=None):
        """Run one of `recipes()` -> :class:`reference.recordings.Recording`.

        ``part`` is one configuration of init, or one class of datasets; ``updates`` as many of a
        training. A NotRunError if the authors' code raised an error, or lacks what was asked of it.
        """
        with tempfile.TemporaryDirectory() as files:
            request, inputs = _request(name, part, Path(files))
            found, arrays = self.call(
                {**request, 'n_updates': updates or request.get('n_updates')}, inputs)
        meta = {key: value for key, value in recipes()[name].items() if key != 'n_updates'} | found
        return recordings.Recording(name, self.release, meta, arrays)

    def call(self, request, inputs):
        """Run a request -> what was found, as from JSON, and arrays by name."""
        with tempfile.TemporaryDirectory() as folder:
            taken, given = (os.path.join(folder, f'{name}.npz') for name in ('inputs', 'arrays'))
            np.savez(taken, **inputs)
            try:
                found = self.run('record', {**request, 'inputs': taken, 'arrays': given})
            except WorkerError as error:
                raise NotRunError(str(error)) from None
            return found, dict(np.load(given))


def _models(config):
    """One of the recorded configurations, or 'pair', which only live parity runs.

    That is 'small' with frames of 32 x 32 and the two critics, whose frame critic has one width.
    """
    found = recordings.configurations()['small' if config == 'pair' else config]
    if config == 'pair':
        found['vgen']['kwargs']['bottom_width'] = 2
        found['vdis'] = {'class': 'VideoAndFrameDiscriminator',
                         'kwargs': {'in_channels': 3, 'top_width': 2, 'mid_ch': 64}}
    return found


@functools.cache
def recipes():
    """What can be recorded, shipped or live: name -> its json file, without what was found."""
    shipped = {}
    for version in reversed(recordings.CHAINERS):
        for name in recordings.names(version):
            meta = recordings.load(name, version).meta
            shipped[name] = {key: value for key, value in meta.items() if key not in _FOUND} | (
                {'n_updates': len(meta['trace'])} if 'trace' in meta else {})
    wide = shipped['forward-ucf_vanilla-b2-seed0-train-f64']
    trained = shipped['train-small-svc-b4-seed0-f64']
    pair = {'config': 'pair', 'models': _models('pair')}
    return {
        **shipped,
        **{f'forward-{config}-b2-seed0-train-f64': {**wide, 'config': config}
           for config in ('ucf_default', 'beta_default', 'beta_uniform')},
        'forward-pair-b2-seed0-train-f64': {**wide, **pair},
        'forward-pair-b2-seed0-test-f64': {**wide, **pair, 'train': False},
        'train-pair-video_frame-b4-seed0-f64': {
            **trained, **pair,
            'updater': {'cls': 'TGANUpdaterWGANVideoFrameDis', 'kwargs': {'freq': 5}}},
    }


def _request(name, part, folder):
    """Request for `upstream_runner.py`, and its inputs; files that it is to read in ``folder``."""
    recipe = recipes()[name]
    arrays = recordings.load(name).arrays if name.startswith('inception') else {}
    request, inputs = replay.request(
        recordings.Recording(name, recordings.CHAINERS[0], recipe, arrays))
    if request['kind'] == 'init':
        request['models'] = {config: _models(config) for config in (
            [part] if part else recordings.configurations())}
    elif request['kind'] == 'datasets':
        request['datasets'] = [_dataset(cls, folder / cls, recipe['seed'])
                               for cls in data.DATASETS if part in (None, cls)]
    return request, inputs


def _dataset(cls, folder, seed):
    """Write the files of a class, but for its table, which that side's pandas has to pickle."""
    write, n, offset = data.DATASETS[cls]
    folder.mkdir()
    kwargs, table = write(folder, recordings.dataset_inputs(seed))
    return {'key': data.recorded_name(cls), 'class': cls, 'n': n, 'seed': seed + offset,
            'kwargs': {'n_frames': 16, **kwargs}, 'table': table}


def checks(directory, python=None):
    """The checks of a checkout; takes the arguments of :class:`Upstream`, and raises the same."""
    side = (directory, python)
    version = session(*side).release    # tells early whether it can be used

    def check(name, *functions, of=(), part=None):
        what = name.replace('-seed0', '') + (f'-{part}' if part else '')
        args = (*side, name, part, [(function, of or (name, version)) for function in functions])
        return Check(f'upstream/{what}', against_fresh_recording, args, 4, 'upstream')

    return (
        *(check('init-seed0', networks.initial_state, of=(config, version), part=config)
          for config in (*recordings.configurations(), 'pair')),
        *(check(name, networks.forward_pass)
          for name in recipes() if name.startswith('forward-') and updates.is_float64(name)),
        *(check(name, updates.first_update,
                *([updates.trajectory] if updates.is_float64(name) else []))
          for name in _trainings(version)),
        *(check(name, networks.make_video) for name in recipes() if name.startswith('infer-')),
        *(check('datasets-seed0', data.examples, of=(cls, version), part=cls)
          for cls in data.DATASETS),
        check('inception-seed0', metrics.inception_score, of=(version,)),
        check('c3d-seed0', metrics.c3d_weights, metrics.c3d_activations, of=(version,)),
        check(metrics.SCORE, metrics.whole_score, of=(version,)),
        Check('upstream/experiments', experiment_files, side[:1], 4, 'upstream'),
        *(Check(f'upstream/strips-{colour}', strips, (*side, channels), 4, 'upstream')
          for colour, channels in (('grey', 1), ('colour', 3))))


def _trainings(version):
    """One recipe an updater, in float64, or in float32 where Chainer 2 has losses of no other."""
    shipped = recordings.names(version)
    for name in recipes():
        if name.startswith('train-') and updates.is_float64(name):
            single = name.removesuffix('-f64')
            yield single if name not in shipped and single in shipped else name


session = functools.cache(Upstream)
"""One process for all checks of a checkout."""


def against_fresh_recording(directory, python, name, part, functions, updates=None):
    """Other layers' checks, pairs (function, arguments), against what the checkout computes now."""
    limits = {'updates': updates} if updates else {}
    upstream = session(directory, python)
    with reading(upstream.record(name, part, updates)):
        outcomes = [Outcome.of(function(*args, **limits)) for function, args in functions]
    found = Comparisons(_reference(upstream))
    for outcome in outcomes:
        found += [dataclasses.replace(each, reference=found.reference)
                  if each.reference.startswith('recording') else each
                  for each in outcome.comparisons]
    return Outcome(
        comparisons=found, text=_summary(found),
        excluded=tuple(sorted({name for outcome in outcomes for name in outcome.excluded})))


@contextlib.contextmanager
def reading(fresh):
    """Have `reference.recordings` give this recording in the place of a shipped one."""
    load = recordings.load

    def load_fresh(name, chainer=recordings.CHAINERS[0]):
        return fresh if (name, chainer) == (fresh.name, fresh.chainer) else load(name, chainer)

    with mock.patch.object(recordings, 'load', load_fresh):
        replay.forget()
        try:
            yield
        finally:
            replay.forget()


_PRIVATE_PATHS = ('root_path', 'config_path')
"""Arguments of GolfDataset: the authors' files name disks of their own, ours the folder data/."""


def experiment_files(directory):
    """The checkout's experiment files, through our reader, against the packaged ones."""
    folder = Path(directory, 'configs')
    found, left_out = Comparisons("the authors' experiment file"), []
    for file in sorted(folder.rglob('*.yml')):
        name = file.relative_to(folder).as_posix()
        ours, theirs = (config.load(path).model_dump() for path in (config.PACKAGED / name, file))
        if theirs['dataset']['name'] == 'GolfDataset':
            left_out.append(f'{name}: not compared: {", ".join(_PRIVATE_PATHS)}')
            for experiment, path in itertools.product((ours, theirs), _PRIVATE_PATHS):
                experiment['dataset']['args'].pop(path, None)
        for key in theirs:
            found.equal(name, key, ours[key], theirs[key], 'an experiment must be the same')
    if not found:
        raise NotRunError(f'{folder}: there are no experiment files')
    return Outcome(comparisons=found, text='\n'.join(left_out))


def strips(directory, python, channels):
    """The images of ``infer.py --images``, pixel for pixel: same generators, same z_slow.

    Both sides compute in float64, in which no value comes to lie on the other side of a half.
    """
    models = _models('small')
    models['vgen']['kwargs']['out_channels'] = channels
    generators = replay.build(models, recordings.CHAINERS[0])
    del generators['vdis']
    driver.set_variances(generators, 0.004)    # with which frames go from black to white
    arrays = {f'{name}/{key}': array for name, network in generators.items()
              for key, array in driver.state(network).items()}
    argv = ['--result_dir', 'results/small', '--gpu', '-1', '--images', '--n', '3', '--seed', '5']
    upstream = session(directory, python)
    names, theirs = upstream.call({'kind': 'strips', 'models': models, 'argv': argv}, arrays)
    for network in generators.values():
        driver.cast(network, 'float64')
    np.random.seed(5)
    videos, _, _ = make_video(**generators, n=3)
    with tempfile.TemporaryDirectory() as folder:
        args = argparse.Namespace(result_dir=argv[1], n=3, seed=5, video=False, images=True)
        stem = Path(folder, output_stem(args, DEFAULT_ITERATION))
        ours = {path.name: np.array(Image.open(path))
                for path in pictures.save_strips(stem, pictures.infer_pixels(videos), [])}
    found = Comparisons(_reference(upstream))
    found.equal('infer', 'names', sorted(ours), names['names'], 'users find files by their names')
    for name in sorted(ours.keys() & theirs.keys()):
        found.close('infer', name, ours[name].astype(int), theirs[name].astype(int),
                    Tolerance(0, 'bytes of an image'))
    return Outcome(comparisons=found, text=_summary(found))


def _reference(upstream):
    versions = upstream.description
    return (f"the authors' code, live (Chainer {versions['chainer']}, NumPy {versions['numpy']}, "
            f"Python {versions['python']})")


def _summary(found):
    equal = sum(comparison.max_abs == 0 for comparison in found)
    return f'{equal} of {len(found)} equal bit for bit; {found.reference}'
