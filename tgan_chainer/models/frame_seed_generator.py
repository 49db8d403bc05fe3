"""G0, the temporal generator: one z_slow becomes a z_fast for each frame (paper §3.1, Table 1)."""
import chainer
import chainer.functions as F
from chainer import initializers

from tgan_chainer.functions import relu
from tgan_chainer.links import BatchNormalization, DeconvolutionND
from tgan_chainer.models.sampling import Latent

N_FRAMES = 16    #: Frames that G0's layers make: 1 -> 1 -> 2 -> 4 -> 8 -> 16.


class FrameSeedGenerator(chainer.Chain):
    """G0: z_slow (B, z_slow_dim) -> z_fast (B, z_fast_dim, 16) in [-1, 1].

    Five 1-D deconvolutions with biases (paper Table 1; keys as in the authors' code, FACTS §2).

    Args:
        n_frames: 16, else a ValueError: the layers make no other number.
        z_slow_dim, z_fast_dim: Lengths of z_slow, and of z_fast of one frame.
        initialW: Initialiser of the weights; None is Chainer's default, LeCunNormal.
        latent: What z_slow is drawn from.
    """

    n_categories = 0
    use_beta = True    # whether batch normalisation shifts its output

    def __init__(self, n_frames: int = N_FRAMES, z_slow_dim: int = 256, z_fast_dim: int = 256,
                 initialW=None, latent: Latent = 'uniform'):
        super().__init__()
        if n_frames != N_FRAMES:
            raise ValueError(
                f'n_frames is {n_frames}, but the layers of G0 make {N_FRAMES} frames')
        self.n_frames = n_frames
        self.z_slow_dim = z_slow_dim
        self.z_fast_dim = z_fast_dim
        self.latent = latent
        w = {'initialW': initialW}
        # The order of creation is the authors': one seed gives their bytes.
        with self.init_scope():
            self.dc0 = DeconvolutionND(1, z_slow_dim, 512, 1, 1, 0, **w)
            self.dc1 = DeconvolutionND(1, 512, 256, 4, 2, 1, **w)
            self.dc2 = DeconvolutionND(1, 256, 128, 4, 2, 1, **w)
            self.dc3 = DeconvolutionND(1, 128, 128, 4, 2, 1, **w)
            self.dc4 = DeconvolutionND(1, 128, z_fast_dim, 4, 2, 1, **w)
            self.bn0 = BatchNormalization(512, use_beta=self.use_beta)
            self.bn1 = BatchNormalization(256, use_beta=self.use_beta)
            self.bn2 = BatchNormalization(128, use_beta=self.use_beta)
            self.bn3 = BatchNormalization(128, use_beta=self.use_beta)

    def forward(self, z_slow):
        h = F.reshape(z_slow, (*z_slow.shape, 1))
        h = self.bn0(self.dc0(h), activation=relu)
        h = self.bn1(self.dc1(h), activation=relu)
        h = self.bn2(self.dc2(h), activation=relu)
        h = self.bn3(self.dc3(h), activation=relu)
        return F.tanh(self.dc4(h))


class FrameSeedGeneratorInitUniform(FrameSeedGenerator):
    """G0 with beta; weights drawn from U(-wscale, wscale)."""

    def __init__(self, n_frames: int = N_FRAMES, z_slow_dim: int = 256, z_fast_dim: int = 256,
                 wscale: float = 0.01, latent: Latent = 'uniform'):
        super().__init__(
            n_frames, z_slow_dim, z_fast_dim, initializers.Uniform(wscale), latent=latent)


class FrameSeedGeneratorInitDefault(FrameSeedGenerator):
    """G0 with beta; weights drawn by Chainer's default, LeCunNormal."""

    def __init__(self, n_frames: int = N_FRAMES, z_slow_dim: int = 256, z_fast_dim: int = 256,
                 latent: Latent = 'uniform'):
        super().__init__(n_frames, z_slow_dim, z_fast_dim, latent=latent)


class FrameSeedGeneratorNoBetaInitUniform(FrameSeedGeneratorInitUniform):
    """G0 without beta, as in the paper; weights drawn from U(-wscale, wscale)."""

    use_beta = False


class FrameSeedGeneratorNoBetaInitDefault(FrameSeedGeneratorInitDefault):
    """G0 without beta, as in the paper; weights drawn by Chainer's default, LeCunNormal."""

    use_beta = False
