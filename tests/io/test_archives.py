"""npz files of strangers: what they say of themselves is checked before it is believed."""
import io
import zipfile

import numpy as np
import pytest

from tests.robustness.hostile import with_header
from tgan_chainer.io.archives import Archive


def npy(header, data=b'', version=1):
    """A .npy file with any header."""
    return with_header(header, data, version, skipped=0)


def described(descr, shape):
    return f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}"


def archive(method=zipfile.ZIP_DEFLATED, **members):
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', method) as packed:
        for name, content in members.items():
            packed.writestr(f'{name}.npy', content)
    return file


@pytest.mark.parametrize('save', [np.savez, np.savez_compressed])
def test_arrays_come_back(tmp_path, save):
    arrays = {'a/W': np.arange(6, dtype='f4').reshape(2, 3), 'n': np.array(3), 't': np.array('ü'),
              'f': np.asfortranarray(np.arange(6.0).reshape(2, 3))}
    save(tmp_path / 'a.npz', **arrays)
    with Archive(tmp_path / 'a.npz') as npz:
        assert npz.files == list(arrays)
        for key, array in arrays.items():
            header = npz.header(key)
            assert (header.shape, header.dtype, header.n_bytes) == (
                array.shape, array.dtype, array.nbytes)
            np.testing.assert_array_equal(npz[key], array)
        assert 'n' in npz and 'm' not in npz
        with pytest.raises(KeyError, match='m is not a file in the archive'):
            npz.header('m')


@pytest.mark.parametrize('descr, shape, is_it', [
    ('<f4', (2, 3), True), ('<f4', (6,), False), ('<f4', (), False), ('<U4', (2, 3), False)])
def test_numbers_of_a_shape(descr, shape, is_it):
    with Archive(archive(a=npy(described(f"'{descr}'", '(2, 3)')))) as npz:
        assert npz.header('a').is_numbers_of(shape) is is_it


def test_a_size_is_told_without_memory_for_it():
    with Archive(archive(a=npy(described("'<f8'", '(1000000, 1000000, 1000000)')))) as npz:
        assert npz.header('a').n_bytes == 8 * 10 ** 18


@pytest.mark.parametrize('content, message', [
    (npy(described("'|O'", '(2,)')), 'Object arrays cannot be loaded in a'),
    (npy(described("[('x', '|O')]", '(2,)')), 'Object arrays'),
    (npy(described("'<f4'", '(-1,)')), r'of shape \(-1,\)'),
    (npy(described("'<f4'", '(1.5,)')), 'shape'),
    (npy(described("'none'", '(2,)')), 'none'),
    (npy('__import__("os").system("echo")'), 'in a'),
    (npy('(' * 3000), 'in a'),
    (npy('{' + '1' * 9000), 'in a'),
    (npy(described("'<f4'", '()'), version=2), r'format \(2, 0\)'),
    (npy(described("'<f4'", '()'), version=9), r'format \(9, 0\)|version'),
    (b'', 'in a'), (b'\x93NUMPY', 'in a'), (b'PK', 'in a'),
])
def test_headers_that_are_refused(content, message):
    with Archive(archive(a=content)) as npz, pytest.raises(ValueError, match=message):
        npz.header('a')


def test_values_that_are_missing():
    content = npy(described("'<f4'", '(3,)'), bytes(8))
    with Archive(archive(a=content)) as npz, pytest.raises(ValueError, match='in a'):
        npz['a']


@pytest.mark.parametrize('order', '<>')
def test_a_string_that_is_not_unicode(order):
    for code, is_text in ((0x10ffff, True), (0x110000, False)):
        data = np.array([ord('a'), code], f'{order}u4').tobytes()
        with Archive(archive(text=npy(described(f"'{order}U2'", ()), data))) as npz:
            if is_text:
                assert npz['text'] == 'a' + chr(code)
                continue
            with pytest.raises(ValueError, match='not Unicode in text'):
                npz['text']


@pytest.mark.parametrize('method', [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_packers_that_numpy_does_not_use(method):
    file = archive(method, a=npy(described("'<f4'", '()'), bytes(4)))
    with Archive(file) as npz, pytest.raises(ValueError, match=f'a is packed by method {method}'):
        npz.header('a')


@pytest.mark.filterwarnings('ignore:Duplicate name')
def test_two_arrays_of_one_name():
    file = archive(a=npy(described("'<f4'", '()'), bytes(4)))
    with zipfile.ZipFile(file, 'a') as packed:
        packed.writestr('a.npy', npy(described("'<f4'", '()'), bytes(4)))
    with pytest.raises(ValueError, match='two arrays of one name'):
        Archive(file)


def test_what_is_no_archive(tmp_path):
    for content in (b'', b'PK\x05\x06', b'\x80\x04.', bytes(100)):
        with pytest.raises(ValueError, match='no whole npz file'):
            Archive(io.BytesIO(content))
    with pytest.raises(FileNotFoundError):
        Archive(tmp_path / 'none.npz')
