"""Going on with a training: which snapshot is meant, whether it is this training's, and loading it.

What a snapshot is of is compared with the training first, by the headers of its arrays.

The authors' trainer writes the same entries for networks, optimizers, order of the data and log,
none for the random state and for our extensions; with Chainer 2, none for triggers and for the
updates of each parameter either.
"""
import re
import shlex
import warnings
from pathlib import Path

import yaml
from chainer.serializers import npz

from tgan_chainer import config, results
from tgan_chainer.errors import SnapshotError, TGANError
from tgan_chainer.extensions.snapshot import N_RANKS, saved
from tgan_chainer.io import snapshots
from tgan_chainer.random_streams import RandomState

_ORDERS = ('updater/iterator:main/order', 'updater/iterator:main/_order')    # the latter: old ones
_RANDOM_STATE = re.compile(rf'extensions/{RandomState.name}/.*')
_COUNTS = re.compile(r'updater/optimizer:\w+/.+/t')    # updates of each parameter

# Chainer's optimizers by what they keep of each parameter.
_OPTIMIZERS = {('ms',): 'RMSprop', ('m', 'v'): 'Adam', ('v',): 'MomentumSGD', (): 'SGD'}

# Keys of an experiment that decide how long it runs and what it shows, not what it computes.
_FREE = {'epoch', 'iterations', 'snapshot_interval', 'snapshot_keep', 'display_interval',
         'preview_interval', 'preview_videos', 'quality_interval', 'tensorboard'}

_REMEDY = ('resume with the experiment that it is of, which is taken from its folder without '
           '--config_path')


def find_snapshot(resume):
    """Path of the trainer's snapshot that ``--resume`` means, 'latest', a folder or a file."""
    path = Path(snapshots.latest_folder() if resume == 'latest' else resume)
    if not path.is_file():
        path = snapshots.latest_trainer(path)
    if 'updater/iteration' not in snapshots.headers(path):
        name = snapshots.TRAINER.format('N')
        raise SnapshotError(f'{path}: is no snapshot of a training. Networks alone cannot be '
                            f'resumed; expected a {name} with optimizers and order of the data, '
                            'or a result folder, whose newest is taken')
    return path


def require_one_training(path, experiment):
    """Raise a SnapshotError if to go on in a snapshot's own folder mixed two trainings there."""
    folder = shlex.quote(str(path.parent))
    iteration, _ = saved(path)
    for newest in reversed(snapshots.iterations(path.parent, snapshots.TRAINER)):
        if newest <= iteration:
            break
        try:
            snapshots.require_whole(path.with_name(snapshots.TRAINER.format(newest)))
        except SnapshotError:    # in nobody's way
            continue
        raise SnapshotError(f'{path}: its folder holds newer snapshots, to iteration {newest}, and '
                            f'a log of them. Go on from the newest, --resume {folder}, or add '
                            '--branch to go on from this one in a new folder')
    try:
        found = config.load(results.experiment_file(path.parent))
    except TGANError:    # what it was trained with is not known
        return
    # Rates that fall to 0 at the end are computed from where it is.
    free = _FREE - ({'epoch', 'iterations'} if experiment.rates_fall_from is not None else set())
    there, here = (_settings(yaml.safe_load(each.dump())) for each in (found, experiment))
    changes = [f'{key} {there.get(key)} there, {here.get(key)} here'
               for key in sorted(there.keys() | here.keys())
               if there.get(key) != here.get(key) and key.split('.')[0] not in free]
    if changes:
        raise SnapshotError(f'{path}: was trained with other settings ({"; ".join(changes)}), '
                            f'which {folder} records. Leave them as they are, or add --branch to '
                            'go on with yours in a new folder')


def _settings(document, prefix=''):
    if not isinstance(document, dict):
        return {prefix[:-1]: document}
    return {key: value for name, child in document.items()
            for key, value in _settings(child, f'{prefix}{name}.').items()}


def resume(trainer, path, experiment, random_state, ranks):
    """Load the trainer's snapshot ``path``, ours or the authors'.

    One of ours, of as many ranks, is continued bit for bit (on the CPU). Of another number, the
    networks and optimizers go on; order of the data and random streams are this number's, and new.
    Of the authors', random streams are new. One of another training is a SnapshotError.

    Returns:
        str or None: What does not go on as it was, for people.
    """
    headers, updater = snapshots.headers(path), trainer.updater
    iterator, optimizers = updater.get_iterator('main'), updater.get_all_optimizers()
    _, n_ranks = saved(path)
    iterator.loads_order = n_ranks == ranks.size
    n_videos = len(iterator.dataset) if iterator.loads_order else None
    for difference in _differences(headers, experiment, optimizers, n_videos):
        snapshots.require_whole(path)
        raise SnapshotError(f'{path}: is of {difference}')

    lacking = [keys for keys in (_RANDOM_STATE, _COUNTS) if not any(map(keys.fullmatch, headers))]
    with warnings.catch_warnings():
        # For each trigger that is missing, Chainer warns that it guesses from the iteration.
        warnings.simplefilter('ignore', UserWarning)
        snapshots.load(path, trainer, lambda key: key == N_RANKS or any(
            keys.fullmatch(key) for keys in lacking))
    if _COUNTS in lacking:
        for optimizer in optimizers.values():
            for param in optimizer.target.params():
                param.update_rule.t = optimizer.t

    if not iterator.loads_order:
        random_state.start_anew(updater.iteration)
        iterator.begin_pass()
        iterator.loads_order = True
        return (f'{path} is of {n_ranks} rank(s), this training has {ranks.size}: the data are '
                'shared out anew and random numbers drawn anew')
    if _RANDOM_STATE in lacking:
        random_state.start_anew(updater.iteration)
        note = f'{path} holds no random state: random numbers are drawn anew'
        if _COUNTS not in lacking and experiment.batch_norm_statistics == 'chainer2':
            note += ('. It was written by a later Chainer than 2; if by Chainer 7, its batch '
                     'normalisation goes on as there with batch_norm_statistics: chainer7 in the '
                     'experiment')
        return note
    random_state.resume_at(updater.iteration)
    return None


def _differences(headers, experiment, optimizers, n_videos):
    """Yield how a snapshot is of another training; without ``n_videos`` whatever its data were."""
    of_experiment = f'that of {experiment.source}'
    for role, optimizer in optimizers.items():
        prefix = f'updater/model:{role}/'
        found = {key.removeprefix(prefix): header for key, header in headers.items()
                 if key.startswith(prefix)}
        expected = npz.serialize(optimizer.target)
        for key in sorted(found.keys() | expected.keys()):
            if key not in expected:
                what = f'{key}, which {of_experiment} has not'
            elif key not in found:
                what = f'no {key}, which {of_experiment} has'
            elif (expected[key].dtype != object    # None: the first batch decides its size
                  and not found[key].is_numbers_of(shape := expected[key].shape)):
                what = f'{key} of {found[key]}, {of_experiment} {shape}'
            else:
                continue
            yield f'other networks: its {role} has {what}; {_REMEDY}'

    for role in optimizers:
        prefix = f'updater/optimizer:{role}/'
        states = {key.rpartition('/')[2] for key in headers
                  if key.startswith(prefix) and '/' in key.removeprefix(prefix)}
        states = tuple(sorted(states - {'t', 'vhat'}))    # the latter: an option of Adam's
        found, expected = _OPTIMIZERS.get(states), experiment.optimizer.of(role).name
        if found != expected:
            yield (f'another optimizer: it has trained {role} by '
                   f'{found or f"one with the states {states}"}, {of_experiment} is {expected}; '
                   f'{_REMEDY}')

    shape = next((headers[key].shape for key in _ORDERS if key in headers), ())
    if n_videos and len(shape) == 1 and shape != (n_videos,):
        yield (f'another data set: it was trained on {shape[0]} videos, here are {n_videos}; '
               'resume on the data that it is of, or begin a new training, without --resume')
