"""Columns of an array: the windows that a correlation reads, as a matrix, and the way back.

The matrix has a row for each (channel, tap), in the order of the weight's memory, and a column for
each (output position, sample). Arrays have their samples last (:mod:`~tgan_chainer.functions.
layout`) and, in the kernels, three spatial dimensions: the missing first ones have size 1. Their
`geometry` is (start, stride, ksize, out_size) of each dimension, see :class:`Correlation`.
"""
import dataclasses
import functools
import math

import numpy as np

from tgan_chainer.functions.cpu.jit import kernel

MAX_NDIM = 3
"""Spatial dimensions that the kernels take."""


@dataclasses.dataclass(frozen=True)
class Correlation:
    """What is read: x[start + stride * q + k], k < ksize, q < out_size.

    All members are tuples with one integer for each spatial dimension, one to three of them.
    """

    start: tuple
    stride: tuple
    ksize: tuple
    out_size: tuple

    @functools.cached_property
    def taps(self):
        return math.prod(self.ksize)

    @functools.cached_property
    def positions(self):
        return math.prod(self.out_size)

    @functools.cached_property
    def geometry(self):
        missing = MAX_NDIM - len(self.ksize)
        return ((0, 1, 1, 1),) * missing + tuple(
            zip(self.start, self.stride, self.ksize, self.out_size, strict=True))


def volume_shape(x):
    """Samples last, (C, *size, N) -> (C, D, H, W, N)."""
    missing = MAX_NDIM + 2 - x.ndim
    return len(x), *(1,) * missing, *x.shape[1:]


# Kernels see memory as one row, and count in unsigned integers: an index that is a signed sum may
# be negative for all the compiler knows, and a loop over such is not one over vectors.

@kernel
def gather(x, shape, columns, channels, positions, geometry):
    """Fill the columns of some channels and output positions; zero outside x.

    Args:
        x: Memory of (C, D, H, W, N).
        shape: That tuple.
        columns: (channels * taps, positions * N or more), contiguous, written.
        channels, positions: Pairs (start, stop); positions count along (depth, height, width).
        geometry: See the module.
    """
    (d_start, d_stride, d_size, _), (h_start, h_stride, h_size, h_out) = geometry[:2]
    w_start, w_stride, w_size, w_out = geometry[2]
    _, depth, height, width, batch = shape
    count = positions[1] - positions[0]
    memory = columns.reshape(-1)
    row = 0
    for c in range(channels[0], channels[1]):
        for a in range(d_size):
            for b in range(h_size):
                for k in range(w_size):
                    begin, end = inside(w_start + k, w_stride, w_out, width)
                    q, p = _first_line(positions, h_out, w_out)
                    first = (q * h_out + p) * w_out - positions[0]    # column of the line's start
                    while first < count:
                        lo, hi = max(0, -first), min(w_out, count - first)
                        i, j = min(max(lo, begin), hi), min(max(lo, end), hi)
                        d, h = d_start + d_stride * q + a, h_start + h_stride * p + b
                        if d < 0 or d >= depth or h < 0 or h >= height:
                            i = j = hi
                        t = row * columns.shape[1] + first * batch
                        zero(memory, t + lo * batch, (i - lo) * batch)
                        if j > i:
                            s = ((c * depth + d) * height + h) * width + w_start + k + w_stride * i
                            copy(memory, t + i * batch, x, s * batch, w_stride * batch, j - i,
                                  batch)
                        zero(memory, t + j * batch, (hi - j) * batch)
                        first += w_out
                        p += 1
                        if p == h_out:
                            p = 0
                            q += 1
                    row += 1


@kernel
def scatter(columns, x, shape, channels, positions, geometry):
    """Add every element of the columns to the element of x that :func:`gather` would have read.

    Args:
        columns: (channels * taps, positions * N or more), contiguous.
        x: Memory of (C, D, H, W, N), changed.
        shape, channels, positions, geometry: As of :func:`gather`.
    """
    (d_start, d_stride, d_size, _), (h_start, h_stride, h_size, h_out) = geometry[:2]
    w_start, w_stride, w_size, w_out = geometry[2]
    _, depth, height, width, batch = shape
    count = positions[1] - positions[0]
    memory = columns.reshape(-1)
    for c in range(channels[0], channels[1]):
        q, p = _first_line(positions, h_out, w_out)
        first = (q * h_out + p) * w_out - positions[0]
        while first < count:
            lo, hi = max(0, -first), min(w_out, count - first)
            row = (c - channels[0]) * d_size * h_size * w_size
            for a in range(d_size):
                for b in range(h_size):
                    d, h = d_start + d_stride * q + a, h_start + h_stride * p + b
                    exists = 0 <= d < depth and 0 <= h < height
                    for k in range(w_size):
                        begin, end = inside(w_start + k, w_stride, w_out, width)
                        i, j = max(lo, begin), min(hi, end)
                        if exists and j > i:
                            t = ((c * depth + d) * height + h) * width + w_start + k + w_stride * i
                            s = row * columns.shape[1] + (first + i) * batch
                            add(x, t * batch, w_stride * batch, memory, s, j - i, batch)
                        row += 1
            first += w_out
            p += 1
            if p == h_out:
                p = 0
                q += 1


@kernel
def _first_line(positions, h_out, w_out):
    """Depth and height of the output line that positions start in."""
    line = positions[0] // w_out
    return line // h_out, line % h_out


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
def copy(target, t, source, s, s_step, runs, length):
    """Put runs of the source, `s_step` from one to the next, one after the other."""
    if s_step == length:
        runs, length = 1, runs * length
    t, s, t_step, s_step = np.uint64(t), np.uint64(s), np.uint64(length), np.uint64(s_step)
    for _ in range(runs):
        for i in range(t_step):
            target[t + i] = source[s + i]
        t += t_step
        s += s_step


@kernel
def add(target, t, t_step, source, s, runs, length):
    """Add runs, one after the other in the source, to places `t_step` from one to the next."""
    if t_step == length:
        runs, length = 1, runs * length
    t, s, t_step, s_step = np.uint64(t), np.uint64(s), np.uint64(t_step), np.uint64(length)
    for _ in range(runs):
        for i in range(s_step):
            target[t + i] += source[s + i]
        t += t_step
        s += s_step
