"""Phases of an array, the windows on them, and the blocks that both are made for.

With k = stride * a + r, tap k of a correlation reads x[start + r + stride * (q + a)]: *phase* r of
x, shifted by a. In memory a block of phases is (channels, *stride, *reach, samples), so that

* all taps of a channel are overlapping windows of one small array (:func:`windows`);
* a window is also one *run* of memory, from its first element to its last, if one does not mind
  the few elements between its rows (:func:`run_length`, :func:`in_run`).

Samples are the last axis: where maps are small, several samples share a block, and rows stay long.
"""
import dataclasses
import functools
import itertools
import math

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tgan_chainer.functions import parallel


@dataclasses.dataclass(frozen=True)
class Correlation:
    """What is read: x[start + stride * q + k], k < ksize, q < out_size.

    All members are tuples with one integer for each spatial dimension.
    """

    start: tuple
    stride: tuple
    ksize: tuple
    out_size: tuple

    @property
    def taps(self):
        return math.prod(self.ksize)

    @property
    def shifts(self):
        """Number of shifts of a window, if every ksize is a multiple of its stride."""
        return tuple(k // s for k, s in zip(self.ksize, self.stride, strict=True))

    @property
    def digits(self):
        """Sizes of the two digits of a tap, (shift, r), of each dimension in turn."""
        return tuple(itertools.chain(*zip(self.shifts, self.stride, strict=True)))


@dataclasses.dataclass(frozen=True)
class Block:
    """Output positions of a few samples: a pair (start, stop), and one for each dimension."""

    samples: tuple
    box: tuple

    @property
    def counts(self):
        return tuple(stop - start for start, stop in self.box)

    @property
    def batch(self):
        return self.samples[1] - self.samples[0]

    @property
    def columns(self):
        return self.batch * math.prod(self.counts)

    @property
    def index(self):
        return (slice(*self.samples), slice(None), *(slice(*pair) for pair in self.box))


def cuts(length, step):
    """(start, stop) pairs that cut range(length) into pieces of `step`, the last one shorter."""
    return [(i, min(i + step, length)) for i in range(0, length, step)]


def split(length, parts):
    """Cut range(length) into at most `parts` ranges of nearly equal length."""
    return [range(*pair) for pair in cuts(length, -(-length // min(parts, length)))]


def reach(block, correlation):
    """How much of a phase the windows of a block cover: one number for each dimension."""
    return tuple(n + a - 1 for n, a in zip(block.counts, correlation.shifts, strict=True))


def empty_phases(block, chunk, correlation, dtype):
    """Workspace for the phases of some channels: (len(chunk), *stride, *reach, batch)."""
    shape = (len(chunk), *correlation.stride, *reach(block, correlation), block.batch)
    return parallel.workspace('phases', shape, dtype)


def windows(phases, block, correlation):
    """Overlapping views of phases: (len(chunk), shift 1, r 1, shift 2, r 2, ..., *counts, batch).

    Shift and r are the two digits of the tap, k = stride * shift + r: rows are in the order of the
    weight's memory.
    """
    ndim = len(block.box)
    channel, *strides, batch = phases.strides
    phase, position = strides[:ndim], strides[ndim:]
    return as_strided(
        phases,
        (len(phases), *correlation.digits, *block.counts, block.batch),
        (channel, *itertools.chain(*zip(position, phase, strict=True)), *position, batch))


def run_length(block, correlation):
    """Number of elements from the first of a window to its last."""
    last = np.ravel_multi_index([n - 1 for n in block.counts], reach(block, correlation))
    return (int(last) + 1) * block.batch


def run_start(shift, block, correlation):
    """Where the run of a shifted window starts."""
    return int(np.ravel_multi_index(shift, reach(block, correlation))) * block.batch


def in_run(runs, block, correlation):
    """What belongs to the window: a view (rows, *counts, batch) of runs (rows, run_length)."""
    row, item = runs.strides
    steps = np.cumprod([item * block.batch, *reversed(reach(block, correlation)[1:])])
    return as_strided(runs, (len(runs), *block.counts, block.batch), (row, *reversed(steps), item))


def split_phases(x, block, chunk, correlation):
    """phases[c, r, t, n] = x[n, c, first + r + stride * t], zero outside x."""
    x = samples_last(x[slice(*block.samples), chunk.start:chunk.stop])
    phases = empty_phases(block, chunk, correlation, x.dtype)
    overlaps, covers_phases, _ = _overlaps(correlation, block.box, x.shape[1:-1])
    if not covers_phases:
        phases[...] = 0
    for inside, elements in overlaps:
        copy(phases[inside], x[elements])
    return phases


def merge_phases(phases, x, block, chunk, correlation, b):
    """The inverse of :func:`split_phases`: x from its phases, plus the bias."""
    x = samples_last(x[slice(*block.samples), chunk.start:chunk.stop])
    if b is None:
        b = np.zeros(1, x.dtype)
    else:
        b = b[chunk.start:chunk.stop]
        phases += b.reshape(-1, *(1,) * (phases.ndim - 1))
    overlaps, _, covers_x = _overlaps(correlation, block.box, x.shape[1:-1])
    if not covers_x:    # no window reaches these
        x[...] = b.reshape(-1, *(1,) * (x.ndim - 1))
    for inside, elements in overlaps:
        copy(x[elements], phases[inside])


@functools.lru_cache(maxsize=4096)
def _overlaps(correlation, box, size):
    """Where the phases of a block and x overlap.

    Returns:
        list, bool, bool: For each phase the index of its part inside x, and the index of that part
        in x. Whether these parts are all of the phases, and all of x.
    """
    choices = []
    covers_phases = covers_x = True
    for start, step, shifts, (q, stop), length in zip(
            correlation.start, correlation.stride, correlation.shifts, box, size, strict=True):
        first = start + step * q
        count = stop - q + shifts - 1
        covers_phases = covers_phases and first >= 0 and first + step * count <= length
        covers_x = covers_x and first <= 0 and first + step * count >= length
        choices.append([(r, *_overlap(first + r, step, count, length)) for r in range(step)])
    overlaps = []
    for choice in itertools.product(*choices):
        r, inside, elements = zip(*choice, strict=True)
        overlaps.append(((slice(None), *r, *inside), (slice(None), *elements)))
    return overlaps, covers_phases, covers_x


def _overlap(first, step, count, length):
    """For t < count with 0 <= first + step * t < length: slices of t, and of first + step * t."""
    t0 = max(0, -(first // step))
    t1 = max(t0, min(count, -((first - length) // step)))
    return slice(t0, t1), slice(first + step * t0, first + step * t1, step)


def copy(target, source):
    """target[...] = source, both with the sample as the last axis.

    Left alone, NumPy would make the few samples its inner loop.
    """
    if target.shape[-1] < 8:
        for n in range(target.shape[-1]):
            target[..., n] = source[..., n]
    else:
        target[...] = source


def samples_last(x):
    return x.transpose(*range(1, x.ndim), 0)
