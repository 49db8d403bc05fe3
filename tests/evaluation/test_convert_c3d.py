"""The converter of C3D's caffemodel, on files that are written here."""
import chainer
import chainer.links as L
import numpy as np
import pytest

from tests.robustness.hostile import encoded
from tgan_chainer.errors import EXIT_USER_ERROR, DataError
from tgan_chainer.evaluation import convert_c3d
from tgan_chainer.evaluation.convert_c3d import convert

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
    name = name.encode()
    return [[2, b'below'], [3, name], [4, name], [5, 4], *([6, each] for each in blobs), [7, 1.0]]


def net(*layers):
    return encoded([[1, b'deepnetA'], *([2, each] for each in layers), [4, 16], [9, 1.0]])


@pytest.fixture
def arrays():
    rs = np.random.RandomState(0)
    return {key: rs.randn(*shape).astype('<f4') for key, shape in SHAPES.items()}


def layers_of(arrays, last='fc8'):
    return [layer('data'), *(
        layer(last if name == 'fc8' else name,
              blob(arrays[f'{name}/W'], chunks=2), blob(arrays[f'{name}/b']))
        for name in ('conv1a', 'fc6', 'fc8')), layer('relu1')]


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
    (lambda a: net(*layers_of(a)[:-2]), 'has no weights fc8/W, fc8/b'),
    *((lambda a, name=name: net(*layers_of(a), layer(name, blob(a['fc6/b']))),
       f'a layer {name!r} has weights, expected one of each of conv1a, fc6, fc8')
      for name in ('fc9', 'conv1a', 'fc8_too')),
    (lambda a: net(layer('conv1a', blob(a['conv1a/W'])), *layers_of(a)[2:]), 'has 1 blobs'),
    (lambda a: net(*layers_of({**a, 'fc6/W': a['fc6/W'].T})), r'expected \(4, 5\)'),
    (lambda a: net(*layers_of({**a, 'fc6/b': a['fc6/b'][:3]})), r'3 values, expected \(4,\)'),
    (lambda a: net(*layers_of({**a, 'fc8/b': a['fc8/b'][:3]})), 'W of fc8 has 7 outputs, b 3'),
    (lambda a: net(*layers_of({**a, 'fc6/b': a['fc6/b'] * np.inf})), 'not finite'),
    # hostile files
    (encoded([[2, b'x' * 50]])[:-1], "parsing message with type 'Net'"),
    ([[2, b'\xff' * 40]], "parsing message with type 'Layer'"),
    ([[2, [[6, b'\xff'], [6, b'']]]], "a layer '' has weights"),
    ([[2, [[4, b'fc6'], [6, b'\xff'], [6, b'']]]], "parsing message with type 'Blob'"),
    ([[2, [[4, b'\xff\xfe'], [6, b'']]]], 'utf-8'),
    ([[2, [[4, b'fc6'], [6, [[6, b'12345']]], [6, b'']]]], 'multiple of element size'),
    ([[2, 5]], 'has no weights'),
    (2 ** 20 * b'\x12\0', 'has no weights'),
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n', 'damaged'),
], ids=range(18))
def test_of_another_network_and_hostile_files(tmp_path, arrays, source, content, found):
    content = content(arrays) if callable(content) else content
    source.write_bytes(encoded(content) if isinstance(content, list) else content)
    with pytest.raises(DataError, match=found):
        convert(source, tmp_path / 'c3d.npz', SHAPES)
    assert not (tmp_path / 'c3d.npz').exists()


def test_a_missing_or_too_large_file(tmp_path, source, monkeypatch):
    for path in (tmp_path / 'nowhere', tmp_path):
        with pytest.raises(DataError, match='found no file .* expected a caffemodel of C3D'):
            convert(path, tmp_path / 'c3d.npz', SHAPES)
    monkeypatch.setattr(convert_c3d, 'MAX_BYTES', 100)
    with pytest.raises(DataError, match='expected at most 100'):
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
