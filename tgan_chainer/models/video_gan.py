"""Video GAN (Vondrick et al. 2016) for videos of 16 frames, as the paper's Table 4 compares it.

The authors' code of this comparison was never released. Networks and initial values are those of
Vondrick et al.; for 16 frames instead of 32 the foreground's first kernel and the discriminator's
last are (1, 4, 4) instead of (2, 4, 4), which is an assumption (FACTS §7).
"""
import chainer
import chainer.functions as F
from chainer import function_node, initializers

from tgan_chainer.functions import relu
from tgan_chainer.links import BatchNormalization, Deconvolution2D, DeconvolutionND
from tgan_chainer.models.sampling import Latent
from tgan_chainer.models.video_discriminator import VideoDiscriminator
from tgan_chainer.models.video_generator import begin_with
from tgan_chainer.models.whole_video_generator import WholeVideoGenerator

WEIGHT_STD = 0.01           #: Weights are drawn from N(0, 0.01),
GAMMA_STD = 0.02            #: those of batch normalisations (gamma) from N(1, 0.02).
DISCRIMINATOR_EPS = 1e-3    #: Added to the variance by the discriminator's batch normalisations.


class VideoGANGenerator(WholeVideoGenerator):
    """Two streams: z_slow (B, Ks) -> video (B, C, 16, 16 w, 16 w) in [-1, 1].

    The background is an image b, held still; the foreground a video f with a mask m in [0, 1]; the
    video is m f + (1 - m) b.

    Args:
        mask_penalty: Weight, 0 or more, of mean |m| in the generator's loss, which keeps the
            foreground small. With a Wasserstein loss the weight is an assumption.
        background: Brightness around which both streams begin, see
            :func:`~tgan_chainer.models.video_generator.begin_with`. For the others see
            :class:`WholeVideoGenerator`.
    """

    def __init__(self, z_slow_dim: int, out_channels: int, bottom_width: int, conv_ch: int = 512,
                 mask_penalty: float = 0.1, latent: Latent = 'normal', background: float = 0.0):
        super().__init__(z_slow_dim, out_channels, bottom_width, conv_ch, latent)
        if mask_penalty < 0:
            raise ValueError(f'mask_penalty is {mask_penalty}: expected 0 or more')
        self.mask_penalty = mask_penalty
        first, widths = (bottom_width, 1, 0), (conv_ch, conv_ch // 2, conv_ch // 4, conv_ch // 8)
        w = {'initialW': initializers.Normal(WEIGHT_STD)}
        with self.init_scope():
            self.b0 = Deconvolution2D(z_slow_dim, widths[0], *first, **w)
            self.b1 = Deconvolution2D(widths[0], widths[1], 4, 2, 1, **w)
            self.b2 = Deconvolution2D(widths[1], widths[2], 4, 2, 1, **w)
            self.b3 = Deconvolution2D(widths[2], widths[3], 4, 2, 1, **w)
            self.b4 = Deconvolution2D(widths[3], out_channels, 4, 2, 1, **w)
            self.f0 = DeconvolutionND(
                3, z_slow_dim, widths[0], (1, bottom_width, bottom_width), 1, 0, **w)
            self.f1 = DeconvolutionND(3, widths[0], widths[1], 4, 2, 1, **w)
            self.f2 = DeconvolutionND(3, widths[1], widths[2], 4, 2, 1, **w)
            self.f3 = DeconvolutionND(3, widths[2], widths[3], 4, 2, 1, **w)
            self.f4 = DeconvolutionND(3, widths[3], out_channels, 4, 2, 1, **w)
            self.m4 = DeconvolutionND(3, widths[3], 1, 4, 2, 1, **w)
            for i, width in enumerate(widths):
                setattr(self, f'bnb{i}', _drawn(BatchNormalization(width)))
                setattr(self, f'bnf{i}', _drawn(BatchNormalization(width)))
        begin_with(background, self.b4, self.f4)

    def forward(self, z_slow):
        background = F.expand_dims(self._background(z_slow), 2)
        foreground, mask = self._foreground(z_slow)
        if self.mask_penalty and chainer.config.train:
            mask = penalize(mask, self.mask_penalty)    # a sigmoid: |m| is m
            chainer.report({'penalty': self.mask_penalty * F.mean(mask.array)}, self)
        return mask * foreground + (1 - mask) * background

    def _background(self, z_slow):
        """z_slow (B, Ks) -> image (B, C, 16 w, 16 w) in [-1, 1]."""
        h = F.reshape(z_slow, (*z_slow.shape, 1, 1))
        h = self.bnb0(self.b0(h), activation=relu)
        h = self.bnb1(self.b1(h), activation=relu)
        h = self.bnb2(self.b2(h), activation=relu)
        h = self.bnb3(self.b3(h), activation=relu)
        return F.tanh(self.b4(h))

    def _foreground(self, z_slow):
        """z_slow (B, Ks) -> video (B, C, 16, 16 w, 16 w) in [-1, 1], mask (B, 1, ...) in [0, 1]."""
        h = F.reshape(z_slow, (*z_slow.shape, 1, 1, 1))
        h = self.bnf0(self.f0(h), activation=relu)
        h = self.bnf1(self.f1(h), activation=relu)
        h = self.bnf2(self.f2(h), activation=relu)
        h = self.bnf3(self.f3(h), activation=relu)
        return F.tanh(self.f4(h)), F.sigmoid(self.m4(h))


class VideoGANDiscriminator(VideoDiscriminator):
    """TGAN's D with beta (:mod:`.model_3d` says why); initial values and eps are Video GAN's."""

    def __init__(self, in_channels: int, top_width: int, mid_ch: int = 64):
        super().__init__(in_channels, top_width, mid_ch, initializers.Normal(WEIGHT_STD))
        for bn in (self.bn1, self.bn2, self.bn3):
            _drawn(bn).eps = DISCRIMINATOR_EPS


def penalize(x, weight):
    """``x``; what is backpropagated through it gains the gradient of ``weight * mean(x)``.

    So no updater need know of it, as with Torch's ``L1Penalty``.
    """
    return _Penalty(weight).apply((x,))[0]


class _Penalty(function_node.FunctionNode):
    def __init__(self, weight):
        self.weight = weight

    def forward(self, inputs):
        return inputs

    def backward(self, indexes, grad_outputs):
        gy, = grad_outputs
        return gy + self.weight / gy.size,


def _drawn(bn):
    """``bn`` with its weight drawn from N(1, 0.02)."""
    initializers.Normal(GAMMA_STD)(bn.gamma.array)
    bn.gamma.array += 1
    return bn
