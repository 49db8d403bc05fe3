"""N-dimensional convolution and transposed convolution, differentiable any number of times.

Arrays with one to three spatial dimensions run the kernels of
:mod:`tgan_chainer.functions.cpu.kernels` where :mod:`tgan_chainer.functions.choice` says so, and
return arrays in the layout of :mod:`tgan_chainer.functions.cpu`.
"""
import chainer.functions as F
from chainer import function_node
from chainer.utils import conv, conv_nd, type_check

from tgan_chainer.functions.choice import runs_on_cpu_kernels
from tgan_chainer.functions.cpu.columns import MAX_NDIM, Correlation
from tgan_chainer.functions.cpu.jit import numba

if numba:    # which the innermost loops of these kernels are written for
    from tgan_chainer.functions.cpu import kernels as cpu_kernels


def convolution_nd(x, W, b=None, stride=1, pad=0):
    """N-dimensional convolution: ``chainer.functions.convolution_nd`` on faster CPU kernels.

    Args:
        x (chainer.Variable or array): (N, C, *size).
        W (chainer.Variable or array): (O, C, *ksize).
        b (chainer.Variable or array or None): (O,).
        stride (int or tuple): Of each spatial dimension.
        pad (int or tuple): Zeros on both sides of each spatial dimension.

    Returns:
        chainer.Variable: (N, O, *out_size), out_size = (size + 2 pad - ksize) // stride + 1.

    Raises:
        chainer.utils.type_check.InvalidType: Dimensions or channels do not fit each other.
        ValueError: An output size is not positive.
        ConfigError: See :func:`~tgan_chainer.functions.choice.runs_on_cpu_kernels`.
    """
    if _runs_on_cpu_kernels(x, W, b):
        return _apply(_Convolution(stride, pad, W.ndim - 2), x, W, b)
    return (F.convolution_2d if W.ndim == 4 else F.convolution_nd)(x, W, b, stride, pad)


def deconvolution_nd(x, W, b=None, stride=1, pad=0):
    """N-dimensional transposed convolution, as ``chainer.functions.deconvolution_nd``.

    Arguments and errors as in :func:`convolution_nd`, which it transposes, but W is
    (C, O, *ksize).

    Returns:
        chainer.Variable: (N, O, *out_size), out_size = stride (size - 1) + ksize - 2 pad.
    """
    if _runs_on_cpu_kernels(x, W, b):
        return _apply(_Deconvolution(stride, pad, W.ndim - 2), x, W, b)
    return (F.deconvolution_2d if W.ndim == 4 else F.deconvolution_nd)(x, W, b, stride, pad)


def _runs_on_cpu_kernels(x, *arrays):
    return x.ndim - 2 <= MAX_NDIM and runs_on_cpu_kernels(x, *arrays)


def _apply(function, *arguments):
    y, = function.apply([a for a in arguments if a is not None])
    return y


class _Node(function_node.FunctionNode):
    """One of the three arrows of a relation between an image x, a filter W and a map y.

    Each makes the third of two of them (``roles``), is linear in both, and its two gradients are
    the other two arrows. ``size`` is that of the result, where the stride leaves more than one.
    """

    def __init__(self, stride, pad, ndim, size=None):
        self.stride, self.pad = (conv_nd.as_tuple(each, ndim) for each in (stride, pad))
        self.size = size

    def forward_cpu(self, inputs):
        self.retain_inputs((0, 1))
        return self._compute(*inputs),

    def backward(self, indexes, grad_outputs):
        values = dict(zip(self.roles, (*self.get_retained_inputs(), *grad_outputs), strict=True))
        return [self._gradient(index, values) for index in indexes]

    def _gradient(self, index, values):
        if index == 2:    # the bias
            gy = values[self.roles[2]]
            return F.sum(gy, axis=(0, *range(2, gy.ndim)))
        role = self.roles[index]
        size = values[role].shape[2:]
        arrow = _ARROWS[role](self.stride, self.pad, len(size), size)
        return _apply(arrow, *(values[other] for other in arrow.roles[:2]))

    def _correlation(self, ksize, out_size):
        start = tuple(-p for p in self.pad)
        return Correlation(start, self.stride, tuple(ksize), tuple(out_size))

    def _sizes(self, formula, size, ksize):
        sizes = tuple(map(formula, size, ksize, self.stride, self.pad))
        if min(sizes) < 1:
            raise ValueError(
                f'output size {sizes} is not positive: input size {tuple(size)}, kernel '
                f'{tuple(ksize)}, stride {self.stride}, pad {self.pad}.')
        return sizes

    def check_type_forward(self, in_types):
        n_in = in_types.size()
        type_check.expect(n_in >= 2, n_in <= 3)
        x, W = in_types[:2]
        type_check.expect(x.ndim >= 3, W.ndim == x.ndim, x.shape[1] == W.shape[self.channels[0]])
        if type_check.eval(n_in) == 3:
            b = in_types[2]
            type_check.expect(b.ndim == 1, b.shape[0] == W.shape[self.channels[1]])


class _Convolution(_Node):
    roles = 'xWy'
    channels = 1, 0    # axes of W: those that are read, and those that are made

    def _compute(self, x, W, b=None):
        out_size = self._sizes(conv.get_conv_outsize, x.shape[2:], W.shape[2:])
        return cpu_kernels.correlate(x, W, b, self._correlation(W.shape[2:], out_size))


class _Deconvolution(_Node):
    roles = 'yWx'
    channels = 0, 1

    def _compute(self, y, W, b=None):
        size = self.size or self._sizes(conv.get_deconv_outsize, y.shape[2:], W.shape[2:])
        correlation = self._correlation(W.shape[2:], y.shape[2:])
        return cpu_kernels.transpose_correlate(y, W, b, correlation, size)


class _FilterGradient(_Node):
    roles = 'xyW'
    check_type_forward = function_node.FunctionNode.check_type_forward    # none

    def _compute(self, x, y):
        return cpu_kernels.filter_gradient(x, y, self._correlation(self.size, y.shape[2:]))


_ARROWS = {arrow.roles[2]: arrow for arrow in (_Convolution, _Deconvolution, _FilterGradient)}
