"""Convolution without columns: products of the weight and runs of a padded array.

:mod:`tgan_chainer.functions.cpu.kernels` tells what the three kernels compute. Here x is copied
once, with its padding, and along the width apart by phase (index modulo stride): what a tap reads
for a line of the output is then one run of memory, and :mod:`tgan_chainer.functions.cpu.tile`
multiplies such runs where they are. With few channels, making columns takes longer than their
products.

The transpose of a stride s is s^d correlations of stride 1, one for each phase of its result.
"""
import dataclasses
import functools
import itertools
import math

import numpy as np

from tgan_chainer.functions.cpu import parallel, samples_first, samples_last, tile
from tgan_chainer.functions.cpu.columns import (
    MAX_NDIM,
    Correlation,
    Rows,
    gather,
    volume_shape,
)

# Steps of a product, and vectors of a sum over columns, that stay in the first cache.
_STEPS = 128
_SUMMED_VECTORS = 64
# Samples that are padded at a time, whole vectors, where the batch is made of enough such blocks;
# each is then a task. Fewer samples are one block, and its parts are tasks.
_BLOCK_SAMPLES = 64
_LEAST_BLOCKS = 4
_MIN_TASKS = 8
# What has been measured to pay: products of few outputs or terms read more than they compute, few
# columns do not repay the copy, and of many channels BLAS multiplies columns faster than they are
# copied. G1's dc4 takes 0.65 to 0.8 of the time with columns, D's c0 of three channels 0.75.
_LEAST_OUTPUTS = 4
_LEAST_TERMS = 16
_LEAST_COLUMNS = 1024
_MOST_CHANNELS = 64
_MOST_OUTPUTS_A_CHANNEL = 16


def pays(dtype, batch, outputs, channels, correlation):
    """Whether :func:`correlate` takes such arrays, and is faster than columns."""
    # Lines are whole vectors, and the columns of a block of samples whole tiles.
    lanes, samples = tile.lanes(dtype), _block_samples(batch)
    positions = math.prod(correlation.out_size)
    return (outputs >= _LEAST_OUTPUTS and channels <= _MOST_CHANNELS
            and channels * math.prod(correlation.ksize) >= _LEAST_TERMS
            and positions * batch >= _LEAST_COLUMNS
            and correlation.out_size[-1] * samples % lanes == 0
            and positions * samples % (lanes * tile.VECTORS) == 0)


def gradient_pays(dtype, batch, outputs, channels, correlation):
    """As :func:`pays`, for the filter gradient."""
    return (outputs <= _MOST_OUTPUTS_A_CHANNEL * channels
            and pays(dtype, batch, outputs, channels, correlation))


def transpose_pays(dtype, batch, outputs, channels, correlation, size):
    """As :func:`pays`, for the transpose, whose result has that size."""
    return (all(k >= s and n % s == 0 for k, s, n in zip(
                correlation.ksize, correlation.stride, size, strict=True))
            # A vector of several positions would be written to places apart.
            and not (correlation.stride[-1] > 1 and batch % tile.lanes(dtype))
            and all(pays(dtype, batch, channels, outputs, part)
                    for _, _, part in _phases(correlation, size)))


def _block_samples(batch):
    few = batch % _BLOCK_SAMPLES or batch < _LEAST_BLOCKS * _BLOCK_SAMPLES
    return batch if few else _BLOCK_SAMPLES


def correlate(x, W, b, correlation):
    """See :func:`tgan_chainer.functions.cpu.kernels.correlate`."""
    y = np.empty((len(W), *correlation.out_size, len(x)), x.dtype)
    _correlate(x, [((0,) * W.ndim, (1,) * W.ndim, W, correlation)], b, y)
    return samples_first(y)


def transpose_correlate(y, W, b, correlation, size):
    """See :func:`tgan_chainer.functions.cpu.kernels.transpose_correlate`."""
    W = W.reshape(*W.shape[:2], -1).swapaxes(0, 1)    # (C, O, taps)
    x = np.empty((len(W), *size, len(y)), y.dtype)
    _correlate(y, [(first, correlation.stride, W[..., taps], part)
                   for first, taps, part in _phases(correlation, size)], b, x)
    return samples_first(x)


@functools.lru_cache
def _phases(correlation, size):
    """Each phase of the transpose: its first result, its taps, its correlation."""
    def along(start, stride, ksize, size):
        for r in range(stride):
            taps = range((r - start) % stride, ksize, stride)
            first = (r - start - taps.start) // stride - len(taps) + 1
            yield r, taps[::-1], (first, 1, len(taps), len(range(r, size, stride)))

    phases = []
    for dimensions in itertools.product(*map(
            along, correlation.start, correlation.stride, correlation.ksize, size)):
        first, taps, parts = zip(*dimensions, strict=True)
        index = np.ravel_multi_index(np.ix_(*taps), correlation.ksize).reshape(-1)
        phases.append((first, index, Correlation(*zip(*parts, strict=True))))
    return phases


def filter_gradient(x, y, correlation):
    """See :func:`tgan_chainer.functions.cpu.kernels.filter_gradient`."""
    outputs, lanes = y.shape[1], tile.lanes(x.dtype)
    padded = _padded(x.shape[1], (correlation,), _block_samples(len(x)))
    taps = _taps(padded, correlation)
    count = len(taps)
    taps = np.pad(taps, (0, -count % tile.VECTORS), mode='edge')
    values = samples_last(y).reshape(-1, len(x))
    rows, columns = np.arange(outputs), np.arange(len(taps))
    steps = _columns(padded, correlation, lanes)
    places = np.arange(len(steps)) * lanes
    chunks = np.array(parallel.cuts(len(steps), _SUMMED_VECTORS))
    sums = np.zeros((len(x) // padded.samples, outputs, len(taps)), x.dtype)

    def task(memory, start, part):
        part = slice(*(tile.VECTORS * i for i in part))
        some = values
        if padded.samples < len(x):
            some = parallel.workspace('values', (len(values), padded.samples), x.dtype)
            np.copyto(some, values[:, start:start + padded.samples])
        tile.add_dots(some.reshape(-1), rows * (len(steps) * lanes), places, memory, taps[part],
                      steps, chunks, sums[start // padded.samples].reshape(-1),
                      rows * len(taps), columns[part])

    tasks = _MIN_TASKS if padded.samples == len(x) else 1
    padded.run(x, task, parallel.split(len(taps) // tile.VECTORS, tasks))
    gradient = functools.reduce(np.add, sums)[:, :count]
    return np.ascontiguousarray(gradient).reshape(outputs, x.shape[1], *correlation.ksize)


def _correlate(x, parts, b, y):
    """Fill y (O, *size, N), samples last.

    Args:
        x: (N, C, *size).
        parts: (first, step, filter, correlation) of what makes the elements first + step * q of y.
        b: (O,), or None.
        y: Memory of the result.
    """
    outputs, lanes = len(y), tile.lanes(y.dtype)
    padded = _padded(x.shape[1], tuple(part[-1] for part in parts), _block_samples(len(x)))
    b = np.zeros(outputs, y.dtype) if b is None else b
    rows = np.arange(outputs)
    tasks = []
    for first, step, W, correlation in parts:
        steps, columns = _taps(padded, correlation), _columns(padded, correlation, lanes)
        places = _places(first, step, correlation, y.shape[1:], padded.samples, lanes)
        chunks = np.array(parallel.cuts(len(steps), _STEPS))
        cut = tile.VECTORS * max(1, len(columns) * len(parts) // tile.VECTORS // _MIN_TASKS)
        tasks += [(np.ascontiguousarray(W).reshape(-1), columns[slice(*part)], steps, chunks,
                   places[slice(*part)]) for part in parallel.cuts(len(columns), cut)]

    def task(memory, start, part):
        W, columns, steps, chunks, places = part
        tile.multiply(W, rows * len(steps), memory, columns, steps, chunks,
                      y.reshape(-1)[start:], rows * y[0].size, places, b, lanes)

    padded.run(x, task, tasks)


@functools.lru_cache
def _places(first, step, correlation, size, samples, lanes):
    """Offsets of vectors in an array (*size, N), in the order of :func:`_columns`."""
    *size, batch = (1,) * (MAX_NDIM + 1 - len(size)) + size
    first, step = ((0,) * 3 + tuple(first))[-3:], ((1,) * 3 + tuple(step))[-3:]
    (*_, d), (*_, h), (*_, w) = correlation.geometry
    q, p = (i.reshape(-1) for i in np.indices((d, h)))
    line = ((first[0] + step[0] * q) * size[1] + first[1] + step[1] * p) * size[2] + first[2]
    i = np.arange(0, w * samples, lanes)
    return (line[:, None] * batch + i // samples * step[2] * batch + i % samples).reshape(-1)


@dataclasses.dataclass(frozen=True)
class _Padded:
    """A copy of some samples of x, (C, stride, depth, height, width, samples), from `start` on.

    So its phases along the width are the columns of stride windows.
    """

    shape: tuple
    start: tuple

    @property
    def samples(self):
        return self.shape[-1]

    def run(self, x, function, parts):
        """Call function(copy, first sample, part) for every block of samples and every part."""
        x = samples_last(x)
        blocks = range(0, x.shape[-1], self.samples)
        _, stride, *size, samples = self.shape
        phase = math.prod(size) * samples
        geometry = tuple((start, step, step, n) for start, step, n in zip(
            self.start, (1, 1, stride), size, strict=True))

        def pad(memory, block, channels):
            rows = Rows(stride * phase, phase * np.arange(stride), np.arange(stride))
            gather(x.reshape(-1), volume_shape(x), memory[channels[0] * rows.step:], rows, channels,
                   (0, math.prod(size)), (block, block + samples), geometry)

        memory = functools.partial(
            parallel.workspace, 'padded', (math.prod(self.shape),), x.dtype)

        def task(block):
            copied = memory()
            pad(copied, block, (0, len(x)))
            for part in parts:
                function(copied, block, part)

        if len(blocks) > 1:
            parallel.run(task, blocks)
            return
        copied = memory()
        parallel.run(lambda channels: pad(copied, 0, channels),
                     parallel.split(len(x), _MIN_TASKS))
        parallel.run(lambda part: function(copied, 0, part), parts)

    def offset(self, d, h, w):
        _, stride, depth, height, width, samples = self.shape
        return (((w % stride * depth + d) * height + h) * width + w // stride) * samples


@functools.lru_cache
def _padded(channels, correlations, samples):
    """The copy that all of the correlations read, which have one stride."""
    geometries = [correlation.geometry for correlation in correlations]
    start = tuple(min(g[i][0] for g in geometries) for i in range(MAX_NDIM))
    stop = [max(s + t * (n - 1) + k for s, t, k, n in (g[i] for g in geometries))
            for i in range(MAX_NDIM)]
    stride = geometries[0][2][1]
    depth, height, width = (b - a for a, b in zip(start, stop, strict=True))
    return _Padded((channels, stride, depth, height, -(-width // stride), samples), start)


@functools.lru_cache
def _taps(padded, correlation):
    """Offsets of (channel, tap), in the order of the weight's memory."""
    c, d, h, w = (i.reshape(-1) for i in np.indices(
        (padded.shape[0], *(k for _, _, k, _ in correlation.geometry))))
    return c * math.prod(padded.shape[1:]) + padded.offset(d, h, w)


@functools.lru_cache
def _columns(padded, correlation, lanes):
    """Offsets of the vectors of the output: runs of all (width, sample), line by line."""
    starts, strides, _, (d, h, w) = zip(*correlation.geometry, strict=True)
    q, p = (i.reshape(-1) for i in np.indices((d, h)))
    line = padded.offset(starts[0] - padded.start[0] + strides[0] * q,
                         starts[1] - padded.start[1] + strides[1] * p,
                         starts[2] - padded.start[2])
    return (line[:, None] + np.arange(0, w * padded.samples, lanes)).reshape(-1)
