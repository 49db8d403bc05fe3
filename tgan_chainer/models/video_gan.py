"""Video GAN (Vondrick et al. 2016) for videos of 16 frames, as the paper's Table 4 compares it.

The authors' code of this comparison was never released. Networks and initial values are those of
Vondrick et al.; for 16 frames instead of 32 the foreground's first kernel and the discriminator's
last are (1, 4, 4) instead of (2, 4, 4), which is an assumption (FACTS §7).
"""
import itertools

import chainer
import chainer.functions as F
from chainer import function_node, initializers

from tgan_chainer.functions import relu
from tgan_chainer.links import BatchNormalization, Deconvolution2D, DeconvolutionND
from tgan_chainer.models.sampling import Latent
from tgan_chainer.models.video_discriminator import VideoDiscriminator
from tgan_chainer.models.video_generator import WholeVideoGenerator, begin_with

WEIGHT_STD = 0.01    #: Weights are drawn from N(0, 0.01), those of normalisations apart.


class VideoGANGenerator(WholeVideoGenerator):
    """Two streams: z_slow (B, Ks) -> video (B, C, 16, 16 w, 16 w) in [-1, 1].

    The background is an image b, held still; the foreground a video f with a mask m in [0, 1]; the
    video is m f + (1 - m) b.

    Args:
        mask_penalty: Weight, 0 or more, of mean |m| in the generator's loss, which keeps the
            foreground small. With a Wasserstein loss the weight is an assumption.
        background: See :func:`.begin_with`; for the others :class:`WholeVideoGenerator`.
    """

    def __init__(self, z_slow_dim: int, out_channels: int, bottom_width: int, conv_ch: int = 512,
                 mask_penalty: float = 0.1, latent: Latent = 'normal', background: float = 0.0):
        super().__init__(z_slow_dim, out_channels, bottom_width, conv_ch, latent)
        if mask_penalty < 0:
            raise ValueError(f'mask_penalty is {mask_penalty}: expected 0 or more')
        self.mask_penalty = mask_penalty
        pairs = list(itertools.pairwise([*(conv_ch >> i for i in range(4)), out_channels]))
        w = {'initialW': initializers.Normal(WEIGHT_STD)}
        with self.init_scope():
            self.b0 = Deconvolution2D(z_slow_dim, conv_ch, bottom_width, 1, 0, **w)
            for i, (given, made) in enumerate(pairs, 1):
                setattr(self, f'b{i}', Deconvolution2D(given, made, 4, 2, 1, **w))
            self.f0 = DeconvolutionND(
                3, z_slow_dim, conv_ch, (1, bottom_width, bottom_width), 1, 0, **w)
            for i, (given, made) in enumerate(pairs, 1):
                setattr(self, f'f{i}', DeconvolutionND(3, given, made, 4, 2, 1, **w))
            self.m4 = DeconvolutionND(3, conv_ch // 8, 1, 4, 2, 1, **w)
            for i in range(4):
                for stream in 'bf':
                    setattr(self, f'bn{stream}{i}', _drawn(BatchNormalization(conv_ch >> i)))
        begin_with(background, self.b4, self.f4)

    def forward(self, z_slow):
        background = F.expand_dims(F.tanh(self.b4(self._features('b', z_slow))), 2)
        h = self._features('f', z_slow)
        foreground, mask = F.tanh(self.f4(h)), F.sigmoid(self.m4(h))
        if self.mask_penalty and chainer.config.train:
            mask = _Penalty(self.mask_penalty).apply((mask,))[0]    # a sigmoid: |m| is m
            chainer.report({'penalty': self.mask_penalty * F.mean(mask.array)}, self)
        return mask * foreground + (1 - mask) * background

    def _features(self, stream, z_slow):
        """What the last layers of the background 'b' or of the foreground 'f' are given."""
        h = F.reshape(z_slow, (*z_slow.shape, *(1,) * (self[f'{stream}0'].W.ndim - 2)))
        for i in range(4):
            h = self[f'bn{stream}{i}'](self[f'{stream}{i}'](h), activation=relu)
        return h


class VideoGANDiscriminator(VideoDiscriminator):
    """TGAN's D with beta (:mod:`.model_3d` says why); initial values and eps are Video GAN's."""

    def __init__(self, in_channels: int, top_width: int, mid_ch: int = 64):
        super().__init__(in_channels, top_width, mid_ch, initializers.Normal(WEIGHT_STD))
        for bn in (self.bn1, self.bn2, self.bn3):
            _drawn(bn).eps = 1e-3


class _Penalty(function_node.FunctionNode):
    """x; what is backpropagated through it gains the gradient of ``weight * mean(x)``.

    So no updater need know of it, as with Torch's ``L1Penalty``.
    """

    def __init__(self, weight):
        self.weight = weight

    def forward(self, inputs):
        return inputs

    def backward(self, indexes, grad_outputs):
        gy, = grad_outputs
        return gy + self.weight / gy.size,


def _drawn(bn):
    """``bn`` with its weight drawn from N(1, 0.02)."""
    initializers.Normal(0.02)(bn.gamma.array)
    bn.gamma.array += 1
    return bn
