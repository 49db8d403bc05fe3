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
        for i, name in enumerate(names):
            self.add_link('conv' + name, L.ConvolutionND(
                3, widths[i], widths[i + 1], 3, 1, 1, initialW=normal(0.01), initial_bias=0))
        for name, n_in, n_out in ('fc6', 8192, 4096), ('fc7', 4096, 4096), ('fc8', 4096, 101):
            self.add_link(name, L.Linear(n_in, n_out, initialW=normal(0.005), initial_bias=1))
        pools = {'1a': (1, 2, 2), '2a': 2, '3b': 2, '4b': 2, '5b': 2}
        self.steps = []
        for name in names:
            self.steps.append(('conv' + name, self['conv' + name], F.relu))
            if name in pools:
                self.steps.append(('pool' + name[0], lambda x, size=pools[name]: F.max_pooling_nd(
                    x, size, size)))
        self.steps += [(name, self[name], F.relu, F.dropout) for name in ('fc6', 'fc7')]
        self.steps += [('fc8', self.fc8), ('prob', F.softmax)]

    def __call__(self, x, layers=('prob',)):
        found = {}
        for name, *functions in self.steps:
            for function in functions:
                x = function(x)
            found[name] = x
        return {name: found[name] for name in layers}
