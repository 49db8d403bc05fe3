"""An h5 file that is made over hours, and can be gone on with after anything that ends the process.

HDF5 keeps a file consistent only when it closes it. But a file that holds one contiguous array is a
header and then the bytes of the array. So the array is appended to a plain file, behind room for
the header; another file says how far that is good; and the header is written last.
"""
import contextlib
import fcntl
import io
import json
import math
import os
import shutil
from pathlib import Path

import h5py
import numpy as np

from tgan_chainer.errors import DataError
from tgan_chainer.io.files import write_bytes, write_errors

HEADER_BYTES = 4096
CHECKPOINT_BYTES = 64 * 2**20  # of the array, after which what was written is made sure of


class UnfinishedH5:
    """The h5 dataset `image`, uint8 (N, *shape), in the making.

    It grows in `folder`, PATH.unfinished, and is moved to `path` by :meth:`finish`. Where the
    folder exists, work goes on where it was left: `entries` are the dicts given to :meth:`append`,
    also in earlier runs.

    Args:
        settings: What decides the content, as JSON knows it.
        start_over: Whether to begin anew, not to go on, when the folder is of other settings.

    Raises:
        DataError: The folder is of other settings, damaged, in use by another process, or cannot be
            written.
    """

    def __init__(self, path, shape, settings, start_over=False):
        self.path = Path(os.path.realpath(path))
        self.folder = self.path.with_name(self.path.name + '.unfinished')
        self.entries = []
        self._image, self._state = self.folder / 'image', self.folder / 'state.json'
        self._shape, self._settings, self._start_over = shape, settings, start_over
        self._unsaved_bytes = 0

    @contextlib.contextmanager
    def opened(self):
        """A context in which this can be appended to; what there is stays when it is left."""
        with write_errors(self.path, self._image):
            self.folder.mkdir(parents=True, exist_ok=True)
            self._image.touch()
            with self._image.open('rb+') as self._array:
                try:
                    fcntl.flock(self._array, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError as error:
                    raise DataError(f"'{self.folder}' is in use by another process that makes "
                                    f"'{self.path}'; wait for it to end") from error
                self._go_on()
                try:
                    yield self
                finally:
                    # A file that could not be written before is written no better now.
                    with contextlib.suppress(OSError, DataError):
                        if self.folder.exists():    # it is not after finish
                            self.save()

    def append(self, entry, rows=None):
        """Append rows, uint8 (n, *shape), if any, and a dict that JSON knows, and keeps, for them.

        `entry` gets the number of its rows as `entry['rows']`.
        """
        entry['rows'] = 0 if rows is None else len(rows)
        if rows is not None:
            self._array.write(np.ascontiguousarray(rows).data)
            self._unsaved_bytes += rows.nbytes
        self.entries.append(entry)
        if self._unsaved_bytes >= CHECKPOINT_BYTES:
            self.save()

    def save(self):
        """Bring to the disk what was appended, the array before the state that vouches for it."""
        self._array.flush()
        os.fsync(self._array.fileno())
        write_bytes(self._state, json.dumps([self._settings, *self.entries]).encode())
        self._unsaved_bytes = 0

    def finish(self):
        """Make the h5 file of what was appended, and remove the folder."""
        self._array.seek(0)
        self._array.write(_header((self._n_rows(), *self._shape)))
        self.save()
        self._image.replace(self.path)
        self.discard()

    def discard(self):
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.folder)

    def _go_on(self):
        """Take over what the state vouches for, and remove what was written after that."""
        settings, *entries = self._read_state()
        if settings != self._settings:
            if not self._start_over:
                differences = ', '.join(
                    f'{key}={settings.get(key)!r} (expected {expected!r})'
                    for key, expected in self._settings.items() if settings.get(key) != expected)
                raise DataError(
                    f"'{self.folder}' is unfinished with {differences}; "
                    'give the same arguments to go on with it, or start over with --overwrite')
            entries = []
        self.entries = entries
        wanted = HEADER_BYTES + self._n_rows() * math.prod(self._shape)
        found = self._array.seek(0, os.SEEK_END)
        if found < wanted and entries:
            raise self._damaged(f'its array has {found} bytes, expected {wanted} or more')
        self._array.truncate(wanted)
        self._array.seek(wanted)
        self.save()

    def _read_state(self):
        """Settings and entries, as they were saved."""
        if not self._state.exists():
            return [self._settings]
        with contextlib.suppress(ValueError, AttributeError, KeyError, TypeError, RecursionError):
            settings, *entries = json.loads(self._state.read_bytes())
            # Beyond 2 ** 40 rows no file system goes.
            if settings.keys() and all(type(entry['rows']) is int and 0 <= entry['rows'] < 2 ** 40
                                       for entry in entries):
                return settings, *entries
        raise self._damaged('its state.json cannot be read')

    def _n_rows(self):
        return sum(entry['rows'] for entry in self.entries)

    def _damaged(self, how):
        return DataError(f"'{self.folder}' is damaged: {how}; remove it to start over")


class _NeverLonger(io.BytesIO):
    """A file whose end HDF5 may set, since the array there is not written by it."""

    def truncate(self, size=None):
        return size


def _header(shape):
    """The first HEADER_BYTES bytes of an h5 file with the contiguous uint8 dataset `image`."""
    file = _NeverLonger()
    # 1.8 is the oldest format with all of the header in one place, before the array.
    with h5py.File(file, 'w', libver=('v108', 'v108'), alignment_threshold=HEADER_BYTES,
                   alignment_interval=HEADER_BYTES) as h5:
        layout = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        layout.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        layout.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        offset = h5.create_dataset('image', shape, np.uint8, dcpl=layout).id.get_offset()
    header = file.getvalue()
    if offset != HEADER_BYTES or len(header) > HEADER_BYTES:
        raise RuntimeError(f'HDF5 {h5py.version.hdf5_version} puts the array at byte {offset} of '
                           f'{len(header)}, expected {HEADER_BYTES}')
    return header.ljust(HEADER_BYTES, b'\0')
