"""Finding and checking C3D's weights and the mean clip."""
import chainer
import chainer.links as L
import numpy as np
import pytest

from tgan_chainer.errors import DataError
from tgan_chainer.evaluation import classifier
from tgan_chainer.evaluation.classifier import Classifier, find, load_c3d, load_classifier
from tgan_chainer.evaluation.preprocess import preprocess
from tgan_chainer.files import sha256


class TwoLayers(chainer.Chain):
    """A network with keys like C3D's."""

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.conv1a = L.Linear(3, 4)
            self.fc8 = L.Linear(4, 2)


@pytest.fixture(autouse=True)
def two_layers(monkeypatch):
    monkeypatch.setattr(classifier, 'C3D', TwoLayers)


@pytest.fixture
def arrays():
    rs = np.random.RandomState(0)
    return {'conv1a/W': rs.randn(4, 3).astype('f'), 'conv1a/b': rs.randn(4).astype('f'),
            'fc8/W': rs.randn(2, 4).astype('f'), 'fc8/b': rs.randn(2).astype('f')}


def test_weights_are_loaded(tmp_path, arrays):
    np.savez(tmp_path / 'c3d.npz', **arrays)
    network, digest = load_c3d(tmp_path / 'c3d.npz')
    for key, param in network.namedparams():
        np.testing.assert_array_equal(param.array, arrays[key[1:]])
    assert digest == sha256(tmp_path / 'c3d.npz')


def test_a_missing_file_says_what_it_is_and_where_from(tmp_path):
    with pytest.raises(DataError) as caught:
        load_c3d(tmp_path / 'nowhere.npz')
    for text in ('nowhere.npz', 'conv3d_deepnetA_ucf.npz', 'github.com/pfnet-research/tgan2',
                 '--c3d', 'TGAN_C3D', 'convert_c3d.py'):
        assert text in str(caught.value)


@pytest.mark.parametrize('changes, found', [
    ({'fc8/W': None}, r"lacks \['fc8/W'\]"),
    ({'fc9/W': np.zeros(3)}, r"besides \['fc9/W'\]"),
    ({'fc8/W': np.zeros((487, 4))}, r'fc8/W in .* is float64 \(487, 4\), expected floats \(2, 4\)'),
    ({'fc8/b': np.zeros(2, int)}, 'fc8/b in .* is int64'),
    ({'conv1a/b': np.array([1, np.nan, 0, 0])}, 'conv1a/b in .* no finite numbers'),
    ({'conv1a/b': np.array([None] * 4)}, 'damaged or no npz file .Object arrays'),
])
def test_weights_of_another_network(tmp_path, arrays, changes, found):
    arrays = {key: array for key, array in {**arrays, **changes}.items() if array is not None}
    np.savez(tmp_path / 'c3d.npz', **arrays)
    with pytest.raises(DataError, match=f'{found}.*conv3d_deepnetA_ucf.npz'):
        load_c3d(tmp_path / 'c3d.npz')


def test_damaged_weights(tmp_path, arrays):
    path = tmp_path / 'c3d.npz'
    np.savez(path, **arrays)
    whole = path.read_bytes()
    for content in (b'', b'text', whole[:-100], whole[:150] + b'!' + whole[151:]):
        path.write_bytes(content)
        with pytest.raises(DataError, match='is damaged or no npz file'):
            load_c3d(path)
    with open(path, 'wb') as file:
        np.save(file, np.zeros(3))
    with pytest.raises(DataError, match='is damaged or no npz file'):
        load_c3d(path)


def test_a_flag_before_the_variable_before_the_usual_places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    usual = 'mean2.npz', 'data/mean2.npz'
    assert str(find(None, 'TGAN_MEAN', usual)) == 'data/mean2.npz'
    (tmp_path / 'mean2.npz').touch()
    assert str(find(None, 'TGAN_MEAN', usual)) == 'mean2.npz'
    monkeypatch.setenv('TGAN_MEAN', 'by/variable.npz')
    assert str(find(None, 'TGAN_MEAN', usual)) == 'by/variable.npz'
    assert str(find('by/flag.npz', 'TGAN_MEAN', usual)) == 'by/flag.npz'


def test_load_classifier(tmp_path, arrays, mean, monkeypatch):
    np.savez(tmp_path / 'my_mean.npz', mean=mean)
    np.savez(tmp_path / 'my_c3d.npz', **arrays)
    monkeypatch.setenv('TGAN_C3D', str(tmp_path / 'my_c3d.npz'))
    device = chainer.get_device('@numpy')
    with pytest.raises(DataError, match='my_mean.npz. has sha256'):
        load_classifier(None, tmp_path / 'my_mean.npz', 'tgan-v1', device)
    monkeypatch.setattr(classifier, 'load_mean', lambda path: np.load(path)['mean'])
    loaded = load_classifier(None, tmp_path / 'my_mean.npz', 'tgan-v2', device)
    assert loaded.protocol == 'tgan-v2' and loaded.mean.dtype == np.float32
    np.testing.assert_array_equal(loaded.network.fc8.W.array, arrays['fc8/W'])
    assert loaded.files == {'c3d': sha256(tmp_path / 'my_c3d.npz'),
                            'mean': sha256(tmp_path / 'my_mean.npz')}


def test_a_missing_mean_is_noticed_before_the_weights_are_read(tmp_path):
    with pytest.raises(DataError, match='cannot read .*no_mean.npz.*TGAN_MEAN'):
        load_classifier(tmp_path / 'no_c3d.npz', tmp_path / 'no_mean.npz', 'tgan-v1',
                        chainer.get_device('@numpy'))


def test_probabilities_are_those_of_the_network_in_test_mode(mean):
    class Network(chainer.Link):
        def forward(self, x):
            assert not chainer.config.train and not chainer.config.enable_backprop
            return chainer.functions.softmax(x[:, :, 3, 50, 60])

    videos = np.random.RandomState(0).uniform(-1, 1, (2, 3, 16, 64, 64)).astype('f')
    for protocol in ('tgan-v1', 'tgan-v2'):
        found = Classifier(Network(), mean, protocol, {})(videos)
        logits = preprocess(videos, mean, protocol)[:, :, 3, 50, 60]
        np.testing.assert_array_equal(found, chainer.functions.softmax(logits).array)
