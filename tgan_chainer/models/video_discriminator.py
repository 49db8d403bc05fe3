"""D, the critic of a whole video (paper Table 1), and the authors' critic of stacked frames."""
import chainer
import chainer.functions as F
from chainer import initializers

from tgan_chainer.functions import LeakyReLU
from tgan_chainer.links import BatchNormalization, Convolution2D, ConvolutionND, Linear

leaky_relu = LeakyReLU(0.2)    #: Of this slope in every layer (paper Table 1).


class VideoDiscriminator(chainer.Chain):
    """D: video (B, C, 16, 16 w, 16 w) in [-1, 1] -> score (B, 1, 1, 1), not bounded.

    Four 3-D convolutions that halve time and space, then a 2-D one over what is left (paper
    Table 1, FACTS §2). ``bn0`` exists since the authors' snapshots have it, and is never called.

    Args:
        in_channels: Channels of a frame.
        top_width: Width w of the last feature map; 4 for frames of 64 x 64.
        mid_ch: Channels after the first convolution.
        initialW: Initialiser of the weights; None is Chainer's default, LeCunNormal.
        sigma: Standard deviation of the Gaussian noise added before each leaky ReLU in train mode.
    """

    n_categories = 0
    returns_pair = False    # of scores: an updater takes either one a video or a pair
    use_beta = True         # whether batch normalisation shifts its output

    def __init__(self, in_channels: int, top_width: int, mid_ch: int, initialW=None,
                 sigma: float = 0.0):
        super().__init__()
        if mid_ch < 1:
            raise ValueError(f'mid_ch is {mid_ch}: expected at least 1')
        self.in_channels = in_channels
        self.top_width = top_width
        self.mid_ch = mid_ch
        self.sigma = sigma
        w = {'initialW': initialW}
        # The order of creation is the authors': one seed gives their bytes.
        with self.init_scope():
            self.c0 = ConvolutionND(3, in_channels, mid_ch, 4, 2, 1, **w)
            self.c1 = ConvolutionND(3, mid_ch, mid_ch * 2, 4, 2, 1, **w)
            self.c2 = ConvolutionND(3, mid_ch * 2, mid_ch * 4, 4, 2, 1, **w)
            self.c3 = ConvolutionND(3, mid_ch * 4, mid_ch * 8, 4, 2, 1, **w)
            self.c4 = Convolution2D(mid_ch * 8, 1, top_width, 1, 0, **w)
            self.bn0 = BatchNormalization(mid_ch, use_beta=self.use_beta)
            self.bn1 = BatchNormalization(mid_ch * 2, use_beta=self.use_beta)
            self.bn2 = BatchNormalization(mid_ch * 4, use_beta=self.use_beta)
            self.bn3 = BatchNormalization(mid_ch * 8, use_beta=self.use_beta)

    def forward(self, video):
        """Score of a video; a ValueError if its time or space does not shrink to (1, w, w)."""
        return self._score(self.c0(video), video.shape[2:])

    def _score(self, h, size):
        """Score of what c0 makes of a video of ``size`` (T, H, W)."""
        activation = self._noisy_leaky_relu if self.sigma and chainer.config.train else leaky_relu
        h = activation(h)
        h = self.bn1(self.c1(h), activation)
        h = self.bn2(self.c2(h), activation)
        h = self.bn3(self.c3(h), activation)
        if h.shape[2:] != (1, self.top_width, self.top_width):
            side = 16 * self.top_width
            raise ValueError(
                f'D got a video of (T, H, W) = {size}, expected (16, {side}, {side})')
        h = F.reshape(h, (h.shape[0] * h.shape[2], h.shape[1], *h.shape[3:]))
        return self.c4(h)

    def _noisy_leaky_relu(self, h):
        noise = self.sigma * self.xp.random.randn(*h.shape)
        return leaky_relu(h + noise.astype(h.dtype, copy=False))


class VideoDiscriminatorInitUniform(VideoDiscriminator):
    """D with beta; weights drawn from U(-wscale, wscale)."""

    def __init__(self, in_channels: int, top_width: int, mid_ch: int, wscale: float = 0.01):
        super().__init__(in_channels, top_width, mid_ch, initializers.Uniform(wscale))


class VideoDiscriminatorInitDefault(VideoDiscriminator):
    """D with beta; weights drawn by Chainer's default, LeCunNormal."""

    def __init__(self, in_channels: int, top_width: int, mid_ch: int):
        super().__init__(in_channels, top_width, mid_ch)


class VideoDiscriminatorNoBetaInitUniform(VideoDiscriminatorInitUniform):
    """D without beta, as in the paper; weights drawn from U(-wscale, wscale)."""

    use_beta = False


class VideoDiscriminatorNoBetaInitDefault(VideoDiscriminatorInitDefault):
    """D without beta, as in the paper; weights drawn by Chainer's default, LeCunNormal."""

    use_beta = False


class VideoDiscriminatorNoBetaInitDefaultWithNoise(VideoDiscriminator):
    """D without beta whose features are disturbed in train mode, for the vanilla GAN."""

    use_beta = False

    def __init__(self, in_channels: int, top_width: int, mid_ch: int, sigma: float):
        super().__init__(in_channels, top_width, mid_ch, sigma=sigma)


class FrameDiscriminator(chainer.Chain):
    """Critic of stacked frames: frames (B, C T, H, W) in [-1, 1] -> score (B, 1), not bounded.

    The sizes that the frames decide are found at the first call; ``bn0`` is never called (FACTS
    §10). The authors' class runs with ``mid_ch`` = 64 alone, to which its normalisations are fixed.
    """

    def __init__(self, mid_ch: int = 64):
        super().__init__()
        # The authors' order: what has its size here is drawn here, c0 and l4l at the first call.
        with self.init_scope():
            self.c0 = Convolution2D(None, mid_ch, 4, 2, 1)
            self.c1 = Convolution2D(mid_ch, mid_ch * 2, 4, 2, 1)
            self.c2 = Convolution2D(mid_ch * 2, mid_ch * 4, 4, 2, 1)
            self.c3 = Convolution2D(mid_ch * 4, mid_ch * 8, 4, 2, 1)
            self.l4l = Linear(None, 1)
            self.bn0 = BatchNormalization(mid_ch)
            self.bn1 = BatchNormalization(mid_ch * 2)
            self.bn2 = BatchNormalization(mid_ch * 4)
            self.bn3 = BatchNormalization(mid_ch * 8)

    def forward(self, frames):
        h = leaky_relu(self.c0(frames))
        h = self.bn1(self.c1(h), activation=leaky_relu)
        h = self.bn2(self.c2(h), activation=leaky_relu)
        h = self.bn3(self.c3(h), activation=leaky_relu)
        return self.l4l(h)


class VideoAndFrameDiscriminator(chainer.Chain):
    """Two critics: video (B, C, 16, 16 w, 16 w) -> scores (B, 1, 1, 1) and, of frames, (B, 1).

    For ``TGANUpdaterWGANVideoFrameDis``. The authors' class calls a ``VideoDiscriminator`` that
    their module does not define (FACTS §9); here that is ours of this name, with beta and Chainer's
    default weights, as their frame critic has them.
    """

    n_categories = 0
    returns_pair = True

    def __init__(self, in_channels: int, top_width: int, mid_ch: int):
        super().__init__()
        self.in_channels = in_channels
        self.top_width = top_width
        with self.init_scope():
            self.frame_dis = FrameDiscriminator(mid_ch)
            self.video_dis = VideoDiscriminator(in_channels, top_width, mid_ch)

    def forward(self, video):
        batch, channels, frames, height, width = video.shape
        of_video = self.video_dis(video)
        stacked = F.reshape(video, (batch, channels * frames, height, width))
        return of_video, self.frame_dis(stacked)
