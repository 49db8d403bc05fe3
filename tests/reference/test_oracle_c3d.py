import hashlib

import numpy as np
import pytest

from reference import recordings
from reference.oracle import c3d

#: The recording is float32. Every layer rounds sums of up to 27 * 512 (8192 in fc6) terms; with
#: errors as independent as they are, 6e-8 * sqrt(depth) of the largest activation: 8e-7 found.
FLOAT32_TOLERANCE = 5e-6


@pytest.fixture(scope='module')
def arrays():
    return c3d.init(np.random.RandomState(0))


@pytest.fixture(scope='module')
def activations(arrays):
    x = np.random.RandomState(1).uniform(0, 255, (1, 3, 16, 112, 112)) - 100
    return c3d.forward(arrays, x.astype(np.float32))


@pytest.mark.slow
def test_initial_weights_byte_for_byte(arrays):
    recorded = recordings.load('c3d-seed0').meta['params']
    assert {key: (list(array.shape), hashlib.sha256(array).hexdigest())
            for key, array in arrays.items()} == {
                key: (entry['shape'], entry['sha256']) for key, entry in recorded.items()}


@pytest.mark.slow
@pytest.mark.parametrize('chainer', recordings.CHAINERS)
def test_every_activation(chainer, activations):
    recorded = recordings.stages(recordings.load('c3d-seed0', chainer))
    assert list(activations) == [stage.name for stage in recorded]
    for stage in recorded:
        found = activations[stage.name]
        assert found.shape == stage.shape
        assert recordings.deviation(
            recordings.sample(found, 4096), stage.values) <= FLOAT32_TOLERANCE, stage.name
        assert recordings.deviation(found.sum(), stage.sum) <= FLOAT32_TOLERANCE, stage.name


def test_input_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r'expected \(N, 3, 16, 112, 112\)'):
        c3d.forward({}, np.zeros((1, 3, 16, 128, 128)))


@pytest.fixture(scope='module')
def mean():
    return np.random.RandomState(0).uniform(90, 130, c3d.MEAN_SHAPE)


def test_preprocessing_of_a_plain_colour(mean):
    """A constant stays constant through resizing, so every step can be written down."""
    rgb = np.array([-1.0, 0.0, 1.5])
    video = np.broadcast_to(rgb[None, :, None, None, None], (1, 3, 16, 64, 64))
    found = c3d.preprocess_tgan_v1(video, mean)
    assert found.shape == (1, 3, 16, 112, 112)
    bgr = np.array([1.5 * 128 + 128, 128.0, 0.0])
    expected = bgr[:, None, None, None] - mean[:, :, 8:120, 21 + 8:21 + 120]
    np.testing.assert_allclose(found[0], expected, atol=1e-10)


def test_preprocessing_keeps_time_and_place(mean):
    """Blue at (20, 50) of frame 5 lands near (2 * 20 - 8, 2 * 50 - 8), in the first channel."""
    dark = np.full((1, 3, 16, 64, 64), -1.0)
    lit = dark.copy()
    lit[0, 2, 5, 20, 50] = 1.0
    difference = c3d.preprocess_tgan_v1(lit, mean) - c3d.preprocess_tgan_v1(dark, mean)
    channel, time, row, column = np.unravel_index(np.argmax(difference), difference.shape[1:])
    assert (channel, time) == (0, 5)
    assert row in (32, 33) and column in (92, 93)
    # Not clipped: bicubic interpolation undershoots beside the pixel.
    assert difference.min() < -10


@pytest.mark.parametrize(('shape', 'mean_shape'), [
    ((1, 1, 16, 64, 64), c3d.MEAN_SHAPE), ((1, 3, 8, 64, 64), c3d.MEAN_SHAPE),
    ((1, 3, 16, 64, 64), (3, 16, 128, 128))])
def test_preprocessing_refuses_other_shapes(shape, mean_shape):
    with pytest.raises(ValueError, match='expected'):
        c3d.preprocess_tgan_v1(np.zeros(shape), np.zeros(mean_shape))
