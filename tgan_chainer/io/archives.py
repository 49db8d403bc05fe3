"""Reading npz files of strangers: nothing is executed, and a size is checked before it is believed.

`numpy.load` allocates what a header declares and unpacks what an archive holds before anyone can
look at it, so a few kilobytes can ask for terabytes. Here the header of an array is read alone, and
whoever wants the array compares it with what is expected.
"""
import contextlib
import math
import sys
import zipfile
from typing import NamedTuple

import numpy as np

MAX_BYTES = 2 ** 28    #: Largest array that is read where no size is expected: the text of a log.

_SUFFIX = '.npy'
_NUMBERS = 'biuf'    # kinds of NumPy's types that a parameter can be made from

# The others (bzip2, LZMA) are never written by NumPy, and may ask for any amount of memory.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Header(NamedTuple):
    """What an array in an archive is said to be."""

    shape: tuple    #: Sizes, none negative.
    dtype: np.dtype

    @property
    def n_bytes(self):
        """Memory that the array takes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def is_numbers_of(self, shape):
        """Whether it is an array of numbers of a shape."""
        return self.dtype.kind in _NUMBERS and self.shape == tuple(shape)

    def __str__(self):
        return f'{self.dtype!s:.40} {self.shape}'


class Archive(zipfile.ZipFile):
    """An npz file, given as a path or a file object of bytes; a context manager.

    ``files`` are the keys of its arrays, in the order of the file.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged or no npz file.
    """

    def __init__(self, file):
        with _damage('no whole npz file: '):
            super().__init__(file)
        names = [name for name in self.namelist() if name.endswith(_SUFFIX)]
        self.files = [name.removesuffix(_SUFFIX) for name in names]
        if len(set(names)) < len(names):
            self.close()
            raise ValueError('two arrays of one name')

    def __contains__(self, key):
        return key + _SUFFIX in self.NameToInfo

    def header(self, key):
        """What the array of a key is said to be -> :class:`Header`.

        Raises:
            KeyError: There is none.
            ValueError: It is damaged, or written as NumPy does not write numbers or strings.
        """
        return self._array(key, _read_header)

    def __getitem__(self, key):
        """The array of a key, whatever its size: see :meth:`header`, and its errors, first."""
        return self._array(key, _read_array)

    def check(self):
        """Read all of the file, whose checksums tell damage, which is a ValueError."""
        with _damage('no whole npz file: '):
            damaged = self.testzip()
        if damaged:
            raise ValueError(f'the checksum of {damaged} is not that of what it holds')

    def _array(self, key, read):
        if key not in self:
            raise KeyError(f'{key} is not a file in the archive')
        info = self.getinfo(key + _SUFFIX)
        if info.compress_type not in _COMPRESSIONS:
            raise ValueError(f'{key} is packed by method {info.compress_type}')
        with _damage(after=f' in {key}'), self.open(info) as file:
            return read(file)


@contextlib.contextmanager
def _damage(before='', after=''):
    """What damage makes zipfile, zlib and NumPy raise, almost anything, is a ValueError."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise ValueError(f'{before}{error}{after}') from error


def _read_header(file):
    version = np.lib.format.read_magic(file)
    # Later versions have headers of up to 4 GB, which NumPy reads before it looks at their size;
    # it writes them only for tables of thousands of columns.
    if version != (1, 0):
        raise ValueError(f'an array of format {version}, expected (1, 0)')
    shape, _, dtype = np.lib.format.read_array_header_1_0(file)
    if dtype.hasobject:
        raise ValueError('Object arrays cannot be loaded')
    if any(size < 0 for size in shape):
        raise ValueError(f'an array of shape {shape}')
    return Header(shape, dtype)


def _read_array(file):
    array = np.lib.format.read_array(file, allow_pickle=False)
    if array.dtype.kind == 'U' and array.nbytes:
        codes = np.frombuffer(array.tobytes(), array.dtype.byteorder + 'u4')
        if codes.max() > sys.maxunicode:    # Python would raise a SystemError where it is used
            raise ValueError('a string that is not Unicode')
    return array
