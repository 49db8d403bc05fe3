"""Convolution and its two gradients on NumPy arrays, in one to three dimensions.

Everything is one operation and the two that transpose it. The *correlation* of x with W is

    y[n, o, q] = sum over c, k of  W[o, c, k] * x[n, c, start + stride * q + k]        (1)

with q, k, start and stride vectors of the spatial dimensions, and x zero outside its bounds
(a convolution that pads p has start = -p). The three kernels are

* :func:`correlate`: y from x and W;
* :func:`filter_gradient`: the sum over n and q of y[n, o, q] * x[n, c, start + stride * q + k];
* :func:`transpose_correlate`: x from y and W, each product of (1) added to the element it read.

Each becomes products of the weight, as a matrix, with the *columns* of x
(:mod:`tgan_chainer.functions.cpu.columns`). Columns are made for a block of output positions and
channels at a time, in memory that is used again for the next block. The transpose runs the other
way: the product of W^T and y is added into x. At stride 1 the transpose is a correlation too, with
the filter reversed (:func:`_reversed`), and each of the two may use the other's way: what is
copied or added then belongs to the array with fewer channels. Layers of kernel 4 and stride 2 run
:mod:`tgan_chainer.functions.cpu.winograd` where that pays, and those of few channels
:mod:`tgan_chainer.functions.cpu.direct`, which needs no columns.

All arrays that come in are brought into the samples-last layout of
:mod:`tgan_chainer.functions.cpu.layout`, and results are in it, as views of Chainer's shapes.
"""
import dataclasses
import functools
import itertools

import numpy as np

from tgan_chainer.functions.cpu import direct, parallel, winograd
from tgan_chainer.functions.cpu.columns import Rows, gather, scatter, volume_shape
from tgan_chainer.functions.cpu.layout import samples_first, samples_last

# Columns of a block, at least: enough that packing the weight inside the matrix product is cheap.
_BLOCK_COLUMNS = 1024
# Bytes of the columns of a block of all channels, at least, so that few channels make few blocks.
_BLOCK_BYTES = 1 << 20
# Bytes of the columns of one product. The product reads them once, in order: L3 is good enough.
_CHUNK_BYTES = 1 << 22
# Elements between two rows of columns: rows a power of two apart would compete for few lines of
# the cache.
_ROW_GAP = 16
# A kernel is cut into at least this many tasks where the shapes allow it.
_MIN_TASKS = 8
# From this many columns on, a filter gradient is summed in the transposed order.
_TURNED_COLUMNS = 2048


def correlate(x, W, b, correlation):
    """y of (1), plus the bias.

    Args:
        x (numpy.ndarray): (N, C, *size).
        W (numpy.ndarray): (O, C, *ksize).
        b (numpy.ndarray or None): (O,).
        correlation (Correlation): What is read where.

    Returns:
        numpy.ndarray: (N, O, *out_size), of the dtype of x.
    """
    correlation, taps = _cropped(correlation, x.shape[2:])
    W = W[taps]
    if winograd.pays(len(x), *W.shape[:2], correlation):
        return winograd.correlate(x, W, b, correlation)
    if direct.pays(x, W, correlation):
        return direct.correlate(x, W, b, correlation)
    if set(correlation.stride) == {1} and len(W) < x.shape[1]:
        return _transpose(x, _reversed_filter(W), b, _reversed(correlation, x.shape[2:]),
                          correlation.out_size)
    return _correlate(x, W, b, correlation)


def filter_gradient(x, y, correlation):
    """The gradient of sum(y * correlate(x, W)) with respect to W.

    Args:
        x (numpy.ndarray): (N, C, *size).
        y (numpy.ndarray): (N, O, *out_size).
        correlation (Correlation): What is read where.

    Returns:
        numpy.ndarray: (O, C, *ksize), of the dtype of x.
    """
    cropped, taps = _cropped(correlation, x.shape[2:])
    if cropped != correlation:
        gradient = np.zeros((y.shape[1], x.shape[1], *correlation.ksize), x.dtype)
        gradient[taps] = filter_gradient(x, y, cropped)
        return gradient
    if winograd.pays(len(x), y.shape[1], x.shape[1], correlation):
        return winograd.filter_gradient(x, y, correlation)
    if direct.gradient_pays(x, y, correlation):
        return direct.filter_gradient(x, y, correlation)
    if set(correlation.stride) == {1} and y.shape[1] < x.shape[1]:
        gradient = _filter_gradient(y, x, _reversed(correlation, x.shape[2:]))
        return np.ascontiguousarray(_reversed_filter(gradient))
    return _filter_gradient(x, y, correlation)


def transpose_correlate(y, W, b, correlation, size):
    """The transpose of (1) in x: every product is added to the element of x that it came from.

    Args:
        y (numpy.ndarray): (N, O, *out_size).
        W (numpy.ndarray): (O, C, *ksize).
        b (numpy.ndarray or None): (C,), added to the result.
        correlation (Correlation): Its out_size is that of `y`.
        size (tuple): The spatial size of x.

    Returns:
        numpy.ndarray: (N, C, *size), of the dtype of y.
    """
    correlation, taps = _cropped(correlation, size)
    W = W[taps]
    if winograd.pays(len(y), *W.shape[:2], correlation):
        return winograd.transpose_correlate(y, W, b, correlation, size)
    if direct.transpose_pays(y, W, correlation, size):
        return direct.transpose_correlate(y, W, b, correlation, size)
    if set(correlation.stride) == {1} and len(W) <= W.shape[1]:
        return _correlate(y, _reversed_filter(W), b, _reversed(correlation, size))
    return _transpose(y, W, b, correlation, size)


@functools.lru_cache
def _cropped(correlation, size):
    """The same without taps at the ends that read zeros only, and the index of those that stay.

    D's c3, whose output is one frame, has two of its four taps along the time in the padding.
    """
    start, stride, ksize, out_size = map(np.array, dataclasses.astuple(correlation))
    first = np.clip(-(start + stride * (out_size - 1)), 0, ksize - 1)
    stop = np.clip(size - start, first + 1, ksize)
    return (dataclasses.replace(correlation, start=tuple((start + first).tolist()),
                                ksize=tuple((stop - first).tolist())),
            (..., *map(slice, first.tolist(), stop.tolist())))


def _reversed(correlation, size):
    """Stride 1 only: the correlation that reads y where `correlation` reads x.

    In (1) put k = ksize - 1 - k' and i = start + q + k: then q = i - (start + ksize - 1) + k'.
    """
    start = tuple(1 - k - s for k, s in zip(correlation.ksize, correlation.start, strict=True))
    return dataclasses.replace(correlation, start=start, out_size=size)


def _reversed_filter(W):
    return np.flip(W, range(2, W.ndim)).swapaxes(0, 1)


def _correlate(x, W, b, correlation):
    batch, outputs, channels = len(x), len(W), x.shape[1]
    x, matrix = samples_last(x), W.reshape(outputs, -1)
    y = np.empty((outputs, correlation.positions * batch), x.dtype)
    blocks = _blocks(batch, channels, correlation, y.itemsize)
    # Few blocks: the sum over channels is shared out as well, and its parts are added in order.
    parts = parallel.split(channels, -(-_MIN_TASKS // len(blocks)))
    sums = [y, *(np.empty_like(y) for _ in parts[1:])]

    def task(item):
        block, (part, total) = item
        total = total[:, block.columns]
        for chunk in _chunks(part, block, correlation, x.itemsize):
            weights = matrix[:, _rows(chunk, correlation)]
            columns = _columns(x, chunk, block, correlation)
            if chunk[0] == part[0]:
                np.matmul(weights, columns, out=total)
            else:
                total += _product(weights, columns)
        if len(parts) == 1 and b is not None:
            total += b[:, None]

    def add_parts(block):
        total = y[:, block.columns]
        for other in sums[1:]:
            total += other[:, block.columns]
        if b is not None:
            total += b[:, None]

    parallel.run(task, itertools.product(blocks, zip(parts, sums, strict=True)))
    if len(parts) > 1:
        parallel.run(add_parts, blocks)
    return samples_first(y.reshape(outputs, *correlation.out_size, batch))


def _filter_gradient(x, y, correlation):
    batch, outputs, channels = len(x), y.shape[1], x.shape[1]
    x, y = samples_last(x), samples_last(y).reshape(outputs, -1)
    blocks = _blocks(batch, channels, correlation, y.itemsize)
    chunks = _chunks((0, channels), blocks[0], correlation, x.itemsize, _MIN_TASKS // len(blocks))
    # Few channels: the sum over blocks is shared out as well, and its parts are added in order.
    parts = parallel.split(len(blocks), -(-_MIN_TASKS // len(chunks)))
    # With (C * taps, O) in memory the products are faster, but the sum must be turned at the end.
    turned = y.shape[1] >= _TURNED_COLUMNS
    shape = (outputs, channels * correlation.taps)
    sums = np.empty((len(parts), *(reversed(shape) if turned else shape)), x.dtype)
    sums = sums.swapaxes(1, 2) if turned else sums

    def task(item):
        chunk, (total, part) = item
        total = total[:, _rows(chunk, correlation)]
        for block in blocks[slice(*part)]:
            columns = _columns(x, chunk, block, correlation)
            # The two orders of values @ columns^T.
            a, b = (columns, y[:, block.columns]) if turned else (y[:, block.columns], columns)
            ordered = total.T if turned else total
            if block is blocks[part[0]]:
                np.matmul(a, b.T, out=ordered)
            else:
                ordered += _product(a, b.T)

    def add_parts(chunk):
        rows = _rows(chunk, correlation)
        gradient[:, rows] = sums[0, :, rows]
        for other in sums[1:]:
            gradient[:, rows] += other[:, rows]

    parallel.run(task, itertools.product(chunks, zip(sums, parts, strict=True)))
    if turned or len(parts) > 1:
        gradient = np.empty(shape, x.dtype)
        parallel.run(add_parts, chunks)
    else:
        gradient = sums[0]
    return gradient.reshape(outputs, channels, *correlation.ksize)


def _transpose(y, W, b, correlation, size):
    batch, outputs, channels = len(y), len(W), W.shape[1]
    x = np.empty((channels, *size, batch), y.dtype)
    y, matrix = samples_last(y).reshape(outputs, -1), W.reshape(outputs, -1)
    blocks = _blocks(batch, channels, correlation, y.itemsize)

    def task(part):
        x[slice(*part)] = 0 if b is None else b[slice(*part)].reshape(-1, *(1,) * (x.ndim - 1))
        for chunk in _chunks(part, blocks[0], correlation, y.itemsize):
            weights = matrix[:, _rows(chunk, correlation)].T
            for block in blocks:
                columns = _workspace(len(weights), block, y.dtype)
                np.matmul(weights, y[:, block.columns], out=columns[:, :block.width])
                scatter(columns.reshape(-1), _tap_rows(columns, correlation), x.reshape(-1),
                        volume_shape(x), chunk, block.positions, (0, batch), correlation.geometry,
                        np.empty(0, x.dtype))

    parallel.run(task, parallel.split(channels, _MIN_TASKS))
    return samples_first(x)


@dataclasses.dataclass(frozen=True)
class _Block:
    """Some output positions, (start, stop), of all samples."""

    positions: tuple
    batch: int

    @property
    def columns(self):
        """In a matrix of all positions and samples."""
        start, stop = self.positions
        return slice(start * self.batch, stop * self.batch)

    @property
    def width(self):
        return self.columns.stop - self.columns.start


def _blocks(batch, channels, correlation, itemsize):
    """Cut the output positions into blocks of some columns."""
    columns = max(_BLOCK_COLUMNS, _BLOCK_BYTES // (channels * correlation.taps * itemsize))
    return [_Block(positions, batch)
            for positions in parallel.cuts(correlation.positions, max(1, columns // batch))]


def _chunks(channels, block, correlation, itemsize, least=1):
    """Cut channels (start, stop) into such pairs whose columns take about _CHUNK_BYTES each."""
    first, last = channels
    channel_bytes = correlation.taps * block.width * itemsize
    parts = parallel.split(
        last - first, max(least, -(-(last - first) * channel_bytes // _CHUNK_BYTES)))
    return [(first + start, first + stop) for start, stop in parts]


def _rows(chunk, correlation):
    """The rows of columns that belong to some of the channels."""
    return slice(chunk[0] * correlation.taps, chunk[1] * correlation.taps)


def _columns(x, chunk, block, correlation):
    """The columns of a chunk and a block, in workspace memory."""
    columns = _workspace((chunk[1] - chunk[0]) * correlation.taps, block, x.dtype)
    gather(x.reshape(-1), volume_shape(x), columns.reshape(-1), _tap_rows(columns, correlation),
           chunk, block.positions, (0, block.batch), correlation.geometry)
    return columns[:, :block.width]


def _tap_rows(columns, correlation):
    length = columns.shape[1]
    taps = np.arange(correlation.taps)
    return Rows(length * len(taps), length * taps, taps)


def _workspace(rows, block, dtype):
    """Memory for columns, and a gap after each row of them."""
    return parallel.workspace('columns', (rows, block.width + _ROW_GAP), dtype)


def _product(a, b):
    return np.matmul(a, b, out=parallel.workspace('product', (len(a), b.shape[1]), a.dtype))
