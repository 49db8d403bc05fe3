import chainer
import chainer.functions as F
import chainer.links as L


class VideoGeneratorInitUniform(chainer.Chain):
    uniform = True

    def __init__(self, z_slow_dim, z_fast_dim, out_channels, bottom_width, conv_ch=512,
                 wscale=0.01):
        super().__init__()
        self.half = (conv_ch // 2, bottom_width, bottom_width)
        initialW = chainer.initializers.Uniform(wscale) if self.uniform else None
        flat = conv_ch // 2 * bottom_width ** 2
        widths = [conv_ch // 2 ** i for i in range(5)]
        for which, width in (('s', z_slow_dim), ('f', z_fast_dim)):
            self.add_link('l0' + which, L.Linear(width, flat, nobias=True, initialW=initialW))
        for i in range(1, 5):
            self.add_link(f'dc{i}', L.Deconvolution2D(
                widths[i - 1], widths[i], 4, 2, 1, nobias=True, initialW=initialW))
        self.add_link('dc5', L.Deconvolution2D(widths[4], out_channels, 3, 1, 1, initialW=initialW))
        for i, width in [('0s', flat), ('0f', flat), *list(enumerate(widths))[1:]]:
            self.add_link(f'bn{i}', L.BatchNormalization(width))

    def __call__(self, z_slow, z_fast):
        slow = F.reshape(F.relu(self.bn0s(self.l0s(z_slow))), (z_slow.shape[0],) + self.half)
        fast = F.reshape(F.relu(self.bn0f(self.l0f(z_fast))), (z_fast.shape[0],) + self.half)
        h = F.concat([slow, fast])
        for i in range(1, 5):
            h = F.relu(self[f'bn{i}'](self[f'dc{i}'](h)))
        return F.tanh(self.dc5(h))


class VideoGeneratorInitDefault(VideoGeneratorInitUniform):
    uniform = False
