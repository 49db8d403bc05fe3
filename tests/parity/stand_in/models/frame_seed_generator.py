import chainer
import chainer.functions as F
import chainer.links as L


class G0(chainer.Chain):

    def __init__(self, n_frames=16, z_slow_dim=256, z_fast_dim=256, wscale=0.01):
        super().__init__()
        self.z_slow_dim = z_slow_dim
        initialW = chainer.initializers.Uniform(wscale) if self.uniform else None
        widths = [z_slow_dim, 512, 256, 128, 128, z_fast_dim]
        for i in range(5):
            kernel = (4, 2, 1) if i else (1, 1, 0)
            self.add_link(f'dc{i}', L.DeconvolutionND(
                1, widths[i], widths[i + 1], *kernel, initialW=initialW))
        for i in range(4):
            self.add_link(f'bn{i}', L.BatchNormalization(widths[i + 1], use_beta=self.beta))

    def __call__(self, z_slow):
        h = F.reshape(z_slow, z_slow.shape + (1,))
        for i in range(4):
            h = F.relu(self[f'bn{i}'](self[f'dc{i}'](h)))
        return F.tanh(self.dc4(h))


for beta in ('', 'NoBeta'):
    for init in ('Uniform', 'Default'):
        name = f'FrameSeedGenerator{beta}Init{init}'
        globals()[name] = type(name, (G0,), {'uniform': init == 'Uniform', 'beta': not beta})
