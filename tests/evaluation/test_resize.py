import cv2
import numpy as np
import pytest

from tgan_chainer.evaluation import resize


@pytest.mark.parametrize('size, new_size', [
    ((64, 64), (128, 128)), ((64, 48), (128, 171)), ((31, 17), (20, 40)), ((128, 171), (64, 64)),
    ((2, 3), (9, 4)), ((8, 9), (8, 9)), ((1, 1), (5, 5))])
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
@pytest.mark.parametrize('name', ['cubic', 'linear', 'nearest'])
def test_against_opencv(size, new_size, dtype, name):
    image = np.random.RandomState(0).uniform(-30, 280, size).astype(dtype)
    theirs = cv2.resize(image, new_size[::-1], interpolation=getattr(cv2, f'INTER_{name.upper()}'))
    ours = resize.resize(image, *new_size, getattr(resize, f'{name}_matrix'))
    assert ours.dtype == dtype and ours.flags.c_contiguous
    # 1e-4 of the range of values: OpenCV takes its sixteen weights in float32.
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-4 * 310)


@pytest.mark.parametrize('images', [np.zeros((4, 4), np.uint8), np.zeros(4)])
def test_what_is_no_picture_of_floats_is_refused(images):
    with pytest.raises(ValueError, match='expected floats'):
        resize.resize(images, 8, 8, resize.cubic_matrix)
