"""The converter of C3D's caffemodel, on files that are written here."""
import time

import chainer
import chainer.links as L
import numpy as np
import pytest

from tests.robustness.hostile import _varint as varint
from tests.robustness.hostile import encoded
from tgan_chainer.errors import EXIT_USER_ERROR, DataError
from tgan_chainer.evaluation import convert_c3d
from tgan_chainer.evaluation.convert_c3d import MAX_FIELDS, convert

SHAPES = {'conv1a/W': (2, 3, 3, 3, 3), 'conv1a/b': (2,), 'fc6/W': (4, 5), 'fc6/b': (4,),
          'fc8/W': (7, 4), 'fc8/b': (7,)}


def blob(array, chunks=1):
    """A BlobProto: num, channels, length, height, width, data, diff."""
    dimensions = (1,) * (5 - array.ndim) + array.shape
    return [*([number, size] for number, size in enumerate(dimensions, 1)),
            *([6, part.tobytes()] for part in np.array_split(array.ravel(), chunks)),
            [7, np.ones_like(array).tobytes()]]


def layer(name, *blobs):
    """A LayerParameter: bottom, top, name, type, blobs, and something that nobody reads."""
    return [[2, b'below'], [3, name], [4, name], [5, 4], *([6, each] for each in blobs), [7, 1.0]]


def net(*layers):
    return encoded([[1, b'deepnetA'], *([2, each] for each in layers), [4, 16], [9, 1.0]])


@pytest.fixture
def arrays():
    rs = np.random.RandomState(0)
    return {key: rs.randn(*shape).astype('<f4') for key, shape in SHAPES.items()}


def layers_of(arrays, last='fc8'):
    return [layer(b'data'), *(
        layer(last.encode() if name == 'fc8' else name.encode(),
              blob(arrays[f'{name}/W'], chunks=2), blob(arrays[f'{name}/b']))
        for name in ('conv1a', 'fc6', 'fc8')), layer(b'relu1')]


@pytest.fixture
def source(tmp_path, arrays):
    path = tmp_path / 'c3d.caffemodel'
    path.write_bytes(net(*layers_of(arrays)))
    return path


def test_every_array_though_the_last_layer_may_have_another_name_and_number_of_classes(
        tmp_path, arrays, source):
    convert(source, tmp_path / 'c3d.npz', SHAPES)
    with np.load(tmp_path / 'c3d.npz', allow_pickle=False) as npz:
        assert set(npz.files) == set(SHAPES)
        for key, array in arrays.items():
            assert npz[key].dtype == np.float32
            np.testing.assert_array_equal(npz[key], array)
    arrays = {**arrays, 'fc8/W': np.ones((9, 4), '<f4'), 'fc8/b': np.ones(9, '<f4')}
    source.write_bytes(net(*layers_of(arrays, 'fc8-1')))
    assert convert(source, tmp_path / 'c3d.npz', SHAPES)['fc8/W'].shape == (9, 4)


@pytest.mark.parametrize('content, found', [
    # another network
    (lambda a: net(*layers_of(a)[:-2]), r"weights of the layers \['conv1a', 'fc6'\]"),
    (lambda a: net(*layers_of(a), layer(b'fc9', blob(a['fc6/b']))), 'expected those of C3D'),
    (lambda a: net(*layers_of(a), layers_of(a)[1]), "a second layer 'conv1a'"),
    (lambda a: net(*layers_of(a), layer(b'fc8_too', blob(a['fc6/b']))), 'expected those of C3D'),
    (lambda a: net(layer(b'conv1a', blob(a['conv1a/W'])), *layers_of(a)[2:]), 'has 1 blobs'),
    (lambda a: net(*layers_of({**a, 'fc6/W': a['fc6/W'].T})), r'expected \(4, 5\)'),
    (lambda a: net(*layers_of({**a, 'fc6/b': a['fc6/b'][:3]})), r'3 values, expected \(4,\)'),
    (lambda a: net(*layers_of({**a, 'fc8/b': a['fc8/b'][:3]})), 'W of fc8 has 7 outputs, b 3'),
    (lambda a: net(*layers_of({**a, 'fc6/b': a['fc6/b'] * np.inf})), 'not finite'),
    (b'', r'weights of the layers \[\]'),
    # hostile files
    (encoded([[2, b'x' * 50]])[:-1], 'field 2 of 50 bytes, where 49 are left'),
    (varint(2 << 3 | 2) + varint(2 ** 62), f'field 2 of {2 ** 62} bytes, where 0 are left'),
    (b'\xff' * 40, 'a number that does not end'),
    (b'\x12\xff', 'a number that does not end'),
    (varint(2 << 3 | 3), 'wire type 3 of field 2'),
    (varint(2 << 3 | 7), 'wire type 7 of field 2'),
    ([[2, 5]], r'layers \(field 2\) is no bytes'),
    ([[2, [[4, 5]]]], r'name \(field 4\) is no bytes'),
    ([[2, [[4, b'\xff\xfe']]]], 'utf-8'),
    ([[2, [[6, 5]]]], r'blobs \(field 6\) is no bytes'),
    ([[2, [[6, [[1, b'4']]]]]], r'num \(field 1\) is no integer'),
    ([[2, [[6, [[6, b'12345']]]]]], 'multiple of element size'),
    ([[2, [[6, varint(6 << 3 | 5) + b'1234']]]], 'data .field 6. is no bytes'),
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n', 'damaged'),
], ids=range(24))
def test_of_another_network_and_hostile_files(tmp_path, arrays, source, content, found):
    content = content(arrays) if callable(content) else content
    source.write_bytes(encoded(content) if isinstance(content, list) else content)
    with pytest.raises(DataError, match=found):
        convert(source, tmp_path / 'c3d.npz', SHAPES)
    assert not (tmp_path / 'c3d.npz').exists()


def test_many_nested_fields_end_soon(tmp_path):
    path = tmp_path / 'c3d.caffemodel'
    path.write_bytes(80 * encoded([[2, [[6, bytes(MAX_FIELDS)]]]]))    # half as many in each
    start = time.process_time()
    with pytest.raises(DataError, match=f'more than {MAX_FIELDS} fields'):
        convert(path, tmp_path / 'c3d.npz', SHAPES)
    # Four million fields would take seconds; a tenth of one is spent on those that are read.
    assert time.process_time() - start < 2


def test_a_missing_or_too_large_file(tmp_path, source, monkeypatch):
    for path in (tmp_path / 'nowhere', tmp_path):
        with pytest.raises(DataError, match='cannot be read'):
            convert(path, tmp_path / 'c3d.npz', SHAPES)
    monkeypatch.setattr(convert_c3d, 'MAX_BYTES', 100)
    with pytest.raises(DataError, match='expected a caffemodel of at most 100'):
        convert(source, tmp_path / 'c3d.npz', SHAPES)


def test_the_command(tmp_path, source, monkeypatch, capsys):
    monkeypatch.setattr(convert_c3d, 'C3D', lambda: chainer.Chain(
        conv1a=L.Convolution3D(3, 2, 3), fc6=L.Linear(5, 4), fc8=L.Linear(4, 7)))
    target = tmp_path / 'new' / 'c3d.npz'
    assert convert_c3d.main([str(source), str(target)]) == 0
    assert f'{target}: 6 arrays, 7 classes, sha256 ' in capsys.readouterr().out
    source.write_bytes(b'no model')
    assert convert_c3d.main([str(source), str(target)]) == EXIT_USER_ERROR
    assert 'is damaged or no caffemodel of C3D' in capsys.readouterr().err
