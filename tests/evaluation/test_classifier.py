"""C3D, and finding its weights and the mean clip; parity compares its weights and activations."""
from pathlib import Path
from types import SimpleNamespace

import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np
import pytest

from tgan_chainer.errors import DataError
from tgan_chainer.evaluation import c3d_ft, classifier
from tgan_chainer.evaluation.classifier import find, load_c3d, load_classifier
from tgan_chainer.evaluation.protocols import MEAN_SHA256, preprocess
from tgan_chainer.io.files import sha256


@pytest.fixture(autouse=True)
def two_layers(monkeypatch):
    monkeypatch.setattr(classifier, 'C3D', lambda: chainer.Chain(
        conv1a=L.Linear(3, 4), fc8=L.Linear(4, 2)))


@pytest.fixture
def arrays():
    rs = np.random.RandomState(0)
    return {key: rs.randn(*shape).astype('f') for key, shape in (
        ('conv1a/W', (4, 3)), ('conv1a/b', (4,)), ('fc8/W', (2, 4)), ('fc8/b', (2,)))}


def test_masks_are_chainers_and_clips_of_another_shape_are_refused(monkeypatch):
    for name, value in (('_POOLED_SIZE', 2), ('_HIDDEN', 5), ('_CONVOLUTIONS', ())):
        monkeypatch.setattr(c3d_ft, name, value)
    network = c3d_ft.C3D(n_classes=2)
    np.random.seed(3)
    found = network.draw_masks(4)
    np.random.seed(3)
    with chainer.using_config('train', True):
        expected = [F.dropout(np.ones((4, 5), 'f')).array for _ in range(2)]
    np.testing.assert_array_equal(found, expected, strict=True)
    with pytest.raises(ValueError, match=r'\(1, 3, 16, 128, 128\), expected \(B, 3, 16, 112, 112'):
        network(np.zeros((1, 3, 16, 128, 128), np.float32))


def test_a_missing_file_says_what_it_is_and_how_to_get_it(here):
    with pytest.raises(DataError) as caught:
        load_c3d('nowhere.npz')
    for text in ("found no file 'nowhere.npz'", 'put it into data/conv3d_deepnetA_ucf.npz or /',
                 'github.com/pfnet-research/tgan2', '--c3d', 'TGAN_C3D', 'tgan convert-c3d'):
        assert text in str(caught.value)
    assert 'is here' not in str(caught.value)
    (here / classifier.CAFFEMODEL).touch()
    with pytest.raises(DataError, match=r'_20000 is here: tgan convert-c3d '
                       r'c3d_ucf101_finetune_whole_iter_20000 data/conv3d_deepnetA_ucf.npz$'):
        load_c3d('nowhere.npz')


@pytest.mark.parametrize('changes, found', [
    ({'fc8/W': None}, 'fc8/W is not a file in the archive'),
    ({'fc9/W': np.zeros(3)}, 'found fc9/W, which C3D does not have'),
    ({'fc8/W': np.zeros((487, 4))}, r'fc8/W is float64 \(487, 4\), not floats \(2, 4\)'),
    ({'fc8/b': np.zeros(2, int)}, 'fc8/b is int64'),
    ({'conv1a/b': np.array([1, np.nan, 0, 0])}, 'conv1a/b holds values that are not finite'),
    ({'conv1a/b': np.array([None] * 4)}, 'Object arrays'),
])
def test_weights_of_another_network(tmp_path, arrays, changes, found):
    arrays = {key: array for key, array in {**arrays, **changes}.items() if array is not None}
    np.savez(tmp_path / 'c3d.npz', **arrays)
    with pytest.raises(DataError, match=f'{found}.*conv3d_deepnetA_ucf.npz'):
        load_c3d(tmp_path / 'c3d.npz')


def test_a_flag_before_the_variable_before_the_usual_places(here, monkeypatch):
    def found(flag=None):
        return str(find(flag, 'TGAN_MEAN', ('a.npz', 'b.npz')))
    assert found() == 'a.npz'
    (here / 'b.npz').touch()
    assert found() == 'b.npz'
    (here / 'a.npz').touch()
    assert found() == 'a.npz'
    monkeypatch.setenv('TGAN_MEAN', 'by/variable.npz')
    assert (found(), found('by/flag.npz')) == ('by/variable.npz', 'by/flag.npz')


def test_load_classifier(tmp_path, arrays, mean, monkeypatch):
    device, mean_path = chainer.get_device('@numpy'), tmp_path / 'my_mean.npz'
    monkeypatch.setenv('TGAN_C3D', str(tmp_path / 'my_c3d.npz'))
    # Before the weights are read, which are not there yet.
    with pytest.raises(DataError, match='found no file .*my_mean.npz.*TGAN_MEAN'):
        load_classifier(None, mean_path, 'tgan-v1', device)
    np.savez(mean_path, mean=mean)
    np.savez(tmp_path / 'my_c3d.npz', **arrays)
    monkeypatch.setattr(classifier, 'load_mean', lambda path: np.load(path)['mean'])
    loaded = load_classifier(None, mean_path, 'tgan-v2', device)
    assert loaded.protocol == 'tgan-v2' and loaded.mean.dtype == np.float32
    for key, param in loaded.network.namedparams():
        np.testing.assert_array_equal(param.array, arrays[key[1:]])
    assert loaded.files == {'c3d': sha256(tmp_path / 'my_c3d.npz'), 'mean': MEAN_SHA256}


def test_weights_are_found_where_the_authors_code_looks(tmp_path, monkeypatch):
    folder = tmp_path / 'root/pfnet/chainer/models'
    monkeypatch.setattr(chainer.dataset.download, '_dataset_root', str(tmp_path / 'root'))
    assert [*map(Path, classifier.usual_c3d_places())] == [
        Path('data/conv3d_deepnetA_ucf.npz'), folder / 'conv3d_deepnetA_ucf.npz']
    assert not folder.exists()


VIDEOS = np.random.RandomState(0).uniform(-1, 1, (5, 3, 16, 64, 64)).astype('f')


@pytest.mark.parametrize('protocol, dropout', [
    ('tgan-v1', True), ('tgan-v1/INTER_LINEAR', True), ('tgan-v1/dropout-off', False),
    ('tgan-v1/dropout-off/INTER_LINEAR', False), ('tgan-v2', False)])
def test_probabilities_are_those_of_the_network_with_the_protocols_dropout(
        small_classifier, mean, protocol, dropout):
    found = small_classifier(protocol)
    np.random.seed(1)
    ys = found(VIDEOS)
    after = np.random.rand()
    np.random.seed(1)
    masks = found.network.draw_masks(5) if dropout else ()
    assert np.random.rand() == after
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        expected = found.network(preprocess(VIDEOS, mean, protocol), masks).array
    np.testing.assert_array_equal(ys, expected)


@pytest.mark.parametrize('chunk', [2, 7])
def test_masks_do_not_depend_on_the_chunk(small_classifier, chunk):
    seen = []
    np.random.seed(1)
    whole = small_classifier()(VIDEOS)
    np.random.seed(1)
    # A matrix product of other sizes may round otherwise; another mask differs by order 1.
    np.testing.assert_allclose(small_classifier(chunk=chunk)(VIDEOS, seen.append), whole, rtol=1e-5)
    assert sum(seen) == 5 and max(seen) <= chunk


def test_the_classifier_of_a_rehearsal_is_seeded_and_says_so(monkeypatch):
    one, two = (classifier.rehearsal_classifier('tgan-v1', chainer.get_device('@numpy'))
                for _ in range(2))
    np.testing.assert_array_equal(one.network.fc8.W.array, two.network.fc8.W.array)
    assert one.is_rehearsal and one.files == {} and np.ptp(one.mean) == 0
    assert one.label('x') == 'rehearsal (no measurement): x'


@pytest.mark.parametrize('cudnn, chunk', [(True, None), (False, 4)])
def test_on_a_gpu_only_cudnn_takes_all_videos_at_once(monkeypatch, cudnn, chunk):
    monkeypatch.setattr(chainer.backends.cuda, 'cudnn_enabled', cudnn)
    gpu = SimpleNamespace(xp=None, send=lambda array: array)
    network = SimpleNamespace(to_device=lambda device: None)
    assert classifier._classifier(network, np.zeros(3), 'tgan-v1', gpu, files={}).chunk == chunk
