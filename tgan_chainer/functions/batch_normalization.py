"""Batch normalisation and the activation after it on NumPy arrays, in one function.

With the samples last in memory (:mod:`~tgan_chainer.functions.cpu`) a channel is one run.
Each is read twice for its statistics, in cache, then once for the result; no temporary array is
made, and what is kept for the backward pass is the input and the output only.
"""
import chainer
import chainer.functions as F
import numpy as np
from chainer import function_node

from tgan_chainer.functions.activation import slope_of
from tgan_chainer.functions.cpu import parallel, samples_first, samples_last
from tgan_chainer.functions.cpu.jit import kernel

# Elements that are summed in the arrays' own precision before they are added to a double.
_SUM_LENGTH = 1024


def batch_normalization(x, gamma, beta, eps, running_mean, running_var, decay, slope=1):
    """Train mode: ``leaky_relu(chainer.functions.batch_normalization(x, ...), slope)``.

    Args:
        x (numpy.ndarray or chainer.Variable): (N, C, ...), normalised over all axes but the second.
        gamma, beta (numpy.ndarray or chainer.Variable): (C,), of the dtype of ``x``.
        eps (float): Added to the variance.
        running_mean, running_var (numpy.ndarray or None): (C,), updated in place.
        decay (float): What the running statistics keep of themselves.
        slope (float): Of the activation; 1 is none, 0 is ReLU.

    Returns:
        chainer.Variable: Of the shape of ``x``.
    """
    node = _BatchNormalization(eps, running_mean, running_var, decay, slope)
    return node.apply((x, gamma, beta))[0]


def fixed_batch_normalization(x, gamma, beta, mean, var, eps, slope=1):
    """Test mode, without a gradient: the same of arrays, with given statistics -> numpy.ndarray.

    Takes what :func:`batch_normalization` takes; ``mean`` and ``var`` have the shape of gamma.
    """
    x = samples_last(x)
    y = np.empty_like(x)
    scale = gamma / np.sqrt(var + x.dtype.type(eps))
    _for_channels(_activate, x, y, mean, scale, beta, x.dtype.type(slope))
    return samples_first(y)


class _BatchNormalization(function_node.FunctionNode):
    def __init__(self, eps, running_mean, running_var, decay, slope):
        self.eps = eps
        self.running_mean = running_mean
        self.running_var = running_var
        self.decay = decay
        self.slope = slope

    def forward_cpu(self, inputs):
        self.retain_inputs((0, 1))
        if self.slope != 1:
            self.retain_outputs((0,))
        x, gamma, beta = inputs
        x = samples_last(x)
        y = np.empty_like(x)
        self.mean, var = np.empty((2, len(x)))
        _for_channels(_statistics, x, self.mean, var)
        self.inv_std = 1 / np.sqrt(var + self.eps)
        _for_channels(_activate, x, y, self.mean.astype(x.dtype),
                      (gamma * self.inv_std).astype(x.dtype), beta, x.dtype.type(self.slope))
        m = x.size // len(x)
        for running, new in ((self.running_mean, (1 - self.decay) * self.mean),
                             (self.running_var, (1 - self.decay) * m / max(m - 1, 1) * var)):
            if running is not None:
                running *= self.decay
                running += new.astype(running.dtype)
        return samples_first(y),

    def backward(self, indexes, grad_outputs):
        x, gamma = self.get_retained_inputs()
        y = x if self.slope == 1 else self.get_retained_outputs()[0]
        gy, = grad_outputs
        if chainer.config.enable_backprop:
            return self._differentiable_gradients(x, gamma, y, gy)
        x, y, gy = (samples_last(variable.array) for variable in (x, y, gy))
        gx = np.empty_like(x)
        ggamma, gbeta = np.empty((2, len(x)), x.dtype)
        _for_channels(_backward, x, y, gy, gx, ggamma, gbeta, self.mean.astype(x.dtype),
                      self.inv_std.astype(x.dtype), gamma.array, x.dtype.type(self.slope))
        return [chainer.Variable(gradient) for gradient in (samples_first(gx), ggamma, gbeta)]

    def _differentiable_gradients(self, x, gamma, y, gy):
        """The same by Chainer's function, for a gradient of the gradient."""
        if self.slope != 1:
            gy = gy * slope_of(y.array, self.slope).astype(gy.dtype)
        inputs = x, gamma, chainer.Variable(np.zeros_like(gamma.array))
        normalised = F.batch_normalization(*inputs, eps=self.eps)
        return chainer.grad([normalised], inputs, [gy], enable_double_backprop=True)


def _for_channels(function, x, *others):
    """Call ``function(channels, x, *others)`` for ranges of channels, on all threads.

    Of arrays with more than one dimension it gets (C, elements).
    """
    arrays = [a.reshape(len(a), -1) if a.ndim > 1 else a for a in (x, *others)]
    parts = parallel.cuts(len(x), max(1, parallel.TASK_ELEMENTS // max(1, x[0].size)))
    parallel.run(lambda channels: function(channels, *arrays), parts)


@kernel
def _statistics(channels, x, mean, var):
    """Mean and biased variance of rows, in double precision."""
    for c in range(channels[0], channels[1]):
        mean[c] = _sum(x[c], None) / x.shape[1]
        var[c] = _sum(x[c], x.dtype.type(mean[c])) / x.shape[1]


@kernel
def _sum(row, centre):
    """Of its elements, or of their squared distances from a centre that is not None."""
    total = 0.
    for start in range(0, len(row), _SUM_LENGTH):
        part = row.dtype.type(0)
        # Over indices: a loop over a slice would not run on vectors.
        for i in range(start, min(len(row), start + _SUM_LENGTH)):
            if centre is None:
                part += row[i]
            else:
                part += (row[i] - centre) * (row[i] - centre)
        total += part
    return total


@kernel
def _activate(channels, x, y, mean, scale, shift, slope):
    """y = scale * (x - mean) + shift, times `slope` where that is negative."""
    for c in range(channels[0], channels[1]):
        row, result = x[c], y[c]
        a, m, b = scale[c], mean[c], shift[c]
        for i in range(len(row)):
            v = a * (row[i] - m) + b
            result[i] = v * slope if v < 0 else v


@kernel
def _backward(channels, x, y, gy, gx, ggamma, gbeta, mean, inv_std, gamma, slope):
    """Gradients of all three inputs, from the output and its gradient."""
    for c in range(channels[0], channels[1]):
        row, out, grad, result = x[c], y[c], gy[c], gx[c]
        m, s = mean[c], inv_std[c]
        sum_g, sum_gx = 0., 0.
        for start in range(0, len(row), _SUM_LENGTH):
            part_g = part_gx = x.dtype.type(0)
            for i in range(start, min(len(row), start + _SUM_LENGTH)):
                g = _through(grad[i], out[i], slope)
                part_g += g
                part_gx += g * (row[i] - m)
            sum_g += part_g
            sum_gx += part_gx
        gbeta[c] = sum_g
        ggamma[c] = sum_gx * s
        a = gamma[c] * s
        shift, scale = x.dtype.type(sum_g / len(row)), x.dtype.type(sum_gx * s * s / len(row))
        for i in range(len(row)):
            g = _through(grad[i], out[i], slope)
            result[i] = a * (g - shift - scale * (row[i] - m))


@kernel
def _through(gradient, output, slope):
    return gradient if slope == 1 or output > 0 else gradient * slope
