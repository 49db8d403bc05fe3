import chainer
import chainer.functions as F
import chainer.links as L


class G0(chainer.Chain):

    def __init__(self, z_slow_dim, z_fast_dim, initialW=None, use_beta=True):
        super().__init__()
        self.z_slow_dim = z_slow_dim
        self.z_fast_dim = z_fast_dim
        widths = [z_slow_dim, 512, 256, 128, 128, z_fast_dim]
        with self.init_scope():
            for i in range(5):
                kernel = (4, 2, 1) if i else (1, 1, 0)
                setattr(self, f'dc{i}', L.DeconvolutionND(
                    1, widths[i], widths[i + 1], *kernel, initialW=initialW))
            for i in range(4):
                setattr(self, f'bn{i}', L.BatchNormalization(widths[i + 1], use_beta=use_beta))

    def __call__(self, z_slow):
        h = F.reshape(z_slow, z_slow.shape + (1,))
        for deconvolution, norm in [(self.dc0, self.bn0), (self.dc1, self.bn1),
                                    (self.dc2, self.bn2), (self.dc3, self.bn3)]:
            h = F.relu(norm(deconvolution(h)))
        return F.tanh(self.dc4(h))


class FrameSeedGeneratorInitUniform(G0):

    def __init__(self, n_frames=16, z_slow_dim=256, z_fast_dim=256, wscale=0.01):
        super().__init__(z_slow_dim, z_fast_dim, chainer.initializers.Uniform(wscale))


class FrameSeedGeneratorInitDefault(G0):

    def __init__(self, n_frames=16, z_slow_dim=256, z_fast_dim=256):
        super().__init__(z_slow_dim, z_fast_dim)


class FrameSeedGeneratorNoBetaInitUniform(G0):

    def __init__(self, n_frames=16, z_slow_dim=256, z_fast_dim=256, wscale=0.01):
        super().__init__(z_slow_dim, z_fast_dim, chainer.initializers.Uniform(wscale), False)


class FrameSeedGeneratorNoBetaInitDefault(G0):

    def __init__(self, n_frames=16, z_slow_dim=256, z_fast_dim=256):
        super().__init__(z_slow_dim, z_fast_dim, None, False)
