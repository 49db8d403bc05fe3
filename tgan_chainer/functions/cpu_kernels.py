"""Convolution and its two gradients on NumPy arrays, in any number of dimensions.

Everything is one operation and the two that transpose it. The *correlation* of x with W is

    y[n, o, q] = sum over c, k of  W[o, c, k] * x[n, c, start + stride * q + k]        (1)

with q, k, start and stride vectors of the spatial dimensions, and x zero outside its bounds
(a convolution that pads p has start = -p). The three kernels are

* :func:`correlate`: y from x and W;
* :func:`filter_gradient`: the sum over n and q of y[n, o, q] * x[n, c, start + stride * q + k];
* :func:`transpose_correlate`: x from y and W, each product of (1) added to the element it read.

Each becomes products of the weight, as a matrix, with the *columns* of x: a matrix with a row for
each (c, k), in the order of the weight's memory, and a column for each (q, n). The columns are the
windows of the phases of x (see :mod:`tgan_chainer.functions.windows`), and are made for a block of
positions, samples and channels at a time: small enough for the cache, in memory that is used again
for the next block.

The transpose runs the other way: the product of W^T and y is added to the windows, and the phases
are merged. At stride 1 the transpose is a correlation too, with the filter reversed
(:func:`_reversed`), and each of the two may use the other's way: what is copied or added then
belongs to the array with fewer channels.
"""
import dataclasses
import itertools
import math

import numpy as np

from tgan_chainer.functions import parallel
from tgan_chainer.functions.windows import (
    Block,
    copy,
    cuts,
    empty_phases,
    in_run,
    merge_phases,
    run_length,
    run_start,
    samples_last,
    split,
    split_phases,
    windows,
)

# Columns in a block: enough that packing the weight inside the matrix product is cheap.
_BLOCK_COLUMNS = 1024
_MAX_BLOCK_COLUMNS = 8192
# Samples share a block up to this number of columns.
_SAMPLE_COLUMNS = 512
# Bytes of the columns of one product, which are written and read once: they should stay in L2.
_BLOCK_BYTES = 1 << 21
# A kernel is cut into at least this many tasks where the shapes allow it.
_MIN_TASKS = 8
# From this many positions on, a filter gradient is summed in the transposed order.
_TURNED_POSITIONS = 2048
# Measured: adding an element costs as much as copying this many.
_COPIES_PER_ADD = 2


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
    if set(correlation.stride) == {1} and _COPIES_PER_ADD * len(W) < x.shape[1]:
        return _transpose(x, _reversed_filter(W), _reversed(correlation, x.shape[2:]), b,
                          correlation.out_size)
    return _correlate(x, *_whole_strides(W, correlation), b)


def filter_gradient(x, y, correlation):
    """The gradient of sum(y * correlate(x, W)) with respect to W.

    Args:
        x (numpy.ndarray): (N, C, *size).
        y (numpy.ndarray): (N, O, *out_size).
        correlation (Correlation): What is read where.

    Returns:
        numpy.ndarray: (O, C, *ksize), of the dtype of x.
    """
    if set(correlation.stride) == {1} and y.shape[1] < x.shape[1]:
        gradient = _reversed_filter(
            _filter_gradient(y, x, _reversed(correlation, x.shape[2:])))
    else:
        _, whole = _whole_strides(None, correlation)
        gradient = _filter_gradient(x, y, whole)[(..., *map(slice, correlation.ksize))]
    return np.ascontiguousarray(gradient)


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
    if set(correlation.stride) == {1} and len(W) <= _COPIES_PER_ADD * W.shape[1]:
        return _correlate(y, _reversed_filter(W), _reversed(correlation, size), b)
    return _transpose(y, *_whole_strides(W, correlation), b, size)


def _whole_strides(W, correlation):
    """Lengthen the filter with zeros to a multiple of the stride, so that all phases are alike."""
    extra = [-k % s for k, s in zip(correlation.ksize, correlation.stride, strict=True)]
    if W is not None and any(extra):
        W = np.pad(W, [(0, 0), (0, 0), *((0, n) for n in extra)])
    ksize = tuple(k + n for k, n in zip(correlation.ksize, extra, strict=True))
    return W, dataclasses.replace(correlation, ksize=ksize)


def _reversed(correlation, size):
    """Stride 1 only: the correlation that reads y where `correlation` reads x.

    In (1) put k = ksize - 1 - k' and i = start + q + k: then q = i - (start + ksize - 1) + k'.
    """
    start = tuple(1 - k - s for k, s in zip(correlation.ksize, correlation.start, strict=True))
    return dataclasses.replace(correlation, start=start, out_size=size)


def _reversed_filter(W):
    return np.flip(W, range(2, W.ndim)).swapaxes(0, 1)


def _correlate(x, W, correlation, b):
    y = np.empty((len(x), len(W), *correlation.out_size), x.dtype)
    matrix = W.reshape(len(W), -1)
    blocks = _blocks(x, correlation)
    # Few blocks: the sum over channels is shared out as well, and its parts are added in order.
    parts = split(x.shape[1], -(-_MIN_TASKS // len(blocks)))
    sums = {}

    def task(item):
        block, channels = item
        total = None
        for chunk in _chunks(channels, correlation, block, x.itemsize):
            columns = _columns(x, block, chunk, correlation)
            rows = _rows(chunk, correlation)
            if total is None:
                total = _product('total', matrix[:, rows], columns)
            else:
                total += _product('product', matrix[:, rows], columns)
        if len(parts) > 1:
            sums[item] = total.copy()
        else:
            store(total, block)

    def store(total, block):
        if b is not None:
            total += b[:, None]
        copy(samples_last(y[block.index]), total.reshape(len(total), *block.counts, block.batch))

    parallel.run(task, itertools.product(blocks, parts))
    if len(parts) > 1:
        for block in blocks:
            store(sum(sums[block, channels] for channels in parts), block)
    return y


def _filter_gradient(x, y, correlation):
    outputs, channels = y.shape[1], x.shape[1]
    blocks = _blocks(x, correlation)
    chunks = _chunks(range(channels), correlation, blocks[0], x.itemsize)
    # Few channels: the sum over blocks is shared out as well, and its parts are added in order.
    parts = split(len(blocks), -(-_MIN_TASKS // len(chunks)))
    # With (C * taps, O) in memory the products are faster, but the sum must be turned at the end.
    turned = len(x) * math.prod(correlation.out_size) >= _TURNED_POSITIONS
    shape = (outputs, channels * correlation.taps)
    sums = np.empty((len(parts), *(reversed(shape) if turned else shape)), x.dtype)
    sums = sums.swapaxes(1, 2) if turned else sums

    def task(item):
        chunk, (total, part) = item
        total = total[:, _rows(chunk, correlation)]
        for block in blocks[part.start:part.stop]:
            values = _values(y, block)
            columns = _columns(x, block, chunk, correlation)
            if block is blocks[part.start]:
                np.matmul(values, columns.T, out=total)
            elif turned:
                total += _product('product', columns, values.T).T
            else:
                total += _product('product', values, columns.T)

    def add_parts(chunk):
        rows = _rows(chunk, correlation)
        gradient[:, rows] = sum(sums[1:, :, rows], sums[0, :, rows])

    parallel.run(task, itertools.product(chunks, list(zip(sums, parts, strict=True))))
    if turned or len(parts) > 1:
        gradient = np.empty(shape, x.dtype)
        parallel.run(add_parts, chunks)
    else:
        gradient = sums[0]
    return gradient.reshape(outputs, channels, *correlation.ksize)


def _transpose(y, W, correlation, b, size):
    x = np.empty((len(y), W.shape[1], *size), y.dtype)
    matrix = W.reshape(len(W), -1)
    whole = tuple((0, n) for n in correlation.out_size)
    blocks = [Block(samples, whole)
              for samples in cuts(len(y), _samples_per_block(correlation.out_size))]

    def task(item):
        block, channels = item
        values = _values_in_runs(y, block, correlation)
        for chunk in _chunks(channels, correlation, block, y.itemsize):
            columns = _product('columns', matrix[:, _rows(chunk, correlation)].T, values)
            phases = _add_columns(columns, chunk, block, correlation)
            merge_phases(phases, x, block, chunk, correlation, b)

    parallel.run(task, itertools.product(
        blocks, split(W.shape[1], -(-_MIN_TASKS // len(blocks)))))
    return x


def _columns(x, block, chunk, correlation):
    """The columns of a block: (len(chunk) * taps, block.columns), in workspace memory."""
    view = windows(split_phases(x, block, chunk, correlation), block, correlation)
    columns = parallel.workspace('columns', view.shape, x.dtype)
    columns[...] = view
    return columns.reshape(-1, block.columns)


def _values(y, block):
    """A block of y as (O, block.columns)."""
    y = samples_last(y[block.index])
    if block.batch > 1:
        values = parallel.workspace('values', y.shape, y.dtype)
        copy(values, y)
        y = values
    return y.reshape(len(y), -1)


def _values_in_runs(y, block, correlation):
    """A block of y as (O, run_length), zero between the rows of the window.

    Then each row of W^T y is a run as well, and can be added to its window at one go.
    """
    values = parallel.workspace('values', (y.shape[1], run_length(block, correlation)), y.dtype)
    values[...] = 0
    copy(in_run(values, block, correlation), samples_last(y[block.index]))
    return values


def _add_columns(columns, chunk, block, correlation):
    """Phases from columns: the row of each tap is added to the run of its window."""
    phases = empty_phases(block, chunk, correlation, columns.dtype)
    runs = phases.reshape(len(chunk), *correlation.stride, -1)
    length = columns.shape[1]
    columns = columns.reshape(len(chunk), *correlation.digits, length)
    runs[..., length:] = 0
    for shift in np.ndindex(correlation.shifts):
        first = run_start(shift, block, correlation)
        rows = columns[(slice(None), *itertools.chain(*((a, slice(None)) for a in shift)))]
        if first == 0:
            runs[..., :length] = rows
        else:
            runs[..., first:first + length] += rows
    return phases


def _blocks(x, correlation):
    """Cut the output into blocks of _BLOCK_COLUMNS columns or more, whole rows first."""
    out_size = correlation.out_size
    column_bytes = x.shape[1] * correlation.taps * x.itemsize
    budget = min(max(_BLOCK_COLUMNS, _BLOCK_BYTES // column_bytes), _MAX_BLOCK_COLUMNS)
    steps = []
    for length in reversed(out_size):
        steps.insert(0, max(1, min(length, budget)))
        budget //= length
    samples = cuts(len(x), _samples_per_block(out_size))
    return [Block(pair, box) for pair in samples
            for box in itertools.product(*map(cuts, out_size, steps))]


def _samples_per_block(out_size):
    return max(1, round(_SAMPLE_COLUMNS / math.prod(out_size)))


def _chunks(channels, correlation, block, itemsize):
    """Ranges of channels whose columns take about _BLOCK_BYTES each."""
    channel_bytes = correlation.taps * block.columns * itemsize
    parts = split(len(channels), -(-len(channels) * channel_bytes // _BLOCK_BYTES))
    return [range(channels.start + part.start, channels.start + part.stop) for part in parts]


def _rows(chunk, correlation):
    """The rows of columns that belong to some of the channels."""
    return slice(chunk.start * correlation.taps, chunk.stop * correlation.taps)


def _product(name, a, b):
    return np.matmul(a, b, out=parallel.workspace(name, (len(a), b.shape[1]), a.dtype))
