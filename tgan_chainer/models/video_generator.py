"""G1, the image generator: z_slow and the z_fast of one frame become that frame (paper Table 1)."""
import chainer
import chainer.functions as F
import numpy as np
from chainer import initializers

from tgan_chainer.functions import relu
from tgan_chainer.links import BatchNormalization, Deconvolution2D, Linear


class ImageGenerator(chainer.Chain):
    """Base of G1: linear branches make a feature map, deconvolutions make it a frame.

    Four deconvolutions double the size, a fifth keeps it and ends in tanh (paper Table 1). A
    subclass creates its branches, calls :meth:`_add_deconvolutions`, and defines ``forward`` by
    :meth:`_branch` and :meth:`_frames`.

    Args:
        out_channels: Channels of a frame.
        bottom_width: Width w of the first feature map; 4 makes frames of 64 x 64.
        conv_ch: Twice the channels that the first deconvolution makes, a multiple of 16.

    Raises:
        ValueError: ``conv_ch`` is not a positive multiple of 16.
    """

    n_categories = 0

    def __init__(self, out_channels: int, bottom_width: int, conv_ch: int):
        super().__init__()
        if conv_ch < 16 or conv_ch % 16:
            raise ValueError(
                f'conv_ch is {conv_ch}, but it is halved four times: expected a multiple of 16')
        self.out_channels = out_channels
        self.bottom_width = bottom_width
        self.conv_ch = conv_ch

    def _add_deconvolutions(self, in_ch, initialW, background=0.0):
        """Create the layers from a feature map of ``in_ch`` channels to the frame."""
        ch, w = self.conv_ch, {'initialW': initialW}
        with self.init_scope():
            self.dc1 = Deconvolution2D(in_ch, ch // 2, 4, 2, 1, nobias=True, **w)
            self.dc2 = Deconvolution2D(ch // 2, ch // 4, 4, 2, 1, nobias=True, **w)
            self.dc3 = Deconvolution2D(ch // 4, ch // 8, 4, 2, 1, nobias=True, **w)
            self.dc4 = Deconvolution2D(ch // 8, ch // 16, 4, 2, 1, nobias=True, **w)
            self.dc5 = Deconvolution2D(ch // 16, self.out_channels, 3, 1, 1, **w)
            self.bn1 = BatchNormalization(ch // 2)
            self.bn2 = BatchNormalization(ch // 4)
            self.bn3 = BatchNormalization(ch // 8)
            self.bn4 = BatchNormalization(ch // 16)
        begin_with(background, self.dc5)

    def _branch(self, linear, bn, x):
        """x (N, K) -> feature map (N, width of the branch, w, w)."""
        h = bn(linear(x), activation=relu)
        return F.reshape(h, (len(h), -1, self.bottom_width, self.bottom_width))

    def _frames(self, h):
        """Feature map (N, in_ch, w, w) -> frames (N, out_channels, 16 w, 16 w) in [-1, 1]."""
        h = self.bn1(self.dc1(h), activation=relu)
        h = self.bn2(self.dc2(h), activation=relu)
        h = self.bn3(self.dc3(h), activation=relu)
        h = self.bn4(self.dc4(h), activation=relu)
        return F.tanh(self.dc5(h))


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
        z_slow_dim, z_fast_dim: Lengths of z_slow and z_fast.
        out_channels, bottom_width, conv_ch: See :class:`ImageGenerator`.
        initialW: Initialiser of the weights; None is Chainer's default, LeCunNormal.
        background: Brightness around which frames begin, see :func:`begin_with`.
    """

    def __init__(self, z_slow_dim: int, z_fast_dim: int, out_channels: int, bottom_width: int,
                 conv_ch: int = 512, initialW=None, background: float = 0.0):
        super().__init__(out_channels, bottom_width, conv_ch)
        self.z_slow_dim = z_slow_dim
        self.z_fast_dim = z_fast_dim
        flat = conv_ch // 2 * bottom_width ** 2
        w = {'initialW': initialW}
        # The order of creation is the authors': one seed gives their bytes.
        with self.init_scope():
            self.l0s = Linear(z_slow_dim, flat, nobias=True, **w)
            self.l0f = Linear(z_fast_dim, flat, nobias=True, **w)
            self.bn0s = BatchNormalization(flat)
            self.bn0f = BatchNormalization(flat)
        self._add_deconvolutions(conv_ch, initialW, background)

    def forward(self, z_slow, z_fast):
        return self._frames(F.concat((self._branch(self.l0s, self.bn0s, z_slow),
                                      self._branch(self.l0f, self.bn0f, z_fast)), axis=1))


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
