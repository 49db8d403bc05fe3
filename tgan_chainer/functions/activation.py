"""ReLU and leaky ReLU on NumPy arrays, in one pass and on all threads."""
import chainer
import chainer.functions as F
import numpy as np
from chainer import function_node

from tgan_chainer.functions.choice import runs_on_cpu_kernels
from tgan_chainer.functions.cpu import parallel, samples_first, samples_last
from tgan_chainer.functions.cpu.jit import kernel


class LeakyReLU:
    """The function ``chainer.functions.leaky_relu``, or ``relu``, as a value that has its slope.

    A link that is given one as its activation can compute both in one pass.

    Args:
        slope (float): Of the negative half, in [0, 1].
    """

    def __init__(self, slope):
        self.slope = slope

    def __call__(self, x):
        """x (N, ...) -> Variable of the same shape."""
        if runs_on_cpu_kernels(x) and x.ndim > 1:
            return _LeakyReLU(self.slope).apply((x,))[0]
        return F.leaky_relu(x, self.slope) if self.slope else F.relu(x)


relu = LeakyReLU(0)


def slope_of(y, slope):
    """The derivative of the leaky ReLU whose output is y: 1, or `slope` unless y is positive."""
    return np.where(y > 0, 1, slope)


class _LeakyReLU(function_node.FunctionNode):
    def __init__(self, slope):
        self.slope = slope

    def forward_cpu(self, inputs):
        self.retain_outputs((0,))
        x = samples_last(inputs[0])
        y = np.empty_like(x)
        parallel.run_elementwise(_forward, (x, y), self.slope)
        return samples_first(y),

    def backward(self, indexes, grad_outputs):
        y, = self.get_retained_outputs()
        gy, = grad_outputs
        if chainer.config.enable_backprop:
            return gy * slope_of(y.array, self.slope).astype(y.dtype),
        y, gy = samples_last(y.array), samples_last(gy.array)
        gx = np.empty_like(gy)
        parallel.run_elementwise(_backward, (gy, y, gx), self.slope)
        return chainer.Variable(samples_first(gx)),


@kernel
def _forward(x, y, slope):
    for i in range(len(x)):
        y[i] = x[i] * slope if x[i] < 0 else x[i]


@kernel
def _backward(gy, y, gx, slope):
    for i in range(len(y)):
        gx[i] = gy[i] if y[i] > 0 else gy[i] * slope
