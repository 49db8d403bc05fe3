"""What the generators of the systems without G0 have in common (3D model, Video GAN)."""
import chainer

from tgan_chainer.models.frame_seed_generator import N_FRAMES
from tgan_chainer.models.sampling import Latent


class WholeVideoGenerator(chainer.Chain):
    """Base of a generator that makes a video at once: z_slow (B, Ks) -> (B, C, 16, 16 w, 16 w).

    Args:
        z_slow_dim: Length of z_slow, the only latent vector.
        out_channels: Channels of a frame.
        bottom_width: Width w of the first feature map; 4 makes frames of 64 x 64.
        conv_ch: Channels of the first feature map, a multiple of 8.
        latent: What z_slow is drawn from.

    Raises:
        ValueError: ``conv_ch`` is not a positive multiple of 8.
    """

    n_frames = N_FRAMES
    n_categories = 0

    def __init__(self, z_slow_dim: int, out_channels: int, bottom_width: int, conv_ch: int,
                 latent: Latent):
        super().__init__()
        if conv_ch < 8 or conv_ch % 8:
            raise ValueError(
                f'conv_ch is {conv_ch}, but it is halved three times: expected a multiple of 8')
        self.z_slow_dim = z_slow_dim
        self.out_channels = out_channels
        self.bottom_width = bottom_width
        self.conv_ch = conv_ch
        self.latent = latent
