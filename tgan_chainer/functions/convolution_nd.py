"""N-dimensional convolution and transposed convolution, differentiable any number of times.

Arrays with one to three spatial dimensions run the kernels of
:mod:`tgan_chainer.functions.cpu.kernels` where :mod:`tgan_chainer.functions.choice` says so, and
return arrays in the layout of :mod:`tgan_chainer.functions.cpu.layout`.
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
    if not _runs_on_cpu_kernels(x, W, b):
        function = F.convolution_2d if x.ndim == 4 else F.convolution_nd
        return function(x, W, b, stride, pad)
    return _apply(_Convolution(stride, pad), x, W, b)


def deconvolution_nd(x, W, b=None, stride=1, pad=0):
    """N-dimensional transposed convolution, as ``chainer.functions.deconvolution_nd``.

    Args:
        x (chainer.Variable or array): (N, C, *size).
        W (chainer.Variable or array): (C, O, *ksize).
        b (chainer.Variable or array or None): (O,).
        stride (int or tuple): Of each spatial dimension.
        pad (int or tuple): What the convolution it transposes would pad.

    Returns:
        chainer.Variable: (N, O, *out_size), out_size = stride (size - 1) + ksize - 2 pad.

    Raises:
        chainer.utils.type_check.InvalidType: Dimensions or channels do not fit each other.
        ValueError: An output size is not positive.
        ConfigError: See :func:`~tgan_chainer.functions.choice.runs_on_cpu_kernels`.
    """
    if not _runs_on_cpu_kernels(x, W, b):
        function = F.deconvolution_2d if x.ndim == 4 else F.deconvolution_nd
        return function(x, W, b, stride, pad)
    return _apply(_Deconvolution(stride, pad), x, W, b)


def _runs_on_cpu_kernels(x, *arrays):
    return x.ndim - 2 <= MAX_NDIM and runs_on_cpu_kernels(x, *arrays)


def _apply(function, *arguments):
    y, = function.apply([a for a in arguments if a is not None])
    return y


class _Node(function_node.FunctionNode):
    """Stride and pad, and what the three functions share.

    They are the three arrows of one relation between an image x, a filter W and a map y; each is
    linear in both of its inputs, and its two gradients are the other two functions.
    """

    def __init__(self, stride, pad):
        self.stride = stride
        self.pad = pad

    def _correlation(self, ksize, out_size):
        ndim = len(ksize)
        return Correlation(
            start=tuple(-p for p in conv_nd.as_tuple(self.pad, ndim)),
            stride=conv_nd.as_tuple(self.stride, ndim), ksize=tuple(ksize),
            out_size=tuple(out_size))

    def _sizes(self, formula, size, ksize):
        ndim = len(ksize)
        sizes = tuple(map(formula, size, ksize, conv_nd.as_tuple(self.stride, ndim),
                          conv_nd.as_tuple(self.pad, ndim)))
        if min(sizes) < 1:
            raise ValueError(
                f'output size {sizes} is not positive: input size {tuple(size)}, kernel '
                f'{tuple(ksize)}, stride {self.stride}, pad {self.pad}.')
        return sizes

    def _check_types(self, in_types, x_channels, bias_channels):
        n_in = in_types.size()
        type_check.expect(n_in >= 2, n_in <= 3)
        x, W = in_types[:2]
        type_check.expect(x.ndim >= 3, W.ndim == x.ndim, x.shape[1] == W.shape[x_channels])
        if type_check.eval(n_in) == 3:
            b = in_types[2]
            type_check.expect(b.ndim == 1, b.shape[0] == W.shape[bias_channels])


class _Convolution(_Node):
    """(x, W[, b]) -> y."""

    def check_type_forward(self, in_types):
        self._check_types(in_types, x_channels=1, bias_channels=0)

    def forward_cpu(self, inputs):
        self.retain_inputs((0, 1))
        x, W, b = (*inputs, None)[:3]
        out_size = self._sizes(conv.get_conv_outsize, x.shape[2:], W.shape[2:])
        return cpu_kernels.correlate(x, W, b, self._correlation(W.shape[2:], out_size)),

    def backward(self, indexes, grad_outputs):
        x, W = self.get_retained_inputs()
        gy, = grad_outputs
        gradients = []
        if 0 in indexes:
            gradients.append(
                _apply(_Deconvolution(self.stride, self.pad, x.shape[2:]), gy, W))
        if 1 in indexes:
            gradients.append(_apply(_FilterGradient(self.stride, self.pad, W.shape[2:]), x, gy))
        if 2 in indexes:
            gradients.append(_bias_gradient(gy))
        return gradients


class _Deconvolution(_Node):
    """(y, W[, b]) -> x. The size of x is given where the stride leaves more than one possible."""

    def __init__(self, stride, pad, size=None):
        super().__init__(stride, pad)
        self.size = size

    def check_type_forward(self, in_types):
        self._check_types(in_types, x_channels=0, bias_channels=1)

    def forward_cpu(self, inputs):
        self.retain_inputs((0, 1))
        y, W, b = (*inputs, None)[:3]
        size = self.size or self._sizes(conv.get_deconv_outsize, y.shape[2:], W.shape[2:])
        correlation = self._correlation(W.shape[2:], y.shape[2:])
        return cpu_kernels.transpose_correlate(y, W, b, correlation, size),

    def backward(self, indexes, grad_outputs):
        y, W = self.get_retained_inputs()
        gx, = grad_outputs
        gradients = []
        if 0 in indexes:
            gradients.append(_apply(_Convolution(self.stride, self.pad), gx, W))
        if 1 in indexes:
            gradients.append(_apply(_FilterGradient(self.stride, self.pad, W.shape[2:]), gx, y))
        if 2 in indexes:
            gradients.append(_bias_gradient(gx))
        return gradients


class _FilterGradient(_Node):
    """(x, gy) -> gW."""

    def __init__(self, stride, pad, ksize):
        super().__init__(stride, pad)
        self.ksize = ksize

    def forward_cpu(self, inputs):
        self.retain_inputs((0, 1))
        x, gy = inputs
        return cpu_kernels.filter_gradient(x, gy, self._correlation(self.ksize, gy.shape[2:])),

    def backward(self, indexes, grad_outputs):
        x, gy = self.get_retained_inputs()
        ggW, = grad_outputs
        gradients = []
        if 0 in indexes:
            gradients.append(
                _apply(_Deconvolution(self.stride, self.pad, x.shape[2:]), gy, ggW))
        if 1 in indexes:
            gradients.append(_apply(_Convolution(self.stride, self.pad), x, ggW))
        return gradients


def _bias_gradient(gy):
    return F.sum(gy, axis=(0, *range(2, gy.ndim)))
