import chainer
import chainer.functions as F
import chainer.links as L


class Stand(chainer.Chain):

    def __init__(self, pretrained_model='auto'):
        if pretrained_model:
            raise RuntimeError('no weights here')
        super().__init__()
        widths = [3, 64, 128, 256, 256, 512, 512, 512, 512]
        names = ['1a', '2a', '3a', '3b', '4a', '4b', '5a', '5b']
        normal = chainer.initializers.Normal
        with self.init_scope():
            for i, name in enumerate(names):
                setattr(self, 'conv' + name, L.ConvolutionND(
                    3, widths[i], widths[i + 1], 3, 1, 1, initialW=normal(0.01), initial_bias=0))
            for name, n_in, n_out in [('fc6', 8192, 4096), ('fc7', 4096, 4096),
                                      ('fc8', 4096, 101)]:
                setattr(self, name, L.Linear(
                    n_in, n_out, initialW=normal(0.005), initial_bias=1))

    def __call__(self, x, layers=('prob',)):
        h = F.max_pooling_nd(F.relu(self.conv1a(x)), (1, 2, 2), (1, 2, 2))
        h = F.max_pooling_nd(F.relu(self.conv2a(h)), 2, 2)
        h = F.max_pooling_nd(F.relu(self.conv3b(F.relu(self.conv3a(h)))), 2, 2)
        h = F.max_pooling_nd(F.relu(self.conv4b(F.relu(self.conv4a(h)))), 2, 2)
        h = F.max_pooling_nd(F.relu(self.conv5b(F.relu(self.conv5a(h)))), 2, 2)
        h = F.dropout(F.relu(self.fc6(h)))
        h = F.dropout(F.relu(self.fc7(h)))
        return {layer: {'prob': F.softmax(self.fc8(h))}[layer] for layer in layers}
