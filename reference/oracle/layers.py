"""The equations of single layers and their derivatives.

Shapes: N examples, C channels, then 0 to 3 axes of space and time. `gy` is the derivative of the
loss with respect to a layer's output, `gx` to its input. Everything is computed in the dtype that
comes in; the oracle's callers pass float64.
"""
import itertools

import numpy as np

#: Added to the variance inside the square root (Chainer's default, and the authors' setting).
BN_EPS = 2e-5

#: Share of the old value in a running statistic (Chainer's default).
BN_DECAY = 0.9

#: Running-statistics rules (both measured, see `running_statistics`).
CHAINER2, CHAINER7 = 'chainer2', 'chainer7'


# -- the three maps of a convolution ---------------------------------------------------------------
#
# A convolution is bilinear in its input x and its kernel W. Pairing it with an output-shaped array
# y gives one trilinear form,
#
#     < y, conv(x, W) >  =  sum over n, o, c, i, k of  y[n,o,i] W[o,c,k] x[n,c, s*i + k - p],
#
# and its three partial maps are all that convolution, deconvolution and their gradients need.

def conv(x, W, stride=1, pad=0):
    """y[n,o,i] = sum_{c,k} W[o,c,k] x[n,c, s*i + k - p].

    x is (N, C, *space), W (O, C, *kernel), y (N, O, *out), out = (space + 2p - kernel) // s + 1.
    """
    windows = _windows(x, W.shape[2:], stride, pad)
    y = sum(np.tensordot(W[:, :, k], windows[:, k], W.ndim - 2) for k in range(W.shape[2]))
    return y.swapaxes(0, 1)


def conv_transpose(y, W, stride=1, pad=0, size=None):
    """x[n,c,j] = sum_{o,k,i : s*i + k - p = j} W[o,c,k] y[n,o,i]; the adjoint of `conv` in x.

    y is (N, O, *out), W (O, C, *kernel), which is Chainer's layout (in, out, *kernel) of a
    deconvolution, x (N, C, *size); size is by default s(out-1) + k - 2p, and another where the
    convolution dropped a remainder.
    """
    kernel, out = W.shape[2:], y.shape[2:]
    if size is None:
        size = tuple(stride * (n - 1) + k - 2 * pad for n, k in zip(out, kernel, strict=True))
    channels = np.zeros((W.shape[1], y.shape[0], *(n + 2 * pad for n in size)), y.dtype)
    from_channels = np.ascontiguousarray(y.swapaxes(0, 1))
    for k in itertools.product(*map(range, kernel)):
        reached = (Ellipsis, *(slice(j, j + stride * (n - 1) + 1, stride)
                               for j, n in zip(k, out, strict=True)))
        channels[reached] += np.tensordot(W[(..., *k)].T, from_channels, axes=1)
    inside = (Ellipsis, *(slice(pad, pad + n) for n in size))
    return channels[inside].swapaxes(0, 1)


def conv_weight(x, y, kernel, stride=1, pad=0):
    """W[o,c,k] = sum_{n,i} y[n,o,i] x[n,c, s*i + k - p]; the adjoint of `conv` in W.

    x is (N, C, *space), y (N, O, *out), W (O, C, *kernel).
    """
    windows = _windows(x, kernel, stride, pad)
    rows = np.ascontiguousarray(np.moveaxis(y, 1, -1))
    planes = [np.tensordot(windows[:, k], rows, axes=rows.ndim - 1) for k in range(kernel[0])]
    return np.moveaxis(np.stack(planes, axis=1), -1, 0)


def _windows(x, kernel, stride, pad):
    """View (C, *kernel, N, *out) of the padded x: entry [c,k,n,i] is x[n,c, s*i + k - p].

    Contracting all of it at once would copy every value prod(kernel) times; the callers take one
    index of the kernel's first axis at a time.
    """
    ndim = len(kernel)
    padded = np.pad(x.swapaxes(0, 1), ((0, 0), (0, 0)) + ((pad, pad),) * ndim)
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel, tuple(range(2, 2 + ndim)))
    strided = windows[(slice(None), slice(None), *(slice(None, None, stride),) * ndim)]
    return np.moveaxis(strided, range(-ndim, 0), range(1, 1 + ndim))


def per_channel(v, ndim):
    """A value a channel, (C,), against arrays of `ndim` axes, (N, C, ...)."""
    return v.reshape(-1, *(1,) * (ndim - 2))


def over_channels(function, x):
    """A sum, mean, ... over everything but the channel; (C,)."""
    return function(x, axis=(0, *range(2, x.ndim)))


# -- batch normalisation (Ioffe & Szegedy 2015, algorithm 1) ---------------------------------------

def normalize(x, mean, var):
    """x_hat = (x - mean) / sqrt(var + eps), by channel; shape of x."""
    return (x - per_channel(mean, x.ndim)) / np.sqrt(per_channel(var, x.ndim) + BN_EPS)


def batch_normalization_grad(gy, x_hat, var, gamma):
    """gx, through the batch's own mean and variance.

    The chain rule through both gives
    gx = gamma / sqrt(var + eps) * (gy - mean(gy) - x_hat * mean(gy * x_hat)), means by channel;
    var (C,) is biased.
    """
    mean_gy, mean_gy_x_hat = (
        per_channel(over_channels(np.mean, g), gy.ndim) for g in (gy, gy * x_hat))
    centred = gy - mean_gy - x_hat * mean_gy_x_hat
    return per_channel(gamma / np.sqrt(var + BN_EPS), gy.ndim) * centred


def running_statistics(avg_mean, avg_var, mean, var, m, semantics=CHAINER2):
    """Running mean and variance after one more batch.

    avg <- 0.9 avg + 0.1 new, with the variance made unbiased, m / (m - 1) * (...). The two Chainer
    generations disagree on what is inside the parentheses (measured on 2.0.2 and 7.8.1): Chainer 2
    accumulates var + eps, Chainer 7 accumulates var. Singular value clipping bounds gamma by the
    result, so this decides what D can learn.

    `mean` and `var` (C,) are of the batch, var biased, with `m` elements a channel.
    """
    new_var = {CHAINER2: var + BN_EPS, CHAINER7: var}[semantics]
    unbiased = m / max(m - 1, 1) * new_var
    return (BN_DECAY * avg_mean + (1 - BN_DECAY) * mean,
            BN_DECAY * avg_var + (1 - BN_DECAY) * unbiased)
