"""npz files of strangers: what they say of themselves is checked before it is believed."""
import io
import zipfile

import numpy as np
import pytest

from tests.robustness.hostile import described, with_header
from tgan_chainer.io.archives import Archive


def archive(content, method=zipfile.ZIP_DEFLATED, names=('a.npy',)):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', method) as packed:
        for name in names:
            packed.writestr(name, content)
    return file


def npy(header, data=b'', version=1, **settings):
    """An archive of a .npy file with any header."""
    return archive(with_header(header, data, version, skipped=0), **settings)


@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_arrays_come_back(tmp_path, save):
    arrays = {'a/W': np.arange(6, dtype='f4').reshape(2, 3), 'n': np.array(3), 't': np.array('ü'),
              'f': np.asfortranarray(np.arange(6.0).reshape(2, 3)), 'last': np.array('\U0010ffff')}
    save(tmp_path / 'a.npz', **arrays)
    with Archive(tmp_path / 'a.npz') as npz:
        assert npz.files == list(arrays)
        for key, array in arrays.items():
            assert npz.header(key) == (array.shape, array.dtype)
            np.testing.assert_array_equal(npz[key], array)
        assert 'n' in npz and 'm' not in npz
        with pytest.raises(KeyError, match='m is not a file in the archive'):
            npz.header('m')


def test_a_size_is_told_without_memory_for_it():
    with Archive(npy(described('<f8', (10 ** 6,) * 3))) as npz:
        assert npz.header('a').shape == (10 ** 6,) * 3


@pytest.mark.parametrize('file, message', [
    (npy(described('|O', (2,))), 'Object arrays cannot be loaded in a'),
    (npy(described('<f4', (2,)).replace("'<f4'", "[('x', '|O')]")), 'Object arrays'),
    (npy(described('<f4', (-1,))), r'of shape \(-1,\) in a'),
    (npy(described('<f4', (1.5,))), 'shape'), (npy(described('none', (2,))), 'none'),
    *((npy(header), 'in a')
      for header in ('__import__("os").system("echo")', '(' * 3000, '{' + '1' * 9000)),
    (npy(described('<f4', ()), version=2), r'format \(2, 0\)'),
    (npy(described('<f4', ()), version=9), r'format \(9, 0\)|version'),
    *((archive(content), 'in a') for content in (b'', b'\x93NUMPY', b'PK')),
    *((npy(described('<f4', ()), bytes(4), method=method), f'a is packed by method {method}')
      for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))])    # which NumPy does not use
def test_headers_that_are_refused(file, message):
    with Archive(file) as npz, pytest.raises(ValueError, match=message):
        npz.header('a')


@pytest.mark.parametrize('file, message', [
    (npy(described('<f4', (3,)), bytes(8)), 'in a'),    # a value is missing
    *((npy(described(f'{order}U2', ()), np.array([97, 0x110000], f'{order}u4').tobytes()),
       'not Unicode in a') for order in '<>')])
def test_arrays_that_are_refused(file, message):
    with Archive(file) as npz, pytest.raises(ValueError, match=message):
        npz['a']


@pytest.mark.filterwarnings('ignore:Duplicate name')
def test_what_is_no_archive(tmp_path):
    for content in (b'', b'PK\x05\x06', b'\x80\x04.', bytes(100)):
        with pytest.raises(zipfile.BadZipFile):
            Archive(io.BytesIO(content))
    with pytest.raises(ValueError, match='two arrays of one name'):
        Archive(archive(b'', names=['a.npy', 'a.npy']))
    with pytest.raises(FileNotFoundError):
        Archive(tmp_path / 'none.npz')
