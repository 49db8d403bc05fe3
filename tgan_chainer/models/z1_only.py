"""TGAN (G1(z1) only) of the paper's Table 3, whose code was never released (FACTS §7)."""
from chainer import initializers

from tgan_chainer.models.video_generator import ImageGenerator


class VideoGeneratorZ1Only(ImageGenerator):
    """G1 without the slow branch: z_fast (B, Kf) -> frames (B, C, 16 w, 16 w) in [-1, 1].

    G0 and D are TGAN's. Assumption: the fast branch keeps its width, so that the first
    deconvolution takes conv_ch / 2 channels; ``fast_ch: 512`` would keep that layer's width.

    Args:
        fast_ch: Channels of the fast branch; None is half of ``conv_ch``. For the others see
            :class:`~.video_generator.VideoGenerator`.
    """

    def __init__(self, z_fast_dim: int, out_channels: int, bottom_width: int, conv_ch: int = 512,
                 fast_ch: int | None = None, wscale: float = 0.01, background: float = 0.0):
        fast_ch = conv_ch // 2 if fast_ch is None else fast_ch
        super().__init__(out_channels, bottom_width, conv_ch, {'f': (z_fast_dim, fast_ch)},
                         initializers.Uniform(wscale), background)
        self.z_fast_dim = z_fast_dim

    def forward(self, z_slow, z_fast):    # z_slow is not looked at
        return self._frames(z_fast)
