"""Small networks (G0, G1, D) of every system, with videos of one channel."""
import numpy as np

from tgan_chainer.models import conditional_tgan as conditional
from tgan_chainer.models.frame_seed_generator import FrameSeedGeneratorInitUniform
from tgan_chainer.models.model_3d import VideoGenerator3D
from tgan_chainer.models.video_discriminator import (
    VideoAndFrameDiscriminator,
    VideoDiscriminatorNoBetaInitUniform,
)
from tgan_chainer.models.video_gan import VideoGANDiscriminator, VideoGANGenerator
from tgan_chainer.models.video_generator import VideoGeneratorInitUniform
from tgan_chainer.models.z1_only import VideoGeneratorZ1Only


def tgan(vdis=None, wscale=0.1):
    return (FrameSeedGeneratorInitUniform(z_slow_dim=4, z_fast_dim=5, wscale=wscale),
            VideoGeneratorInitUniform(4, 5, 1, 4, conv_ch=16, wscale=wscale),
            vdis or VideoDiscriminatorNoBetaInitUniform(1, 4, 2, wscale=wscale))


def video_and_frame():
    """With both critics; what they draw in their first call is not there yet."""
    return tgan(VideoAndFrameDiscriminator(1, 4, 2))


def conditional_tgan(wscale=0.1):
    return (conditional.ConditionalFrameSeedGenerator(3, z_slow_dim=4, z_fast_dim=5, wscale=wscale),
            conditional.ConditionalVideoGenerator(3, 4, 5, 1, 4, conv_ch=16, wscale=wscale),
            conditional.ConditionalVideoDiscriminator(3, 1, 4, 2, wscale=wscale))


def z1_only():
    fsgen, _, vdis = tgan()
    return fsgen, VideoGeneratorZ1Only(5, 1, 4, conv_ch=16, wscale=0.1), vdis


def model_3d(**kwargs):
    return (None, VideoGenerator3D(4, 1, 4, conv_ch=8, **{'wscale': 0.1, **kwargs}),
            VideoDiscriminatorNoBetaInitUniform(1, 4, 2, wscale=0.1))


def video_gan(**kwargs):
    return (None, VideoGANGenerator(4, 1, 4, conv_ch=8, **kwargs),
            VideoGANDiscriminator(1, 4, 2))


def labelled(videos):
    return [(video, np.int32(i % 3)) for i, video in enumerate(videos)]
