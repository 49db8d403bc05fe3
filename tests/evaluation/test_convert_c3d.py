"""The converter of C3D's caffemodel, on files that are written here."""
import chainer
import chainer.links as L
import numpy as np
import pytest

from tests.robustness.hostile import SHAPES, encoded, net
from tgan_chainer.errors import EXIT_USER_ERROR, DataError
from tgan_chainer.evaluation import convert_c3d
from tgan_chainer.evaluation.convert_c3d import convert

_, (_, CONV), (_, FC8), *_ = NET = net('fc8')    # of each layer the name, W and b


def test_every_array_though_the_last_layer_may_have_another_name_and_number_of_classes(tmp_path):
    source, target = tmp_path / 'c3d.caffemodel', tmp_path / 'c3d.npz'
    name, (_, [*sizes, (_, data)]), b = CONV
    weights = [*sizes, [6, data[:8]], [7, b'their gradients'], [6, data[8:]]]
    source.write_bytes(encoded([
        [2, [[4, b'data'], [5, 4]]], [2, [[2, b'below'], [3, b'above'], name, [6, weights], b]],
        [2, [[4, b'fc8-1'], *FC8[1:], [7, 1.0]]]]))
    convert(source, target, {**SHAPES, 'fc8/W': (101, 4), 'fc8/b': (101,)})
    with np.load(target, allow_pickle=False) as npz:
        assert set(npz.files) == set(SHAPES)
        for key, shape in SHAPES.items():
            expected = np.linspace(-1, 1, np.prod(shape)).astype('f').reshape(shape)
            np.testing.assert_array_equal(npz[key], expected, strict=True)


@pytest.mark.parametrize('content, found', [
    # another network
    (NET[:2], 'has no weights fc8/W, fc8/b'),
    *(([*NET, [2, [[4, name.encode()], *CONV[1:]]]],
       f'a layer {name!r} has weights, expected one of each of conv1a, fc8')
      for name in ('fc9', 'conv1a', 'fc8_too')),
    ([[2, CONV[:2]]], 'layer conv1a has 1 blobs'),
    ([[2, [[4, b'fc8'], [6, [[4, 4], [5, 7], [6, bytes(112)]]], FC8[2]]]],
     r'fc8/W is \(1, 1, 1, 4, 7\) with 28 values, expected \(7, 4\)'),
    ([[2, [*CONV[:2], [6, [[5, 2], [6, bytes(12)]]]]]], r'b is .* with 3 values, expected \(2,\)'),
    ([NET[1], [2, [*FC8[:2], CONV[2]]]], 'W of fc8 has 7 outputs, b 2'),
    ([[2, [*CONV[:2], [6, [[5, 2], [6, b'\xff' * 8]]]]]], 'conv1a/b holds values that are not fin'),
    # hostile files
    (encoded(NET)[:-1], "parsing message with type 'Net'"),
    ([[2, b'\xff' * 40]], "parsing message with type 'Layer'"),
    ([[2, [[6, b'\xff'], [6, b'']]]], "a layer '' has weights"),
    ([[2, [[4, b'fc8'], [6, b'\xff'], [6, b'']]]], "parsing message with type 'Blob'"),
    ([[2, [[4, b'\xff\xfe'], [6, b'']]]], 'utf-8'),
    ([[2, [[4, b'fc8'], [6, [[6, b'12345']]], [6, b'']]]], 'multiple of element size'),
    ([[2, 5]], 'has no weights'),
    (2 ** 20 * b'\x12\0', 'has no weights'),
    (b'version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 5\n', "type 'Net'"),
], ids=range(18))
def test_of_another_network_and_hostile_files(tmp_path, content, found):
    source = tmp_path / 'c3d.caffemodel'
    source.write_bytes(encoded(content) if isinstance(content, list) else content)
    with pytest.raises(DataError, match=f'{source}: is damaged or no caffemodel of C3D .*{found}'):
        convert(source, tmp_path / 'c3d.npz', SHAPES)
    assert not (tmp_path / 'c3d.npz').exists()


def test_a_missing_or_too_large_file(tmp_path, monkeypatch):
    monkeypatch.setattr(convert_c3d, 'MAX_BYTES', 4)
    (tmp_path / 'large').write_bytes(b'12345')
    for name, found in (('nowhere', 'found no file .* expected a caffemodel of C3D'),
                        ('', 'found no file'), ('large', 'it has 5 bytes, expected at most 4')):
        with pytest.raises(DataError, match=found):
            convert(tmp_path / name, tmp_path / 'c3d.npz', SHAPES)


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(convert_c3d, 'C3D', lambda: chainer.Chain(
        conv1a=L.Convolution3D(3, 2, 3), fc8=L.Linear(4, 7)))
    source, target = tmp_path / 'c3d.caffemodel', tmp_path / 'new' / 'c3d.npz'
    source.write_bytes(encoded(NET))
    assert convert_c3d.main([str(source), str(target)]) == 0
    assert f'{target}: 4 arrays, 7 classes, sha256 ' in capsys.readouterr().out
    source.write_bytes(b'no model')
    assert convert_c3d.main([str(source), str(target)]) == EXIT_USER_ERROR
    assert 'is damaged or no caffemodel of C3D' in capsys.readouterr().err
