"""ONNX of functions that networks of users may call, and what it holds by which name."""
import chainer
import chainer.functions as F
import chainer.links as L
import numpy as np
import onnxruntime

from tgan_chainer.io.onnx_graph import to_onnx


class Network(chainer.Chain):
    """Convolutions of all kinds, arithmetic, a branch that sees no input, and two outputs."""

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.c = L.Convolution2D(4, 6, 3, stride=(2, 1), pad=(1, 2), dilate=(1, 2), groups=2)
            self.d = L.DeconvolutionND(2, 6, 2, (3, 4), stride=(2, 1), pad=(1, 0), nobias=True)

    def forward(self, x, y):
        h = F.leaky_relu(self.c(2 * (x - y) + 1), 0.1)
        return 3 - self.d(h), h * F.tanh(F.sum(self.d.W, axis=(2, 3))[:1, :1])


def test_of_a_user_s_network():
    np.random.seed(0)
    network, outputs = Network(), ['first', 'second']
    model = to_onnx(network, {name: np.zeros((2, 4, 7, 8), 'f') for name in 'xy'}, outputs)
    assert {'c/W', 'c/b', 'd/W'} <= {array.name for array in model.graph.initializer}
    inputs = {name: np.random.uniform(-1, 1, (3, 4, 7, 8)).astype('f') for name in 'xy'}
    found = onnxruntime.InferenceSession(model.SerializeToString()).run(outputs, inputs)
    for theirs, ours in zip(found, network(**inputs), strict=True):
        np.testing.assert_allclose(theirs, ours.array, rtol=1e-5, atol=1e-6)    # float32
