import cv2
import numpy as np
import pytest

from reference.oracle import resize as oracle
from tgan_chainer.evaluation.resize import resize_bicubic

SIZES = [(64, 64, 128, 128), (64, 48, 128, 171), (31, 17, 20, 40), (128, 171, 64, 64), (2, 3, 9, 4),
         (1, 1, 5, 5)]


# 1e-4 of the range of values: OpenCV takes its sixteen weights in float32.
@pytest.mark.parametrize('height, width, new_height, new_width', SIZES)
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_against_opencv(height, width, new_height, new_width, dtype):
    image = np.random.RandomState(0).uniform(-30, 280, (height, width)).astype(dtype)
    theirs = cv2.resize(image, (new_width, new_height), interpolation=cv2.INTER_CUBIC)
    ours = resize_bicubic(image, new_height, new_width)
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * 310)


@pytest.mark.parametrize('height, width, new_height, new_width', SIZES)
def test_against_the_oracle(height, width, new_height, new_width):
    images = np.random.RandomState(0).randn(2, 3, height, width)
    np.testing.assert_allclose(
        resize_bicubic(images, new_height, new_width),
        oracle.resize_cubic(images, new_height, new_width), rtol=0, atol=1e-12)


def test_the_same_size_changes_nothing():
    images = np.random.RandomState(0).randn(3, 8, 9)
    np.testing.assert_array_equal(resize_bicubic(images, 8, 9), images)


@pytest.mark.parametrize('images', [np.zeros((4, 4), np.uint8), np.zeros(4)])
def test_what_is_no_picture_of_floats_is_refused(images):
    with pytest.raises(ValueError, match='expected floats'):
        resize_bicubic(images, 8, 8)
