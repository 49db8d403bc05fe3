import chainer
import chainer.functions as F
import chainer.links as L


class G1(chainer.Chain):

    def __init__(self, z_slow_dim, z_fast_dim, out_channels, bottom_width, conv_ch, initialW=None):
        super().__init__()
        self.half = (conv_ch // 2, bottom_width, bottom_width)
        flat = conv_ch // 2 * bottom_width ** 2
        widths = [conv_ch // 2 ** i for i in range(5)]
        with self.init_scope():
            self.l0s = L.Linear(z_slow_dim, flat, nobias=True, initialW=initialW)
            self.l0f = L.Linear(z_fast_dim, flat, nobias=True, initialW=initialW)
            for i in range(1, 5):
                setattr(self, f'dc{i}', L.Deconvolution2D(
                    widths[i - 1], widths[i], 4, 2, 1, nobias=True, initialW=initialW))
            self.dc5 = L.Deconvolution2D(widths[4], out_channels, 3, 1, 1, initialW=initialW)
            self.bn0s = L.BatchNormalization(flat)
            self.bn0f = L.BatchNormalization(flat)
            for i in range(1, 5):
                setattr(self, f'bn{i}', L.BatchNormalization(widths[i]))

    def __call__(self, z_slow, z_fast):
        slow = F.relu(self.bn0s(self.l0s(z_slow)))
        slow = F.reshape(slow, (len(slow.data),) + self.half)
        fast = F.relu(self.bn0f(self.l0f(z_fast)))
        fast = F.reshape(fast, (len(fast.data),) + self.half)
        h = F.concat([slow, fast])
        for deconvolution, norm in [(self.dc1, self.bn1), (self.dc2, self.bn2),
                                    (self.dc3, self.bn3), (self.dc4, self.bn4)]:
            h = F.relu(norm(deconvolution(h)))
        return F.tanh(self.dc5(h))


class VideoGeneratorInitUniform(G1):

    def __init__(self, z_slow_dim, z_fast_dim, out_channels, bottom_width, conv_ch=512,
                 wscale=0.01):
        super().__init__(z_slow_dim, z_fast_dim, out_channels, bottom_width, conv_ch,
                         chainer.initializers.Uniform(wscale))


class VideoGeneratorInitDefault(G1):

    def __init__(self, z_slow_dim, z_fast_dim, out_channels, bottom_width, conv_ch=512,
                 wscale=0.02):
        super().__init__(z_slow_dim, z_fast_dim, out_channels, bottom_width, conv_ch)
