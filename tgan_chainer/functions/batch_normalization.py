"""Batch normalisation in train mode on NumPy arrays, in few passes and on all threads.

Chainer's function node does the bookkeeping and differentiates twice; its implementation of the
arithmetic makes a temporary array of the input's size for nearly every operator. Here each pass
goes through the batch in chunks that stay in the cache and writes into the result.
"""
import numpy as np
from chainer.functions.normalization import batch_normalization as chainers

from tgan_chainer.functions import parallel

# Elements of a chunk: with the result's and the gradient's it should stay in L2.
_CHUNK_ELEMENTS = 1 << 16


def batch_normalization(x, gamma, beta, eps, running_mean, running_var, decay):
    """``chainer.functions.batch_normalization`` of NumPy arrays over all axes but the second.

    Args:
        x (numpy.ndarray or chainer.Variable): (N, C, ...).
        gamma, beta (numpy.ndarray or chainer.Variable): (C,), of the dtype of ``x``.
        eps (float): Added to the variance.
        running_mean, running_var (numpy.ndarray): (C,), updated in place.
        decay (float): What the running statistics keep of themselves.

    Returns:
        chainer.Variable: Of the shape of ``x``.
    """
    node = chainers.BatchNormalization(
        eps, running_mean, running_var, decay, impl_selector=lambda node, inputs: _Threaded())
    return node.apply((x, gamma, beta))[0]


class _Threaded(chainers.GeneralBatchNormalizationImpl):
    """The arithmetic; arguments and results are those that Chainer's function node hands over."""

    def forward(self, *, x, x_layout, gamma, beta, eps, decay, running_mean, running_var, **_):
        flat, chunks = _flatten(x, gamma.size)
        y = np.empty_like(flat)
        m = x.size // gamma.size

        def centre(chunk):
            np.subtract(flat[chunk], mean[:, None], out=y[chunk])
            return _sum_of_products(y[chunk], y[chunk])

        def scale(chunk):
            y[chunk] *= (gamma * inv_std)[:, None]
            y[chunk] += beta[:, None]

        mean = _total(lambda chunk: flat[chunk].sum(axis=(0, 2)), chunks) / m
        var = _total(centre, chunks) / m
        inv_std = 1 / np.sqrt(var + x.dtype.type(eps))
        parallel.run(scale, chunks)

        running_mean *= decay
        running_mean += (1 - decay) * mean
        running_var *= decay
        running_var += (1 - decay) * m / max(m - 1, 1) * var
        return (y.reshape(x.shape), x_layout, running_mean, running_var, mean, var, inv_std, None)

    def backward(self, axis, gamma, gy, x, x_layout, xp, expander, mean, inv_std, *_):
        flat, chunks = _flatten(x, gamma.size)
        flat_gy, _ = _flatten(gy, gamma.size)
        gx = np.empty_like(flat)
        m = x.size // gamma.size

        def centre(chunk):
            np.subtract(flat[chunk], mean[:, None], out=gx[chunk])
            return np.stack([_sum_of_products(flat_gy[chunk], gx[chunk]),
                             flat_gy[chunk].sum(axis=(0, 2))])

        def finish(chunk):
            # gx holds x - mean: gx = gamma / std * (gy - x_hat * ggamma / m - gbeta / m)
            gx[chunk] *= (-inv_std * ggamma / m)[:, None]
            gx[chunk] += flat_gy[chunk]
            gx[chunk] -= (gbeta / m)[:, None]
            gx[chunk] *= (gamma * inv_std)[:, None]

        ggamma, gbeta = _total(centre, chunks)
        ggamma *= inv_std
        parallel.run(finish, chunks)
        return gx.reshape(x.shape), x_layout, ggamma, gbeta


def _flatten(x, channels):
    """(N, C, ...) as (N, C, S), and slices of samples that make chunks."""
    flat = x.reshape(len(x), channels, -1)
    step = max(1, _CHUNK_ELEMENTS // flat[0].size)
    return flat, [slice(i, i + step) for i in range(0, len(x), step)]


def _sum_of_products(a, b):
    """Sum of a * b over all but the channels: (n, C, S), (n, C, S) -> (C,)."""
    return np.einsum('ncs,ncs->c', a, b)


def _total(function, chunks):
    """Sum of ``function(chunk)``, taken in the order of the chunks."""
    parts = [None] * len(chunks)

    def task(i):
        parts[i] = function(chunks[i])

    parallel.run(task, range(len(chunks)))
    return sum(parts[1:], parts[0])
