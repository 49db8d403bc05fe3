"""Reading npz files of strangers: nothing is executed, and a size is checked before it is believed.

`numpy.load` allocates what a header declares and unpacks what an archive holds before anyone can
look at it, so a few kilobytes can ask for terabytes. Here the header of an array is read alone, and
whoever wants the array compares it with what is expected.
"""
import sys
import zipfile
from typing import NamedTuple

import numpy as np


class Header(NamedTuple):
    """What an array in an archive is said to be; none of its sizes is negative."""

    shape: tuple
    dtype: np.dtype

    def is_numbers_of(self, shape):
        """Whether a parameter of a shape can be made from it."""
        return self.dtype.kind in 'biuf' and self.shape == tuple(shape)

    def __str__(self):
        return f'{self.dtype!s:.40} {self.shape}'


class Archive(zipfile.ZipFile):
    """An npz file, given as a path or a file object of bytes; a context manager.

    ``files`` are the keys of its arrays, in the order of the file. A damaged file can make it, and
    :meth:`check`, raise almost anything.
    """

    def __init__(self, file):
        super().__init__(file)
        self.files = [name.removesuffix('.npy') for name in self.namelist()
                      if name.endswith('.npy')]
        if len(set(self.files)) < len(self.files):
            self.close()
            raise ValueError('two arrays of one name')

    def __contains__(self, key):
        return f'{key}.npy' in self.NameToInfo

    def header(self, key):
        """What the array of a key is said to be -> :class:`Header`; a KeyError without one.

        One that is damaged, or that NumPy would not write of numbers or strings, is a ValueError.
        """
        return self._array(key, _read_header)

    def __getitem__(self, key):
        """The array of a key, whatever its size: see :meth:`header`, and its errors, first."""
        return self._array(key, _read_array)

    def check(self):
        """Read all of the file, whose checksums tell damage."""
        if damaged := self.testzip():
            raise ValueError(f'the checksum of {damaged} is not that of what it holds')

    def _array(self, key, read):
        if key not in self:
            raise KeyError(f'{key} is not a file in the archive')
        info = self.getinfo(f'{key}.npy')
        # The others (bzip2, LZMA) are never written by NumPy, and may ask for any amount of memory.
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise ValueError(f'{key} is packed by method {info.compress_type}')
        try:
            with self.open(info) as file:
                return read(file)
        except Exception as error:  # what zipfile, zlib and NumPy raise is almost anything
            raise ValueError(f'{error} in {key}') from error


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
