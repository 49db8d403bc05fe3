import numpy as np
import pytest

from tgan_chainer.datasets.clips import draw_mirrored, draw_offset, mirror, normalize


@pytest.mark.parametrize('length, offsets', [(16, {0}), (17, {0}), (20, {0, 1, 2, 3})])
def test_the_last_offset_is_never_drawn(length, offsets):
    stream = np.random.RandomState(0)
    assert {draw_offset(length, 16, stream) for _ in range(200)} == offsets


def test_a_video_as_long_as_the_clip_uses_up_no_random_number():
    stream = np.random.RandomState(0)
    draw_offset(16, 16, stream)
    assert stream.rand() == np.random.RandomState(0).rand()


def test_half_of_the_clips_are_mirrored():
    stream = np.random.RandomState(0)
    assert 450 < sum(draw_mirrored(stream) for _ in range(1000)) < 550


def test_mirror_turns_the_columns_around():
    clip = np.arange(12).reshape(2, 2, 3)
    np.testing.assert_array_equal(mirror(clip, True), clip[:, :, [2, 1, 0]])
    assert mirror(clip, False) is clip


def test_normalize_is_exact_in_float32_and_in_c_order():
    values = np.arange(256, dtype=np.uint8).reshape(4, 4, 16).transpose(2, 0, 1)[..., ::-1]
    result = normalize(values)
    assert result.dtype == np.float32
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(result, (values.astype(np.float64) - 128) / 128)
    assert (result.min(), result.max()) == (-1, 127 / 128)
