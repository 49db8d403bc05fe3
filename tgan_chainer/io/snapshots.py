"""Snapshot files: written whole or not at all, read without executing anything.

Names and keys are the authors' (FACTS §1). A network's file of theirs loads here and one of ours
there. The trainer's goes one way: theirs is continued here (:mod:`tgan_chainer.training.resume`),
but their trainer asks for entries of its own extensions, which ours has not.
"""
import contextlib
import math
import re
import shlex
import sys
from pathlib import Path

from chainer import serializers

from tgan_chainer.errors import SnapshotError
from tgan_chainer.io.archives import Archive
from tgan_chainer.io.files import atomic_path

TRAINER = 'snapshot_iter_{}.npz'
NETWORKS = {'fsgen': 'gen_iter_{}.npz', 'vgen': 'vgen_iter_{}.npz', 'vdis': 'vdis_iter_{}.npz'}
"""File names of the networks, with a place for the iteration."""

MAX_BYTES = 2 ** 28    #: Largest array that is read where no size is expected: a log's string.


def save(path, target):
    """Write a serializable object (network, trainer) to ``path`` in Chainer's npz format."""
    with atomic_path(path) as temporary:
        # Compressed it would be an eighth smaller, and take ten times as long.
        serializers.save_npz(str(temporary), target, compression=False)


def load(path, target, may_lack=lambda key: False):
    """Read an object that :func:`save` or the authors' code wrote.

    What the file lacks stays as it is, if ``may_lack`` is true of its key.

    Raises:
        SnapshotError: The file is missing, damaged, or of something else. ``target`` may then be
            partly overwritten.
    """
    with _reading(path) as archive:
        _Deserializer(archive, may_lack).load(target)


def headers(path):
    """What a file's arrays are said to be -> {key: :class:`~tgan_chainer.io.archives.Header`}."""
    with _reading(path) as archive:
        return {key: archive.header(key) for key in archive.files}


def require_whole(path):
    """See that a file is there and not damaged, before it is blamed for something else."""
    with _reading(path) as archive:
        archive.check()


@contextlib.contextmanager
def _reading(path):
    """An open :class:`Archive`; what goes wrong with it is a :class:`SnapshotError`."""
    try:
        with Archive(path) as archive:
            try:
                yield archive
            except KeyError as error:
                archive.check()    # damage may look like this too
                raise SnapshotError(f'{path}: {error.args[0]}; it was written for another network '
                                    'or experiment than the one it is loaded into') from error
    except FileNotFoundError as error:
        raise SnapshotError(f'{path}: there is no such snapshot') from error
    except SnapshotError:
        raise
    except Exception as error:  # of the archive, or of the objects: of JSON, counts, positions
        path = Path(path)
        message = (f'{path}: cannot be loaded ({" ".join(str(error).split())}). It is damaged, or '
                   'no snapshot')
        number = _iteration(path, TRAINER)
        if before := number and [n for n in iterations(path.parent, TRAINER) if n < number]:
            message += ('. To continue from the one before it: --resume '
                        + shlex.quote(str(path.with_name(TRAINER.format(before[-1])))))
        raise SnapshotError(message) from error


class _Deserializer(serializers.NpzDeserializer):
    """Chainer's, which lets an array of one value fill any other and unpacks before it looks."""

    def __init__(self, archive, may_lack, path=''):
        super().__init__(archive, path)
        self._may_lack = may_lack

    def __getitem__(self, key):
        return _Deserializer(self.npz, self._may_lack, f'{self.path}{key.strip("/")}/')

    def __call__(self, key, value):
        name = self.path + key.lstrip('/')
        if name not in self.npz and self._may_lack(name):
            return value
        header = self.npz.header(name)
        if value is None or isinstance(value, str):    # a string, or an array of any shape
            n_bytes = math.prod(header.shape) * header.dtype.itemsize
            if n_bytes > MAX_BYTES:
                raise ValueError(f'{name} takes {n_bytes} bytes, expected at most {MAX_BYTES}')
        elif not header.is_numbers_of(shape := getattr(value, 'shape', ())):
            raise KeyError(f'{name} is {header}, expected numbers of shape {shape}')
        return super().__call__(key, value)


def iterations(folder, template):
    """Iterations of which a folder, if it is there, has a file named by ``template``, ascending."""
    numbers = (_iteration(path, template) for path in Path(folder).glob('*'))
    return sorted(number for number in numbers if number is not None)


def _iteration(path, template):
    """That in a file's name, or None for one of another template."""
    match = re.fullmatch(re.escape(template).replace(r'\{\}', r'(\d+)'), path.name, re.ASCII)
    return match and int(match[1])


def prune(folder, iteration, keep):
    """Remove the files of old snapshots from a result folder; failing to stops no training.

    What stays: the newest ``keep`` up to ``iteration``, what is newer (a damaged one), and networks
    that a record of a measurement names, in the folder's ``ledger/`` or in a folder beside it.
    """
    folder = Path(folder).resolve()
    templates = TRAINER, *NETWORKS.values()
    found = sorted({number for template in templates for number in iterations(folder, template)
                    if number <= iteration})
    with contextlib.suppress(OSError):
        records = ''
        for path in folder.parent.glob('*/ledger/*.json'):
            text = path.read_text(errors='replace')
            records += text if path.parts[-3] == folder.name or f'"{folder.name}"' in text else ''
        for number in found[:-keep]:
            if f'_iter_{number}.npz' not in records:
                for template in templates:
                    (folder / template.format(number)).unlink(missing_ok=True)


def latest_trainer(folder):
    """Path of the newest snapshot of a trainer in a result folder; a SnapshotError without any."""
    if not Path(folder).is_dir():
        raise SnapshotError(f'{folder}: there is no such result folder or snapshot')
    if found := iterations(folder, TRAINER):
        return Path(folder, TRAINER.format(found[-1]))
    raise SnapshotError(f'{folder}: no {TRAINER.format("N")} in it, so there is nothing to '
                        f'resume{folders_inside(folder)}')


def result_folders(parent):
    """Folders in ``parent`` that hold networks, that of the newest networks first."""
    networks = Path(parent).glob(f'*/{NETWORKS["vgen"].format("*")}')
    newest_first = sorted(networks, key=lambda path: path.stat().st_mtime_ns, reverse=True)
    return list(dict.fromkeys(path.parent for path in newest_first))


def folders_inside(folder):
    """The result folders in one that is none itself, as the end of a message."""
    names = '\n  '.join(map(str, result_folders(folder)))
    return names and f'. Result folders in it, newest first:\n  {names}'


def latest_folder():
    """The result folder in results/ with the newest networks, which 'latest' means; says which."""
    found = result_folders('results')
    if not found:
        raise SnapshotError('latest: is the newest result folder in results/, but there is none')
    print(f'latest: {found[0]}', file=sys.stderr)
    return str(found[0])
