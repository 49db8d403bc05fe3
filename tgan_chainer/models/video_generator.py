"""G1, the image generator: z_slow and the z_fast of one frame become that frame (paper Table 1)."""
import chainer
import chainer.functions as F
from chainer import initializers

from tgan_chainer.links import BatchNormalization, Deconvolution2D, Linear


class VideoGenerator(chainer.Chain):
    """G1: z_slow (B, Ks), z_fast (B, Kf) -> frames (B, out_channels, 16 w, 16 w) in [-1, 1].

    Each latent vector has a linear branch of its own, which makes half of the first feature map;
    then four doubling deconvolutions, and one that keeps the size and ends in tanh (paper
    Table 1, FACTS §2). Batch normalisation keeps beta in every variant.

    Args:
        z_slow_dim (int): Length of z_slow.
        z_fast_dim (int): Length of z_fast.
        out_channels (int): Channels of a frame.
        bottom_width (int): Width w of the first feature map; 4 makes frames of 64 x 64.
        conv_ch (int): Channels of the first feature map, a multiple of 16.
        initialW: Initialiser of the weights; None is Chainer's default, LeCunNormal.

    Raises:
        ValueError: ``conv_ch`` is not a positive multiple of 16.
    """

    def __init__(self, z_slow_dim: int, z_fast_dim: int, out_channels: int, bottom_width: int,
                 conv_ch: int = 512, initialW=None):
        super().__init__()
        if conv_ch < 16 or conv_ch % 16:
            raise ValueError(
                f'conv_ch is {conv_ch}, but it is halved four times: expected a multiple of 16')
        self.z_slow_dim = z_slow_dim
        self.z_fast_dim = z_fast_dim
        self.out_channels = out_channels
        self.bottom_width = bottom_width
        self.conv_ch = conv_ch
        flat = conv_ch // 2 * bottom_width ** 2
        w = {'initialW': initialW}
        # The order of creation is the authors': one seed gives their bytes.
        with self.init_scope():
            self.l0s = Linear(z_slow_dim, flat, nobias=True, **w)
            self.l0f = Linear(z_fast_dim, flat, nobias=True, **w)
            self.dc1 = Deconvolution2D(conv_ch, conv_ch // 2, 4, 2, 1, nobias=True, **w)
            self.dc2 = Deconvolution2D(conv_ch // 2, conv_ch // 4, 4, 2, 1, nobias=True, **w)
            self.dc3 = Deconvolution2D(conv_ch // 4, conv_ch // 8, 4, 2, 1, nobias=True, **w)
            self.dc4 = Deconvolution2D(conv_ch // 8, conv_ch // 16, 4, 2, 1, nobias=True, **w)
            self.dc5 = Deconvolution2D(conv_ch // 16, out_channels, 3, 1, 1, **w)
            self.bn0s = BatchNormalization(flat)
            self.bn0f = BatchNormalization(flat)
            self.bn1 = BatchNormalization(conv_ch // 2)
            self.bn2 = BatchNormalization(conv_ch // 4)
            self.bn3 = BatchNormalization(conv_ch // 8)
            self.bn4 = BatchNormalization(conv_ch // 16)

    def forward(self, z_slow, z_fast):
        """z_slow (B, Ks), z_fast (B, Kf) -> frames (B, out_channels, 16 w, 16 w) in [-1, 1]."""
        slow = self._feature_map(F.relu(self.bn0s(self.l0s(z_slow))))
        fast = self._feature_map(F.relu(self.bn0f(self.l0f(z_fast))))
        h = F.concat((slow, fast), axis=1)
        h = F.relu(self.bn1(self.dc1(h)))
        h = F.relu(self.bn2(self.dc2(h)))
        h = F.relu(self.bn3(self.dc3(h)))
        h = F.relu(self.bn4(self.dc4(h)))
        return F.tanh(self.dc5(h))

    def _feature_map(self, h):
        width = self.bottom_width
        return F.reshape(h, (len(h), self.conv_ch // 2, width, width))


class VideoGeneratorInitUniform(VideoGenerator):
    """G1 with weights drawn from U(-wscale, wscale), as in all of the authors' experiments."""

    def __init__(self, z_slow_dim: int, z_fast_dim: int, out_channels: int, bottom_width: int,
                 conv_ch: int = 512, wscale: float = 0.01):
        super().__init__(z_slow_dim, z_fast_dim, out_channels, bottom_width, conv_ch,
                         initializers.Uniform(wscale))


class VideoGeneratorInitDefault(VideoGenerator):
    """G1 with weights drawn by Chainer's default, LeCunNormal.

    ``wscale`` is accepted and not used, as in the authors' class.
    """

    def __init__(self, z_slow_dim: int, z_fast_dim: int, out_channels: int, bottom_width: int,
                 conv_ch: int = 512, wscale: float = 0.02):
        super().__init__(z_slow_dim, z_fast_dim, out_channels, bottom_width, conv_ch)
