"""From latent vectors to videos."""
import chainer
import numpy as np
import pytest

from tgan_chainer.models.frame_seed_generator import FrameSeedGeneratorInitUniform
from tgan_chainer.models.sampling import generate_video, make_video
from tgan_chainer.models.video_generator import VideoGeneratorInitUniform


@pytest.fixture(scope='module')
def generators():
    np.random.seed(0)
    return (FrameSeedGeneratorInitUniform(z_slow_dim=4, z_fast_dim=6, wscale=0.5),
            VideoGeneratorInitUniform(4, 6, 3, 4, conv_ch=16, wscale=0.5))


def test_every_frame_is_g1_of_its_own_z_fast(generators):
    _, vgen = generators
    rs = np.random.RandomState(0)
    z_slow, z_fast = rs.randn(2, 4).astype('f'), rs.randn(2, 6, 5).astype('f')
    with chainer.using_config('train', False):
        video = generate_video(vgen, z_slow, z_fast).array
        assert video.shape == (2, 3, 5, 64, 64)
        for t in range(5):
            # 1e-5: the batch decides how BLAS sums float32.
            np.testing.assert_allclose(
                video[:, :, t], vgen(z_slow, z_fast[:, :, t]).array, atol=1e-5)


def test_make_video_keeps_given_latent_vectors_and_statistics(generators):
    fsgen, vgen = generators
    before = vgen.bn1.avg_mean.copy()
    video, z_slow, z_fast = make_video(fsgen, vgen, 11)    # more than one chunk
    again, _, _ = make_video(fsgen, vgen, 11, z_slow=z_slow)
    third, _, _ = make_video(fsgen, vgen, 11, z_slow=z_slow, z_fast=z_fast)
    assert video.shape == (11, 3, 16, 64, 64)
    np.testing.assert_array_equal(video, again)
    np.testing.assert_array_equal(video, third)
    np.testing.assert_array_equal(vgen.bn1.avg_mean, before)
    with pytest.raises(ValueError, match='z_slow holds 11 vectors, expected n = 3'):
        make_video(fsgen, vgen, 3, z_slow=z_slow)
