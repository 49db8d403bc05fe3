"""The paper's 3D model (Tables 3 and 4): a generator of 3-D deconvolutions, without G0 and G1.

Its code was never released. The paper names one linear layer and four 3-D deconvolutions for the
generator, five 3-D convolutions for the discriminator; all else is an assumption (FACTS §7).

The discriminator is TGAN's D: after its four 3-D convolutions one frame is left, over which a fifth
of kernel (1, 4, 4) is D's 2-D convolution of kernel (4, 4), weight for weight. Singular value
clipping sees the same matrix either way.
"""
import chainer.functions as F
from chainer import initializers

from tgan_chainer.functions import relu
from tgan_chainer.links import BatchNormalization, DeconvolutionND, Linear
from tgan_chainer.models.sampling import Latent
from tgan_chainer.models.video_generator import WholeVideoGenerator, begin_with


class VideoGenerator3D(WholeVideoGenerator):
    """Generator of the 3D model: z_slow (B, Ks) -> video (B, C, 16, 16 w, 16 w) in [-1, 1].

    A linear layer makes one frame of conv_ch feature maps; four 3-D deconvolutions double time and
    space each. Assumptions, the habits of the authors' G1: widths, kernels, biases, normalisation
    with beta, activations, and weights from U(-wscale, wscale).

    Args: as of :class:`WholeVideoGenerator`, and ``background`` of :func:`.begin_with`.
    """

    def __init__(self, z_slow_dim: int, out_channels: int, bottom_width: int, conv_ch: int = 512,
                 wscale: float = 0.01, latent: Latent = 'uniform', background: float = 0.0):
        super().__init__(z_slow_dim, out_channels, bottom_width, conv_ch, latent)
        flat = conv_ch * bottom_width ** 2
        w = {'initialW': initializers.Uniform(wscale)}
        with self.init_scope():
            self.l0 = Linear(z_slow_dim, flat, nobias=True, **w)
            self.dc1 = DeconvolutionND(3, conv_ch, conv_ch // 2, 4, 2, 1, nobias=True, **w)
            self.dc2 = DeconvolutionND(3, conv_ch // 2, conv_ch // 4, 4, 2, 1, nobias=True, **w)
            self.dc3 = DeconvolutionND(3, conv_ch // 4, conv_ch // 8, 4, 2, 1, nobias=True, **w)
            self.dc4 = DeconvolutionND(3, conv_ch // 8, out_channels, 4, 2, 1, **w)
            self.bn0 = BatchNormalization(flat)
            self.bn1 = BatchNormalization(conv_ch // 2)
            self.bn2 = BatchNormalization(conv_ch // 4)
            self.bn3 = BatchNormalization(conv_ch // 8)
        begin_with(background, self.dc4)

    def forward(self, z_slow):
        width = self.bottom_width
        h = self.bn0(self.l0(z_slow), activation=relu)
        h = F.reshape(h, (len(h), self.conv_ch, 1, width, width))
        h = self.bn1(self.dc1(h), activation=relu)
        h = self.bn2(self.dc2(h), activation=relu)
        h = self.bn3(self.dc3(h), activation=relu)
        return F.tanh(self.dc4(h))
