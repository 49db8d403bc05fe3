"""Writing files so that nothing half-written is ever found under their names.

A file is written beside its place under a hidden name, brought to the disk, and renamed. Only a
process that is killed outright can leave the hidden one behind; :func:`remove_leftovers` finds it.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import re
import uuid
from pathlib import Path

from tgan_chainer.errors import DataError

_LOCK = fcntl.LOCK_EX | fcntl.LOCK_NB
_HIDDEN = re.compile(r'\..+-[0-9a-f]{8}(\.\w+)?')    # as atomic_path names what it writes


@contextlib.contextmanager
def atomic_path(path):
    """Give the body of a ``with`` a temporary path to write, and rename it to ``path`` at the end.

    It exists, empty, when the body starts: a folder that cannot be written to is noticed before the
    work. It keeps the suffix of ``path``, by which encoders choose a format. Missing folders are
    made, and of a symbolic link the file is replaced. When the body raises, the old file stays.

    Raises:
        DataError: The folder cannot be made or written to, the disk is full, or ``path`` is no
            file. An ``OSError`` of the body that is not about this file passes unchanged.
    """
    path = Path(path)
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f'.{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}')
    if target.exists() and not target.is_file():
        # Renaming would replace a device such as /dev/null, if the user may.
        raise DataError(f'cannot write {path}: it exists and is not a file. Choose another name.')
    with write_errors(path, temporary):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open('xb') as file:
                fcntl.flock(file, _LOCK)    # until the end, so that nobody takes it for left over
                yield temporary
                os.fsync(file.fileno())    # of all that was written to it, by whomever
                temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)


def remove_leftovers(folder):
    """Remove the hidden files that killed processes left below a folder; those in use stay."""
    for path in Path(folder).rglob('.*'):
        if _HIDDEN.fullmatch(path.name) and path.is_file() and not path.is_symlink():
            with contextlib.suppress(OSError), path.open('rb') as file:
                fcntl.flock(file, _LOCK)
                path.unlink()


@contextlib.contextmanager
def write_errors(path, temporary):
    """Turn an ``OSError`` about ``temporary``, or a full disk, into a DataError about ``path``."""
    try:
        yield
    except OSError as error:
        # A full disk or quota has no class of its own, and a short write of NumPy has no errno.
        # What else can come without a file name (connections, time-outs) is of a subclass.
        if (type(error) is not OSError if error.filename is None else
                Path(str(error.filename)) not in (temporary, *temporary.parents)):
            raise
        raise DataError(
            f'cannot write {path}: {error.strerror or error}. Check that its folder can be '
            'written to and that the disk has space.') from error


def write_bytes(path, data):
    """Write ``data`` to ``path`` as :func:`atomic_path` does, with the same errors."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def write_text(path, text):
    """Write ``text`` in UTF-8, line ends as they are, as :func:`atomic_path` does."""
    write_bytes(path, text.encode('utf-8'))


def write_json(path, obj):
    """Write ``obj`` as indented JSON in UTF-8; a TypeError or ValueError of an array or NaN."""
    write_text(path, json.dumps(obj, indent=2, ensure_ascii=False, allow_nan=False) + '\n')


def sha256(path):
    """SHA-256 of a file as 64 lower-case hexadecimal digits; a DataError if it cannot be read."""
    digest = hashlib.sha256()
    try:
        with open(path, 'rb') as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
    except OSError as error:
        raise DataError(f'cannot read {path}: {error.strerror}. Check the path.') from error
    return digest.hexdigest()
