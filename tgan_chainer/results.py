"""Result folders, ours and the authors': their experiment, snapshots, generators and labels."""
import difflib
import json
import re
from pathlib import Path
from urllib.parse import quote

from tgan_chainer import config
from tgan_chainer.commands.flags import EVERY
from tgan_chainer.errors import ConfigError, SnapshotError
from tgan_chainer.io import snapshots

CONFIG = 'config.yml'    #: The experiment as it ran, in a result folder of ours.
#: The same in a folder of the authors' that was resumed: their infer.py takes any .yml.
CONFIG_BESIDE_THEIRS = 'config.yaml'
RECORD = 'record.json'    #: How each start was made; only a folder that train.py wrote to has it.
#: Names of the categories that a conditional system knows; a label indexes the list.
CATEGORIES = 'categories.json'
DEFAULT_ITERATION = 100000    #: The authors' default of ``--iter``.


def experiment_file(result_dir):
    """Path of the one experiment file in a result folder: what train.py wrote, or the authors'."""
    folder = Path(result_dir)
    if folder.is_file():
        snapshot = re.search(r'_iter_(\d+)\.npz$', folder.name)
        which = f', with --iter {snapshot[1]}' if snapshot else ''
        raise SnapshotError(f'{folder}: found a file, expected a result folder; give the one it is '
                            f'in, {folder.parent}{which}')
    if not folder.is_dir():
        raise SnapshotError(f'{folder}: there is no such result folder')
    for name in (CONFIG_BESIDE_THEIRS, CONFIG):
        if (folder / name).is_file():
            return folder / name
    files = sorted(file for file in folder.glob('*.yml')
                   if file.is_file() and not file.name.startswith('.'))    # macOS's ._NAME.yml
    if not files:
        raise SnapshotError(f'{folder}: found no .yml file, expected that of the experiment; copy '
                            'it there, or name a result folder of a training'
                            f'{snapshots.folders_inside(folder)}')
    if len(files) > 1:
        raise SnapshotError(f'{folder}: found {len(files)} .yml files, '
                            f'{", ".join(file.name for file in files)}; expected that of the '
                            'experiment alone: move the others elsewhere')
    return files[0]


def recorded_file(result_dir):
    """Path under which train.py writes the experiment as it runs: never that of another's file."""
    folder = Path(result_dir)
    beside = folder / CONFIG_BESIDE_THEIRS
    is_theirs = any(folder.glob('*.yml')) and not (folder / RECORD).is_file()
    return beside if is_theirs or beside.is_file() else folder / CONFIG


def choose_iteration(result_dir, wanted):
    """The iteration to load: ``wanted``, or for None the authors' default, else the newest.

    A folder without networks of it is a SnapshotError, which lists those there are.
    """
    found = snapshots.iterations(result_dir, snapshots.NETWORKS['vgen'])
    if not found:
        raise SnapshotError(f'{result_dir}: no {snapshots.NETWORKS["vgen"].format("N")} in it; '
                            'expected a result folder with a snapshot')
    if wanted is None:
        return DEFAULT_ITERATION if DEFAULT_ITERATION in found else found[-1]
    if wanted not in found:
        raise SnapshotError(f'{result_dir}: no networks of iteration {wanted}, only of '
                            f'{", ".join(map(str, found))}')
    return wanted


def load_system(result_dir, iteration, device, roles=tuple(snapshots.NETWORKS)):
    """The networks of a result folder, ours or the authors', on ``device`` -> System.

    Those of other roles than ``roles`` stay as they were built.
    """
    system = config.load(experiment_file(result_dir)).build_models()
    for name, network in system.networks.items():
        if name in roles:
            snapshots.load(Path(result_dir, snapshots.NETWORKS[name].format(iteration)), network)
            network.to_device(device)
    return system


def output_stem(args, iteration):
    """Start of the names of files that networks of ``iteration`` made, as the flags ask.

    It is 'RESULT_seed-S', as in the authors' code, for their default of ``--iter``; any other is
    part of the name, so that none overwrites another's.
    """
    of = '' if iteration == DEFAULT_ITERATION else f'_iter-{iteration}'
    return f'{Path(args.result_dir).resolve().name}{of}_seed-{args.seed}'


def category_part(args):
    """What a name of a file says of the categories that the flags name; '' without any."""
    # Quoted: a category may be called by what a file may not.
    names = '+'.join(quote(name, safe='') for name in args.categories or ())
    return f'_{names[:100]}' if names else ''


def read_categories(folder, n_categories):
    """The ``n_categories`` names that a training wrote, in the order of the labels.

    A file that is missing, damaged, or of another number of names is a SnapshotError.
    """
    path, remedy = Path(folder, CATEGORIES), 'a training writes it'
    names = _read_list(path, 'names', str, remedy)
    if names is None:
        raise SnapshotError(f'{path}: there is no such file; {remedy}')
    if len(names) != n_categories:
        raise SnapshotError(f'{path}: found {len(names)} names, but the networks know '
                            f'{n_categories} categories; it is of another training')
    return names


def find_categories(wanted, names):
    """Labels of ``wanted`` categories, each a name or ``'all'``; none twice.

    A name that is none is a ConfigError, which lists those like it.
    """
    labels = []
    for name in wanted:
        if name in names:
            labels.append(names.index(name))
        elif name == EVERY:
            labels.extend(range(len(names)))
        else:
            lower = {each.lower(): each for each in names}
            close = difflib.get_close_matches(name.lower(), lower, n=5, cutoff=0.5)
            raise ConfigError(f'there is no category {name!r}; ' + (
                f'did you mean {", ".join(lower[each] for each in close)}?'
                if close and not name.isdigit() else
                f'none of the {len(names)} is like it: {", ".join(names)}'))
    return list(dict.fromkeys(labels))


def read_record(path):
    """The entries of a ``record.json``, one a start, none without it; a SnapshotError of damage."""
    return _read_list(path, 'starts', dict, 'move it away to go on without it') or []


def _read_list(path, what, kind, remedy):
    """The list of objects of class ``kind`` that a JSON file holds; None without the file."""
    try:
        items = json.loads(path.read_text(encoding='utf-8'))
        if not isinstance(items, list) or not all(isinstance(item, kind) for item in items):
            raise ValueError(f'found {type(items).__name__}, expected a list of {what}')
        return items
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:    # the last: lists in lists in lists
        raise SnapshotError(f'{path}: is damaged ({error}); {remedy}') from error
