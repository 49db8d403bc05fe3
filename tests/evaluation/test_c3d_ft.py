"""C3D's masks and input; parity compares its weights, activations and dropout with recordings."""
import chainer
import chainer.functions as F
import numpy as np
import pytest

from tgan_chainer.evaluation import c3d_ft


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
