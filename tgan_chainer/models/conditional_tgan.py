"""Conditional TGAN (paper Table 4, Figure 7): every network is told the category of the video.

Its code was never released. The paper says what each network is given; where it leaves a layout
open, the class says what is assumed (FACTS §7). A label is an int32 that indexes the
``n_categories`` categories; v is its one-hot vector.
"""
import chainer
import chainer.functions as F
import numpy as np
from chainer import initializers

from tgan_chainer.functions import convolution_nd
from tgan_chainer.models.frame_seed_generator import (
    N_FRAMES,
    FrameSeedGeneratorNoBetaInitUniform,
)
from tgan_chainer.models.sampling import Latent
from tgan_chainer.models.video_discriminator import VideoDiscriminatorNoBetaInitUniform
from tgan_chainer.models.video_generator import ImageGenerator


class ConditionalFrameSeedGenerator(FrameSeedGeneratorNoBetaInitUniform):
    """G0 of [z_slow, v]: z_slow (B, Ks), labels (B,) -> z_fast (B, Kf, 16) in [-1, 1].

    Attributes:
        category_prior: Array (n_categories,) of float64, the probabilities from which labels are
            drawn; equal ones until a training puts those of its data there. Part of a snapshot.
    """

    def __init__(self, n_categories: int, n_frames: int = N_FRAMES, z_slow_dim: int = 256,
                 z_fast_dim: int = 256, wscale: float = 0.01, latent: Latent = 'uniform'):
        require_categories(n_categories)
        super().__init__(n_frames, z_slow_dim + n_categories, z_fast_dim, wscale, latent)
        self.n_categories = n_categories
        self.z_slow_dim = z_slow_dim
        self.add_persistent('category_prior', np.full(n_categories, 1 / n_categories))

    def forward(self, z_slow, labels):
        v = one_hot(labels, self.n_categories, z_slow.dtype)
        return super().forward(F.concat((z_slow, v), axis=1))


class ConditionalVideoGenerator(ImageGenerator):
    """G1: z_slow (B, Ks), z_fast (B, Kf), labels (B,) -> frames (B, C, 16 w, 16 w) in [-1, 1].

    v has a linear branch of its own, concatenated with the other two before the first
    deconvolution. Assumptions: it is made like the others, and as wide as each of them, so that the
    first deconvolution takes 768 channels.

    Args:
        label_ch: Channels of the label branch; None is half of ``conv_ch``. For the others see
            :class:`~.video_generator.VideoGenerator`.
    """

    def __init__(self, n_categories: int, z_slow_dim: int, z_fast_dim: int, out_channels: int,
                 bottom_width: int, conv_ch: int = 512, label_ch: int | None = None,
                 wscale: float = 0.01, background: float = 0.0):
        require_categories(n_categories)
        super().__init__(out_channels, bottom_width, conv_ch, {
            's': (z_slow_dim, conv_ch // 2), 'f': (z_fast_dim, conv_ch // 2),
            'v': (n_categories, conv_ch // 2 if label_ch is None else label_ch),
        }, initializers.Uniform(wscale), background)
        self.n_categories = n_categories
        self.z_slow_dim = z_slow_dim
        self.z_fast_dim = z_fast_dim

    def forward(self, z_slow, z_fast, labels):
        return self._frames(z_slow, z_fast, one_hot(labels, self.n_categories, z_slow.dtype))


class ConditionalVideoDiscriminator(VideoDiscriminatorNoBetaInitUniform):
    """D of video (B, C, 16, 16 w, 16 w) and labels (B,) -> score (B, 1, 1, 1), not bounded.

    v is broadcast to a voxel of n_categories channels and the size of the video, and concatenated
    with it on the channels: c0 has n_categories input channels more, and clipping sees one matrix.
    """

    def __init__(self, n_categories: int, in_channels: int, top_width: int, mid_ch: int,
                 wscale: float = 0.01):
        require_categories(n_categories)
        super().__init__(in_channels + n_categories, top_width, mid_ch, wscale)
        self.n_categories = n_categories
        self.in_channels = in_channels

    def forward(self, video, labels):
        return self._score(self._convolve(video, labels), video.shape[2:])

    def _convolve(self, video, labels):
        """c0 of the video and its voxel, without making the voxel: 101 channels of 0 or 1.

        Only one channel of a video's voxel is not 0, and that is 1 everywhere; so the kernels of
        that channel are applied to one video of ones, for all at once.
        """
        c0, n_video = self.c0, self.in_channels
        of_video = convolution_nd(video, c0.W[:, :n_video], c0.b, c0.stride, c0.pad)
        v = one_hot(labels, self.n_categories, video.dtype)
        kernels = F.reshape(F.swapaxes(c0.W[:, n_video:], 0, 1), (self.n_categories, -1))
        kernels = F.reshape(F.matmul(v, kernels), (-1, 1, *c0.W.shape[2:]))
        ones = self.xp.ones((1, 1, *video.shape[2:]), video.dtype)
        of_voxel = convolution_nd(ones, kernels, None, c0.stride, c0.pad)
        return of_video + F.reshape(of_voxel, of_video.shape)


def one_hot(labels, n_categories, dtype):
    """Labels (B,) -> (B, n_categories), 1 at the label and 0 elsewhere; an array if they are."""
    v = chainer.backend.get_array_module(labels).eye(n_categories, dtype=dtype)
    # An export gives variables: it sees functions, and no index.
    return F.embed_id(labels, v) if isinstance(labels, chainer.Variable) else v[labels]


def require_categories(n_categories):
    """A ValueError unless there is a category."""
    if n_categories < 1:
        raise ValueError(f'n_categories is {n_categories}: expected at least 1')
