"""C3D against the recordings of the authors' network."""

import chainer
import chainer.functions as F
import numpy as np
import pytest

from tgan_chainer.evaluation import c3d_ft
from tgan_chainer.evaluation.c3d_ft import C3D


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
