"""C3D against the recordings of the authors' network."""
import hashlib

import chainer
import chainer.functions as F
import numpy as np
import pytest

from reference import recordings
from tgan_chainer.evaluation import c3d_ft
from tgan_chainer.evaluation.c3d_ft import C3D

# Both sides are float32 and sum up to 27 * 512 (8192 in fc6) products in an order of their own:
# 6e-8 * sqrt(depth) of the largest activation, since roundings are independent; 1e-6 was seen.
FLOAT32_TOLERANCE = 5e-6


@pytest.fixture(scope='module')
def c3d():
    np.random.seed(0)
    return C3D()


@pytest.fixture(scope='module')
def activations(c3d):
    x = np.random.RandomState(1).uniform(0, 255, (1, 3, 16, 112, 112)) - 100
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        return {name: h.array for name, h in c3d.stages(x.astype(np.float32))}


@pytest.mark.slow
@pytest.mark.parametrize('version', recordings.CHAINERS)
def test_initial_weights_are_the_authors_byte_for_byte(c3d, version):
    recorded = recordings.load('c3d-seed0', version).meta['params']
    ours = {path[1:]: param.array for path, param in c3d.namedparams()}
    assert {key: (list(array.shape), hashlib.sha256(array).hexdigest())
            for key, array in ours.items()} == {
                key: (entry['shape'], entry['sha256']) for key, entry in recorded.items()}


@pytest.mark.slow
@pytest.mark.parametrize('version', recordings.CHAINERS)
def test_every_activation(activations, version):
    recorded = recordings.stages(recordings.load('c3d-seed0', version))
    assert list(activations) == [stage.name for stage in recorded]
    for stage in recorded:
        found = activations[stage.name]
        assert (found.shape, found.dtype) == (stage.shape, np.float32)
        error = recordings.deviation(recordings.sample(found, 4096), stage.values)
        assert error <= FLOAT32_TOLERANCE, (stage.name, error)
        norm = np.linalg.norm(found.astype(np.float64))
        assert recordings.deviation(norm, stage.l2) <= FLOAT32_TOLERANCE, stage.name


@pytest.mark.slow
def test_forward_is_the_last_stage_and_dropout_follows_fc6_and_fc7(c3d, activations):
    clip = np.random.RandomState(1).uniform(0, 255, (1, 3, 16, 112, 112)) - 100
    np.random.seed(3)
    masks = c3d.draw_masks(1)
    with chainer.no_backprop_mode():
        without = c3d(clip.astype(np.float32)).array
        found = c3d(clip.astype(np.float32), masks).array
    np.testing.assert_array_equal(without, activations['prob'])
    assert without.sum() == pytest.approx(1, abs=1e-6)
    np.random.seed(3)
    with chainer.no_backprop_mode(), chainer.using_config('train', True):
        h = F.dropout(chainer.Variable(activations['fc6']))
        h = F.dropout(F.relu(c3d.fc7(h)))
        expected = F.softmax(c3d.fc8(h)).array
    np.testing.assert_array_equal(found, expected)
    assert np.abs(found - without).max() > 1e-6


def test_masks_are_chainers(monkeypatch):
    monkeypatch.setattr(c3d_ft, '_POOLED_SIZE', 2)
    monkeypatch.setattr(c3d_ft, '_HIDDEN', 5)
    monkeypatch.setattr(c3d_ft, '_CONVOLUTIONS', ())
    network = C3D(n_classes=2)
    np.random.seed(3)
    found = network.draw_masks(4)
    np.random.seed(3)
    with chainer.using_config('train', True):
        expected = [F.dropout(np.ones((4, 5), 'f')).array for _ in range(2)]
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert ours.dtype == theirs.dtype


@pytest.mark.slow
def test_clips_of_another_shape_are_refused(c3d):
    with pytest.raises(ValueError, match=r'\(1, 3, 16, 128, 128\), expected \(B, 3, 16, 112, 112'):
        c3d(np.zeros((1, 3, 16, 128, 128), np.float32))
