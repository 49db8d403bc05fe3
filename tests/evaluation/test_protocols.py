import cv2
import numpy as np
import pytest

from tgan_chainer.errors import DataError
from tgan_chainer.evaluation import protocols, resize
from tgan_chainer.evaluation.protocols import MEAN_SHAPE, load_mean, preprocess
from tgan_chainer.io.files import sha256


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


@pytest.mark.parametrize('flag', ['INTER_CUBIC', 'INTER_LINEAR', 'INTER_NEAREST'])
def test_interpolations_as_the_authors_call_opencv(mean, flag):
    video = np.random.RandomState(1).uniform(-1, 1, (1, 3, 16, 64, 64)).astype(np.float32)
    frames = (video[0] * 128 + 128).transpose(1, 2, 3, 0)    # (T, H, W, RGB)
    large = np.stack([cv2.resize(frame, (128, 128), interpolation=getattr(cv2, flag))
                      for frame in frames])
    expected = large[..., ::-1].transpose(3, 0, 1, 2) - mean[..., 21:149]
    # OpenCV takes its weights in float32: 1e-4 of the range of values.
    found, = preprocess(video, mean, f'tgan-v1/{flag}'.removesuffix('/INTER_CUBIC'))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected[..., 8:120, 8:120], rtol=0, atol=1e-4 * 256)


def test_tgan_v2(mean):
    video = np.random.RandomState(1).uniform(-1.5, 1.5, (1, 3, 16, 64, 48))
    found, = preprocess(video, mean, 'tgan-v2')
    bgr = np.minimum(np.maximum(video[0, ::-1], -1), 1) * 128 + 128
    for axis in (-1, -2):
        bgr = np.apply_along_axis(lambda line: np.interp(
            np.linspace(0, len(line) - 1, 112), np.arange(len(line)), line), axis, bgr)
    np.testing.assert_allclose(found, bgr - mean[..., 8:120, 8:120], rtol=0, atol=1e-10)


@pytest.mark.parametrize('shape', [(1, 1, 16, 64, 64), (1, 3, 8, 64, 64), (3, 16, 64, 64)])
def test_other_videos_are_refused(mean, shape):
    with pytest.raises(ValueError, match=r'expected \(N, 3, 16, H, W\)'):
        preprocess(np.zeros(shape), mean)


@pytest.mark.parametrize('shape', [MEAN_SHAPE, (1, *MEAN_SHAPE)])
def test_only_the_published_mean_is_read(tmp_path, mean, shape, monkeypatch):
    path = tmp_path / 'mean2.npz'
    with pytest.raises(DataError, match='found no file .*expected mean2.npz as published.*--mean'):
        load_mean(path)
    np.savez(path, mean=mean.reshape(shape))
    with pytest.raises(DataError, match=r'another file: .* sha256 \w{64}; expected mean2.npz as'):
        load_mean(path)
    monkeypatch.setattr(protocols, 'MEAN_SHA256', sha256(path))
    np.testing.assert_array_equal(load_mean(path), mean)
