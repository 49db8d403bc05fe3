import numpy as np
import pytest

from parity import replay
from parity.checks import metrics
from reference import recordings
from reference.oracle import c3d

#: The recording is float32. Every layer rounds sums of up to 27 * 512 (8192 in fc6) terms; with
#: errors as independent as they are, 6e-8 * sqrt(depth) of the largest activation: 8e-7 found.
FLOAT32_TOLERANCE = 5e-6


@pytest.mark.slow
def test_every_activation():
    found = c3d.forward(replay.state(metrics.c3d_network(0)), metrics.c3d_input(0))
    for chainer in recordings.CHAINERS:
        recorded = recordings.stages(recordings.load('c3d-seed0', chainer))
        assert list(found) == [stage.name for stage in recorded]
        for stage in recorded:
            array = found[stage.name]
            assert array.shape == stage.shape
            assert recordings.deviation(
                recordings.sample(array, 4096), stage.values) <= FLOAT32_TOLERANCE, stage.name
            assert recordings.deviation(array.sum(), stage.sum) <= FLOAT32_TOLERANCE, stage.name


MEAN = np.random.RandomState(0).uniform(90, 130, c3d.MEAN_SHAPE)


def test_preprocessing_of_a_plain_colour():
    """A constant stays constant through resizing, so every step can be written down."""
    video = np.broadcast_to(np.array([-1.0, 0.0, 1.5])[:, None, None, None], (1, 3, 16, 64, 64))
    bgr = np.array([1.5 * 128 + 128, 128.0, 0.0])
    expected = bgr[:, None, None, None] - MEAN[:, :, 8:120, 21 + 8:21 + 120]
    np.testing.assert_allclose(c3d.preprocess_tgan_v1(video, MEAN)[0], expected, atol=1e-10)


def test_preprocessing_keeps_time_and_place():
    """Blue at (20, 50) of frame 5 lands near (2 * 20 - 8, 2 * 50 - 8), in the first channel."""
    dark = np.full((1, 3, 16, 64, 64), -1.0)
    lit = dark.copy()
    lit[0, 2, 5, 20, 50] = 1.0
    difference = c3d.preprocess_tgan_v1(lit, MEAN) - c3d.preprocess_tgan_v1(dark, MEAN)
    channel, time, row, column = np.unravel_index(np.argmax(difference), difference.shape[1:])
    assert (channel, time) == (0, 5) and row in (32, 33) and column in (92, 93)
    # Not clipped: bicubic interpolation undershoots beside the pixel.
    assert difference.min() < -10


@pytest.mark.parametrize('function, shapes', [
    (lambda x: c3d.forward({}, x), [(1, 3, 16, 128, 128)]),
    (c3d.preprocess_tgan_v1, [(1, 1, 16, 64, 64), c3d.MEAN_SHAPE]),
    (c3d.preprocess_tgan_v1, [(1, 3, 8, 64, 64), c3d.MEAN_SHAPE]),
    (c3d.preprocess_tgan_v1, [(1, 3, 16, 64, 64), (3, 16, 128, 128)])])
def test_other_shapes_are_refused(function, shapes):
    with pytest.raises(ValueError, match='expected'):
        function(*map(np.zeros, shapes))
