"""Max pooling on NumPy arrays, without the columns that Chainer's makes."""
import chainer
import chainer.functions as F
import numpy as np
from chainer.utils import conv

from tgan_chainer.functions.choice import runs_on_cpu_kernels
from tgan_chainer.functions.cpu import parallel, samples_first, samples_last
from tgan_chainer.functions.cpu.jit import kernel


def max_pooling_3d(x, ksize):
    """``chainer.functions.max_pooling_nd(x, ksize, ksize, cover_all=True)`` of volumes.

    Where a gradient may be asked for, Chainer's own function runs.

    Args:
        x (chainer.Variable or array): (N, C, D, H, W).
        ksize (tuple): Window and stride of each spatial dimension; the last window may be smaller.

    Returns:
        chainer.Variable: (N, C, ceil(D / k), ceil(H / k), ceil(W / k)).
    """
    if chainer.config.enable_backprop or not runs_on_cpu_kernels(x):
        return F.max_pooling_nd(x, ksize, ksize, cover_all=True)
    x = samples_last(chainer.as_array(x))
    size = [conv.get_conv_outsize(n, k, k, 0, cover_all=True)
            for n, k in zip(x.shape[1:4], ksize, strict=True)]
    y = np.empty((len(x), *size, x.shape[4]), x.dtype)
    parallel.run(lambda channels: _max(channels, x, y, ksize), parallel.cuts(len(x), 1))
    return chainer.Variable(samples_first(y))


@kernel
def _max(channels, x, y, ksize):
    """y[c, q, n] = the largest of x[c, ksize * q + k, n], k < ksize; NaN if one is NaN."""
    _, depth, height, width, batch = x.shape
    line_size = width * batch
    largest = np.empty(line_size, x.dtype)    # of all lines of a window, element by element
    results = y.reshape(-1)
    # Unsigned, as in columns.py.
    at, batch = np.uint64(channels[0] * y[0].size), np.uint64(batch)
    for c in range(channels[0], channels[1]):
        for i in range(y.shape[1]):
            for j in range(y.shape[2]):
                largest[:] = -np.inf
                for d in range(i * ksize[0], min((i + 1) * ksize[0], depth)):
                    for h in range(j * ksize[1], min((j + 1) * ksize[1], height)):
                        line = x[c, d, h].reshape(-1)
                        for k in range(line_size):
                            largest[k] = _larger(line[k], largest[k])
                for k in range(y.shape[3]):
                    source = np.uint64(k * ksize[2]) * batch
                    for n in range(batch):
                        results[at + n] = largest[source + n]
                    for _ in range(k * ksize[2] + 1, min((k + 1) * ksize[2], width)):
                        source += batch
                        for n in range(batch):
                            results[at + n] = _larger(largest[source + n], results[at + n])
                    at += batch


@kernel
def _larger(a, b):
    return a if a > b or a != a else b
