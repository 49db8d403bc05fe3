"""Columns of an array: the windows that a correlation reads, as a matrix, and the way back.

The matrix has a row for each (channel, tap), in the order of the weight's memory, and a column for
each (output position, sample). Arrays have their samples last (:mod:`tgan_chainer.functions.cpu`)
and, in the kernels, three spatial dimensions: the missing first ones have size 1. Their `geometry`
is (start, stride, ksize, out_size) of each dimension, see :class:`Correlation`.
"""
import typing

import numpy as np

from tgan_chainer.functions.cpu.jit import kernel

_SHORT = 4    # Elements of runs so short that the innermost loop is over runs.
MAX_NDIM = 3    #: Spatial dimensions that the kernels take.


class Correlation(typing.NamedTuple):
    """What is read: x[start + stride * q + k], k < ksize, q < out_size.

    All members are tuples with one integer for each spatial dimension, one to three of them.
    """

    start: tuple
    stride: tuple
    ksize: tuple
    out_size: tuple

    @property
    def geometry(self):
        return ((0, 1, 1, 1),) * (MAX_NDIM - len(self.ksize)) + tuple(zip(*self, strict=True))


class Rows(typing.NamedTuple):
    """Rows of a channel: where they are in memory, and what becomes of them there."""

    step: int             #: From one channel to the next.
    places: np.ndarray    #: Where each row begins.
    taps: np.ndarray      #: The row of each tap.
    #: (target, source, whether it is new): rows that are added to others, one after the other.
    lifts: np.ndarray = np.empty((0, 3), int)
    factors: np.ndarray = np.empty(0)    #: What the source is multiplied by.


def volume_shape(x):
    """Samples last, (C, *size, N) -> (C, D, H, W, N)."""
    missing = MAX_NDIM + 2 - x.ndim
    return len(x), *(1,) * missing, *x.shape[1:]


# Kernels see memory as one row, and count in unsigned integers: an index that is a signed sum may
# be negative for all the compiler knows, and a loop over such is not one over vectors.

@kernel
def gather(x, shape, memory, rows, channels, positions, samples, geometry):
    """Fill the columns of some channels, output positions and samples; zero outside x.

    Args:
        x, shape: Memory of (C, D, H, W, N), and that tuple.
        memory, rows: Written; where its rows are.
        channels, positions, samples: Pairs (start, stop); positions count along (depth, height,
            width).
        geometry: See the module.
    """
    (d_start, d_stride, d_size, _), (h_start, h_stride, h_size, h_out) = geometry[:2]
    w_start, w_stride, w_size, w_out = geometry[2]
    _, depth, height, width, batch = shape
    step, places, taps = rows[:3]
    count, number = positions[1] - positions[0], samples[1] - samples[0]
    for c in range(channels[0], channels[1]):
        origin = (c - channels[0]) * step
        tap = 0
        for a in range(d_size):
            for b in range(h_size):
                for k in range(w_size):
                    begin, end = inside(w_start + k, w_stride, w_out, width)
                    for line in range(positions[0] // w_out, -(-positions[1] // w_out)):
                        first = line * w_out - positions[0]    # column of the line's start
                        q, p = line // h_out, line % h_out
                        lo, hi = max(0, -first), min(w_out, count - first)
                        i, j = min(max(lo, begin), hi), min(max(lo, end), hi)
                        d, h = d_start + d_stride * q + a, h_start + h_stride * p + b
                        if d < 0 or d >= depth or h < 0 or h >= height:
                            i = j = hi
                        t = origin + places[taps[tap]] + first * number
                        zero(memory, t + lo * number, (i - lo) * number)
                        if j > i:
                            s = ((c * depth + d) * height + h) * width + w_start + k + w_stride * i
                            move(memory, t + i * number, number, x, s * batch + samples[0],
                                 w_stride * batch, j - i, number, 0)
                        zero(memory, t + j * number, (hi - j) * number)
                    tap += 1
        _lift(memory, origin, rows, count * number)


@kernel
def scatter(memory, rows, x, shape, channels, positions, samples, geometry, bias):
    """Add every element of the columns to the element of x that :func:`gather` would have read.

    Args:
        memory: Columns; changed where the rows have steps.
        x: Memory of (C, D, H, W, N), changed.
        bias: (C,): x becomes the sum of this and the columns, of which only one reads each element.
            Or None.
        rows, shape, channels, positions, samples, geometry: As of :func:`gather`.
    """
    (d_start, d_stride, d_size, _), (h_start, h_stride, h_size, h_out) = geometry[:2]
    w_start, w_stride, w_size, w_out = geometry[2]
    _, depth, height, width, batch = shape
    step, places, taps = rows[:3]
    count, number = positions[1] - positions[0], samples[1] - samples[0]
    for c in range(channels[0], channels[1]):
        origin = (c - channels[0]) * step
        _lift(memory, origin, rows, count * number)
        for line in range(positions[0] // w_out, -(-positions[1] // w_out)):
            first = line * w_out - positions[0]
            q, p = line // h_out, line % h_out
            lo, hi = max(0, -first), min(w_out, count - first)
            tap = 0
            for a in range(d_size):
                for b in range(h_size):
                    d, h = d_start + d_stride * q + a, h_start + h_stride * p + b
                    exists = 0 <= d < depth and 0 <= h < height
                    for k in range(w_size):
                        begin, end = inside(w_start + k, w_stride, w_out, width)
                        i, j = max(lo, begin), min(hi, end)
                        if exists and j > i:
                            t = ((c * depth + d) * height + h) * width + w_start + k + w_stride * i
                            t, t_step = t * batch + samples[0], w_stride * batch
                            s = origin + places[taps[tap]] + (first + i) * number
                            if bias is None:
                                move(x, t, t_step, memory, s, number, j - i, number, None)
                            else:
                                move(x, t, t_step, memory, s, number, j - i, number, bias[c])
                        tap += 1


@kernel
def _lift(memory, origin, rows, length):
    """Add rows of a channel to others, see :class:`Rows`."""
    _, places, _, lifts, factors = rows
    for i in range(len(lifts)):
        factor = memory.dtype.type(factors[i])
        t = np.uint64(origin + places[lifts[i, 0]])
        s = np.uint64(origin + places[lifts[i, 1]])
        if lifts[i, 2]:
            for j in range(np.uint64(length)):
                memory[t + j] = factor * memory[s + j]
        else:
            for j in range(np.uint64(length)):
                memory[t + j] += factor * memory[s + j]


@kernel
def inside(first, stride, count, size):
    """The range of q < count with 0 <= first + stride * q < size."""
    begin = max(0, -(first // stride))
    return begin, max(begin, min(count, -((first - size) // stride)))


@kernel
def zero(target, t, count):
    """Set ``target[t:t + count]`` to zero."""
    t = np.uint64(t)
    for i in range(np.uint64(count)):
        target[t + i] = 0


@kernel
def move(target, t, t_step, source, s, s_step, runs, length, bias):
    """Copy runs, whose steps are from one to the next, plus a number; if it is None, add them."""
    if t_step == s_step == length:
        runs, length = 1, runs * length
    t, s, t_step, s_step = np.uint64(t), np.uint64(s), np.uint64(t_step), np.uint64(s_step)
    runs, length = np.uint64(runs), np.uint64(length)
    if length < _SHORT:
        for i in range(length):
            for run in range(runs):
                _set(target, t + run * t_step + i, source[s + run * s_step + i], bias)
    else:
        for run in range(runs):
            for i in range(length):
                _set(target, t + run * t_step + i, source[s + run * s_step + i], bias)


@kernel
def _set(target, i, value, bias):
    if bias is None:
        target[i] += value
    else:
        target[i] = value + target.dtype.type(bias)
