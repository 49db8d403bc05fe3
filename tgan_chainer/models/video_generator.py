"""G1, the image generator: z_slow and the z_fast of one frame become that frame (paper Table 1).

And what the generators of the systems without G0 (3D model, Video GAN) have in common.
"""
import chainer
import chainer.functions as F
import numpy as np
from chainer import initializers

from tgan_chainer.functions import relu
from tgan_chainer.links import BatchNormalization, Deconvolution2D, Linear
from tgan_chainer.models.frame_seed_generator import N_FRAMES
from tgan_chainer.models.sampling import Latent


class Generator(chainer.Chain):
    """What makes images or videos, and says so of itself.

    Args:
        out_channels: Channels of a frame.
        bottom_width: Width w of the first feature map; 4 makes frames of 64 x 64.
        conv_ch: A width that layers halve, a multiple of 16 or 8, else a ValueError.
    """

    n_categories = 0

    def __init__(self, out_channels, bottom_width, conv_ch, multiple):
        super().__init__()
        if conv_ch < multiple or conv_ch % multiple:
            raise ValueError(
                f'conv_ch is {conv_ch}, but layers halve it: expected a multiple of {multiple}')
        self.out_channels = out_channels
        self.bottom_width = bottom_width
        self.conv_ch = conv_ch


class ImageGenerator(Generator):
    """Base of G1: linear branches make a feature map, deconvolutions make it a frame.

    Four deconvolutions double the size, a fifth keeps it and ends in tanh (paper Table 1). A
    subclass says what its branches are, and defines ``forward`` by :meth:`_frames`.

    Args:
        out_channels, bottom_width: See :class:`Generator`.
        conv_ch: Twice the channels that the first deconvolution makes, a multiple of 16.
        branches (dict): {letter: (length of a vector, channels of the feature map made of it)};
            letter s is of the layers ``l0s`` and ``bn0s``.
        initialW: Initialiser of the weights; None is Chainer's default, LeCunNormal.
        background: Brightness around which frames begin, see :func:`begin_with`.
    """

    def __init__(self, out_channels, bottom_width, conv_ch, branches, initialW, background=0.0):
        super().__init__(out_channels, bottom_width, conv_ch, multiple=16)
        self._letters = tuple(branches)
        ch, w, in_ch = self.conv_ch, {'initialW': initialW}, 0
        # The order of creation is the authors': one seed gives their bytes.
        with self.init_scope():
            for letter, (length, channels) in branches.items():
                flat, in_ch = channels * bottom_width ** 2, in_ch + channels
                setattr(self, f'l0{letter}', Linear(length, flat, nobias=True, **w))
                setattr(self, f'bn0{letter}', BatchNormalization(flat))
            self.dc1 = Deconvolution2D(in_ch, ch // 2, 4, 2, 1, nobias=True, **w)
            self.dc2 = Deconvolution2D(ch // 2, ch // 4, 4, 2, 1, nobias=True, **w)
            self.dc3 = Deconvolution2D(ch // 4, ch // 8, 4, 2, 1, nobias=True, **w)
            self.dc4 = Deconvolution2D(ch // 8, ch // 16, 4, 2, 1, nobias=True, **w)
            self.dc5 = Deconvolution2D(ch // 16, out_channels, 3, 1, 1, **w)
            self.bn1 = BatchNormalization(ch // 2)
            self.bn2 = BatchNormalization(ch // 4)
            self.bn3 = BatchNormalization(ch // 8)
            self.bn4 = BatchNormalization(ch // 16)
        begin_with(background, self.dc5)

    def _frames(self, *vectors):
        """(N, K) for each branch, in order -> frames (N, out_channels, 16 w, 16 w) in [-1, 1]."""
        maps, width = [], self.bottom_width
        for letter, x in zip(self._letters, vectors, strict=True):
            h = self[f'bn0{letter}'](self[f'l0{letter}'](x), activation=relu)
            maps.append(F.reshape(h, (len(h), -1, width, width)))
        h = F.concat(maps, axis=1)
        h = self.bn1(self.dc1(h), activation=relu)
        h = self.bn2(self.dc2(h), activation=relu)
        h = self.bn3(self.dc3(h), activation=relu)
        h = self.bn4(self.dc4(h), activation=relu)
        return F.tanh(self.dc5(h))


class WholeVideoGenerator(Generator):
    """Base of a generator that makes a video at once: z_slow (B, Ks) -> (B, C, 16, 16 w, 16 w).

    Args:
        z_slow_dim: Length of z_slow, the only latent vector.
        out_channels, bottom_width: See :class:`Generator`.
        conv_ch: Channels of the first feature map, a multiple of 8.
        latent: What z_slow is drawn from.
    """

    n_frames = N_FRAMES

    def __init__(self, z_slow_dim: int, out_channels: int, bottom_width: int, conv_ch: int,
                 latent: Latent):
        super().__init__(out_channels, bottom_width, conv_ch, multiple=8)
        self.z_slow_dim = z_slow_dim
        self.latent = latent


def begin_with(background, *layers):
    """Give ``layers``, each of which a tanh follows, biases that make ``background`` of zeros.

    It is a brightness between -1 and 1, else a ValueError. The authors' frames begin grey, and
    reach a black background by small steps of that bias only.
    """
    if not -1 < background < 1:
        raise ValueError(f'background is {background}: expected a brightness in (-1, 1)')
    for layer in layers:
        layer.b.array[...] = np.arctanh(background)


class VideoGenerator(ImageGenerator):
    """G1: z_slow (B, Ks), z_fast (B, Kf) -> frames (B, out_channels, 16 w, 16 w) in [-1, 1].

    Each latent vector has a linear branch of its own, which makes half of the first feature map
    (paper Table 1, FACTS §2). Batch normalisation keeps beta in every variant.

    Args:
        z_slow_dim, z_fast_dim: Lengths of z_slow and z_fast. The others: :class:`ImageGenerator`'s.
    """

    def __init__(self, z_slow_dim: int, z_fast_dim: int, out_channels: int, bottom_width: int,
                 conv_ch: int = 512, initialW=None, background: float = 0.0):
        super().__init__(out_channels, bottom_width, conv_ch, {
            's': (z_slow_dim, conv_ch // 2), 'f': (z_fast_dim, conv_ch // 2)}, initialW, background)
        self.z_slow_dim = z_slow_dim
        self.z_fast_dim = z_fast_dim

    def forward(self, z_slow, z_fast):
        return self._frames(z_slow, z_fast)


class VideoGeneratorInitUniform(VideoGenerator):
    """G1 with weights drawn from U(-wscale, wscale), as in all of the authors' experiments."""

    def __init__(self, z_slow_dim: int, z_fast_dim: int, out_channels: int, bottom_width: int,
                 conv_ch: int = 512, wscale: float = 0.01, background: float = 0.0):
        super().__init__(z_slow_dim, z_fast_dim, out_channels, bottom_width, conv_ch,
                         initializers.Uniform(wscale), background)


class VideoGeneratorInitDefault(VideoGenerator):
    """G1 with weights drawn by Chainer's default; ``wscale`` is not used, as in the authors'."""

    def __init__(self, z_slow_dim: int, z_fast_dim: int, out_channels: int, bottom_width: int,
                 conv_ch: int = 512, wscale: float = 0.02):
        super().__init__(z_slow_dim, z_fast_dim, out_channels, bottom_width, conv_ch)
