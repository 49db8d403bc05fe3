"""Names of the categories that a conditional system knows, kept in its result folder."""
import difflib
import json
from pathlib import Path

from tgan_chainer.errors import ConfigError, SnapshotError
from tgan_chainer.io.files import write_json

FILE = 'categories.json'
"""A list of names; a label indexes it."""

EVERY = 'all'
"""What stands for every category, in place of a name."""


def write_categories(folder, names):
    """Write the names, a list of str in the order of the labels, into a result folder."""
    write_json(Path(folder, FILE), list(names))


def read_categories(folder, n_categories):
    """The names that :func:`write_categories` wrote -> list of str.

    Raises:
        SnapshotError: The file is missing, damaged, or not of ``n_categories`` names.
    """
    path = Path(folder, FILE)
    try:
        names = json.loads(path.read_text(encoding='utf-8'))
    except FileNotFoundError as error:
        raise SnapshotError(f'{path}: there is no such file, and the names of the categories are '
                            'nowhere else; a training writes it') from error
    except (OSError, ValueError, RecursionError) as error:    # the last: lists in lists in lists
        raise SnapshotError(f'{path}: cannot be read ({error}), expected the JSON list that '
                            'a training writes') from error
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise SnapshotError(f'{path}: expected a JSON list of names')
    if len(names) != n_categories:
        raise SnapshotError(f'{path}: found {len(names)} names, but the networks know '
                            f'{n_categories} categories; it is of another training')
    return names


def find_categories(wanted, names):
    """Labels of the categories that are ``wanted``, each a name or :data:`EVERY`; none twice.

    Raises:
        ConfigError: There is no category of a name; the message lists those like it.
    """
    labels = []
    for name in wanted:
        if name in names:
            labels.append(names.index(name))
        elif name == EVERY:
            labels.extend(range(len(names)))
        else:
            raise ConfigError(f'there is no category {name!r}; {_alike(name, names)}')
    return list(dict.fromkeys(labels))


def _alike(name, names):
    lower = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), lower, n=5, cutoff=0.5)
    if close:
        return f'did you mean {", ".join(lower[each] for each in close)}?'
    return f'none of the {len(names)} is like it: {", ".join(names)}'
