import chainer
import chainer.functions as F
import chainer.links as L

SLOPE = 0.2


class D(chainer.Chain):

    def __init__(self, in_channels, top_width, mid_ch, wscale=0.01, sigma=0):
        super().__init__()
        self.sigma = sigma
        initialW = chainer.initializers.Uniform(wscale) if self.uniform else None
        widths = [in_channels] + [mid_ch * 2 ** i for i in range(4)]
        for i in range(4):
            self.add_link(f'c{i}', L.ConvolutionND(
                3, widths[i], widths[i + 1], 4, 2, 1, initialW=initialW))
        self.add_link('c4', L.Convolution2D(widths[4], 1, top_width, 1, 0, initialW=initialW))
        for i in range(4):
            self.add_link(f'bn{i}', L.BatchNormalization(widths[i + 1], use_beta=self.beta))

    def activate(self, h):
        if self.sigma and chainer.config.train:
            h = h + (self.sigma * self.xp.random.randn(*h.shape)).astype(h.dtype)
        return F.leaky_relu(h, SLOPE)

    def __call__(self, x):
        h = self.activate(self.c0(x))
        for i in range(1, 4):
            h = self.activate(self[f'bn{i}'](self[f'c{i}'](h)))
        n, channels, frames, height, width = h.shape
        return self.c4(F.reshape(h, (n * frames, channels, height, width)))


for beta in ('', 'NoBeta'):
    for init in ('Uniform', 'Default'):
        name = f'VideoDiscriminator{beta}Init{init}'
        globals()[name] = type(name, (D,), {'uniform': init == 'Uniform', 'beta': not beta})


class VideoDiscriminatorNoBetaInitDefaultWithNoise(D):
    uniform = beta = False


class FrameDiscriminator(chainer.Chain):

    def __init__(self, mid_ch=64):
        super().__init__()
        widths = [None] + [mid_ch * 2 ** i for i in range(4)]
        for i in range(4):
            self.add_link(f'c{i}', L.Convolution2D(widths[i], widths[i + 1], 4, 2, 1))
        self.add_link('l4l', L.Linear(None, 1))
        for i in range(4):
            self.add_link(f'bn{i}', L.BatchNormalization(64 * 2 ** i))

    def __call__(self, x):
        h = F.leaky_relu(self.c0(x), SLOPE)
        for i in range(1, 4):
            h = F.leaky_relu(self[f'bn{i}'](self[f'c{i}'](h)), SLOPE)
        return self.l4l(h)


class VideoAndFrameDiscriminator(chainer.Chain):

    def __init__(self, in_channels, top_width, mid_ch):
        super().__init__()
        self.add_link('frame_dis', FrameDiscriminator(mid_ch))
        self.add_link('video_dis', VideoDiscriminator(in_channels, top_width, mid_ch))  # noqa: F821

    def __call__(self, x):
        of_video = self.video_dis(x)
        stacked = F.reshape(x, (len(x.data), -1) + x.shape[3:])
        return of_video, self.frame_dis(stacked)
