"""Every parameter of the critic ends within the bound."""
import chainer
import numpy as np
import pytest

from tgan_chainer.hooks.weight_clipping import WeightClipping
from tgan_chainer.models.video_discriminator import VideoDiscriminatorInitUniform


def test_all_parameters_are_clipped_after_the_update():
    model = VideoDiscriminatorInitUniform(1, 4, 2, wscale=0.5)
    optimizer = chainer.optimizers.SGD(lr=1).setup(model)
    optimizer.add_hook(WeightClipping(0.02))
    expected = {}
    for name, param in model.namedparams():
        param.grad = np.random.uniform(-0.1, 0.1, param.shape).astype('f')
        expected[name] = np.clip(param.array - param.grad, -0.02, 0.02)
    optimizer.update()
    for name, param in model.namedparams():
        np.testing.assert_array_equal(param.array, expected[name])
    assert model.bn1.gamma.array.max() == np.float32(0.02)


def test_bound_must_be_positive():
    with pytest.raises(ValueError, match='c is 0'):
        WeightClipping(0)
