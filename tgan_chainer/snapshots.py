"""Snapshot files: written whole or not at all, read without executing anything.

Names and keys are the authors' (FACTS §1), so their files load here and ours load there.
"""
import re
import zipfile
import zlib
from pathlib import Path

import numpy as np
from chainer import serializers

from tgan_chainer.errors import SnapshotError
from tgan_chainer.files import atomic_path

TRAINER = 'snapshot_iter_{}.npz'
NETWORKS = {
    'fsgen': 'gen_iter_{}.npz',
    'vgen': 'vgen_iter_{}.npz',
    'vdis': 'vdis_iter_{}.npz',
}
"""File names of the networks, with a place for the iteration."""

# What a damaged archive makes zipfile and NumPy raise; RuntimeError: flags of a compression or
# encryption that zipfile does not know; AttributeError: a single array instead of an archive.
_DAMAGE = (OSError, EOFError, ValueError, TypeError, AttributeError, RuntimeError, MemoryError,
           zipfile.BadZipFile, zlib.error)


def save(path, target):
    """Write a serializable object (network, trainer) to ``path`` in Chainer's npz format.

    Raises:
        DataError: The file cannot be written; an older one of that name stays.
    """
    with atomic_path(path) as temporary:
        serializers.save_npz(str(temporary), target)


def load(path, target):
    """Read an object that :func:`save` or the authors' code wrote.

    Args:
        path: The npz file. Arrays of Python objects in it are refused, not unpickled.
        target: A network or trainer of the same structure.

    Raises:
        SnapshotError: The file is missing, damaged, or of something else. ``target`` may then be
            partly overwritten.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            serializers.NpzDeserializer(archive).load(target)
    except FileNotFoundError as error:
        raise SnapshotError(f'{path}: there is no such snapshot') from error
    except KeyError as error:
        raise SnapshotError(f'{path}: {error.args[0]}; it was written for another network or '
                            'experiment than the one it is loaded into') from error
    except _DAMAGE as error:
        raise SnapshotError(
            f'{path}: cannot be loaded ({" ".join(str(error).split())}). It is damaged, or written '
            'for another network or experiment than the one it is loaded into') from error


def iterations(folder, template):
    """Iterations of which ``folder`` has a file named by ``template``, ascending."""
    pattern = re.compile(re.escape(template).replace(r'\{\}', r'(\d+)'))
    matches = map(pattern.fullmatch, (path.name for path in Path(folder).iterdir()))
    return sorted(int(match.group(1)) for match in matches if match)


def latest_trainer(folder):
    """Path of the newest snapshot of a trainer in a result folder.

    Raises:
        SnapshotError: There is none.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SnapshotError(f'{folder}: there is no such result folder')
    found = iterations(folder, TRAINER)
    if not found:
        raise SnapshotError(f'{folder}: no {TRAINER.format("N")} in it, so there is nothing to '
                            'resume')
    return folder / TRAINER.format(found[-1])
