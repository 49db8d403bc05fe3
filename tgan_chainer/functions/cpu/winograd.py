"""Convolutions with fewer products: Winograd's minimal filtering (Winograd 1980).

Two outputs of a filter with two taps take three products instead of four, F(2, 2), and of one with
three taps four instead of six, F(2, 3):

    V = (p0 - p1, p1, p2 - p1),  U = (g0, g0 + g1, g1),  y0 = V0 U0 + V1 U1,  y1 = V1 U1 + V2 U2

for the elements p and the taps g of F(2, 2). In d dimensions 3^d or 4^d *points* take the place of
4^d or 6^d products, and each point is a product of matrices. A filter of kernel 4 and stride 2 has
two taps: with the two *phases* of a dimension apart, tap k = 2 a + r reads element q + a of phase
r, so that it is a correlation whose channels are the phases of all channels.

A *tile* is what one such step reads and makes. The elements that tiles read become columns
(:mod:`~tgan_chainer.functions.cpu.columns`), and so do those of y; the filter is a single tile.
Each is then transformed in place by adding rows to others. The gradients are the transposed steps.

In float32 the root mean square of the error is 1 to 4 times that of the direct sums of
:mod:`tgan_chainer.functions.cpu.kernels` (C3D's conv2a and conv4b 1.0 and 2.0, G1's dc3 2.8, D's c1
4.0, of standard normal arrays): at most 9e-7 of the result's root mean square.
"""
import dataclasses
import functools
import itertools
import math

import numpy as np

from tgan_chainer.functions.cpu import parallel
from tgan_chainer.functions.cpu.columns import Rows, gather, scatter, volume_shape
from tgan_chainer.functions.cpu.layout import samples_first, samples_last

# Samples of a block at most, so that its memory does not grow with the batch.
_BLOCK_SAMPLES = 128
# Columns of a block: enough that packing the filter inside the matrix product is cheap.
_BLOCK_COLUMNS = 256
# A kernel is cut into at least this many tasks where the shapes allow it.
_MIN_TASKS = 4
# Elements between two rows: rows a power of two apart would compete for few lines of the cache.
_ROW_GAP = 16
# What has been measured to pay, of each (kernel, stride, dimensions): pairs of the least number of
# channels and of columns. Below, transforms cost what the products save.
_LEAST = {(4, 2, 2): {64: 512}, (4, 2, 3): {32: 1024, 64: 512, 128: 128},
          (3, 1, 2): {64: 512}, (3, 1, 3): {64: 96}}


@dataclasses.dataclass(frozen=True, eq=False)    # by identity in a cache
class _Scheme:
    """One dimension: how many elements and what becomes of them, for each of x, y and W.

    The rows of the columns are numbered phases * point + phase; those of y have no phases. The
    elements go to some of the rows, then rows are added to others, a triple (target, source,
    factor) at a time. The transpose takes the same steps backwards, from source to target.
    """

    step: int    #: Of x, from one tile to the next.
    outputs: int
    points: int
    phases: int
    rows: dict    #: Of the elements, by array.
    lifts: dict


_SCHEMES = {
    (1, 1): _Scheme(1, 1, 1, 1, {'x': (0,), 'y': (0,), 'W': (0,)}, {'x': (), 'y': (), 'W': ()}),
    (4, 2): _Scheme(4, 2, 3, 2, {'x': tuple(range(6)), 'y': (0, 2), 'W': (0, 1, 4, 5)}, {
        'x': ((0, 2, -1), (1, 3, -1), (4, 2, -1), (5, 3, -1)),
        'y': ((1, 0, 1), (1, 2, 1)),
        'W': ((2, 0, 1), (2, 4, 1), (3, 1, 1), (3, 5, 1))}),
    # As in the literature, but row 2 of x is half of it and that of W twice, and row 3 of x and y
    # have the other sign.
    (3, 1): _Scheme(2, 2, 4, 1, {'x': (0, 1, 2, 3), 'y': (0, 3), 'W': (0, 1, 3)}, {
        'x': ((0, 2, -1), (3, 1, -1), (1, 2, 1), (2, 1, -.5)),
        'y': ((1, 0, 1), (1, 3, 1), (2, 0, 1), (2, 3, -1)),
        'W': ((2, 0, 1), (2, 3, 1), (2, 1, -1), (1, 2, .5))}),
}
"""Of each kernel and stride; the first is a dimension that an array does not have."""


def pays(batch, outputs, channels, correlation):
    """Whether the three kernels are faster than those of `direct` and of columns.

    Args:
        batch, outputs, channels (int): N, O and C.
        correlation (Correlation): What is read where.

    Returns:
        bool: Never true where the kernels do not apply: all take kernel 4 and stride 2, or kernel
        3 and stride 1, in two or three dimensions.
    """
    ndim = len(correlation.ksize)
    least = _LEAST.get((correlation.ksize[0], correlation.stride[0], ndim), {})
    alike = len({*correlation.ksize}) == len({*correlation.stride}) == 1
    # An odd size leaves half of its last tile unused.
    whole = all(size % 2 == 0 for size in correlation.out_size)
    columns = correlation.positions // 2 ** ndim * batch
    return alike and whole and any(min(outputs, channels) >= least_channels and columns >= some
                                   for least_channels, some in least.items())


def correlate(x, W, b, correlation):
    """See :func:`tgan_chainer.functions.cpu.kernels.correlate`."""
    outputs, grid = len(W), _Grid.of(correlation)
    x, U = samples_last(x), _filter_points(W, grid)
    y = np.empty((outputs, *correlation.out_size, x.shape[-1]), x.dtype)
    b = np.zeros(outputs, x.dtype) if b is None else b
    blocks = _blocks(x.shape[-1], (0, math.prod(grid.tiles)))
    parts = parallel.split(outputs, -(-_MIN_TASKS // len(blocks)))
    columns = grid.columns('x', x, blocks, len(parts) > 1)

    def task(item):
        block, part = item
        V = columns(block)
        M = grid.memory('y', part, block, x.dtype)
        np.matmul(U[..., slice(*part)].swapaxes(1, 2), V, out=M)
        grid.collect('y', M, y, part, block, b)

    parallel.run(task, itertools.product(blocks, parts))
    return samples_first(y)


def filter_gradient(x, y, correlation):
    """See :func:`tgan_chainer.functions.cpu.kernels.filter_gradient`."""
    outputs, channels = y.shape[1], x.shape[1]
    grid, whole = _Grid.of(correlation), _Block((0, 1), (0, outputs))
    x, y = samples_last(x), samples_last(y)
    blocks = _blocks(x.shape[-1], (0, math.prod(grid.tiles)))
    groups = parallel.split(len(blocks), _MIN_TASKS)
    parts = parallel.split(channels, -(-_MIN_TASKS // len(groups)))
    sums = [grid.memory('W', (0, channels), whole, x.dtype, i) for i in range(len(groups))]
    columns = grid.columns('y', y, blocks, len(parts) > 1)

    def task(item):
        group, part = item
        total = sums[group][:, grid.rows('W', part)]
        for block in blocks[slice(*groups[group])]:
            V = grid.spread('x', x, part, block)
            M = columns(block).swapaxes(1, 2)
            if block is blocks[groups[group][0]]:
                np.matmul(V, M, out=total)
            else:
                total += np.matmul(V, M, out=parallel.workspace('product', total.shape, x.dtype))

    gradient = np.empty((outputs, channels, *correlation.ksize), x.dtype)

    def collect(part):
        total, *others = (each[:, grid.rows('W', part)] for each in sums)
        for other in others:
            total += other
        turned = np.empty((part[1] - part[0], *correlation.ksize, outputs), x.dtype)
        grid.collect('W', total, turned, (0, len(turned)), whole, np.zeros(len(turned), x.dtype))
        gradient[:, slice(*part)] = samples_first(turned)

    parallel.run(task, itertools.product(range(len(groups)), parts))
    parallel.run(collect, parallel.split(channels, _MIN_TASKS))
    return gradient


def transpose_correlate(y, W, b, correlation, size):
    """See :func:`tgan_chainer.functions.cpu.kernels.transpose_correlate`."""
    channels, grid = W.shape[1], _Grid.of(correlation)
    y, U = samples_last(y), _filter_points(W, grid)
    x = np.empty((channels, *size, y.shape[-1]), y.dtype)
    slabs = [_blocks(y.shape[-1], slab) for slab in grid.slabs]
    parts = parallel.split(channels, -(-_MIN_TASKS // -(-len(slabs) // 2)))
    columns = grid.columns('y', y, itertools.chain(*slabs), len(parts) > 1)

    def fill(part):
        x[slice(*part)] = 0 if b is None else b[slice(*part)].reshape(-1, *(1,) * (x.ndim - 1))

    def task(item):
        blocks, part = item
        for block in blocks:
            M, V = columns(block), grid.memory('x', part, block, y.dtype)
            np.matmul(U[:, grid.rows('x', part)], M, out=V)
            grid.collect('x', V, x, part, block, np.empty(0, x.dtype))

    parallel.run(fill, parallel.split(channels, _MIN_TASKS))
    # Tiles of neighbouring slabs share elements of x, those of every second slab do not.
    for some in slabs[::2], slabs[1::2]:
        parallel.run(task, itertools.product(some, parts))
    return samples_first(x)


def _filter_points(W, grid):
    """U, (points, phases of all channels, outputs)."""
    outputs, channels = W.shape[:2]
    whole = _Block((0, 1), (0, outputs))
    U = grid.memory('W', (0, channels), whole, W.dtype)

    def task(part):
        turned = samples_last(W[:, slice(*part)])
        grid.spread('W', turned, (0, len(turned)), whole, U[:, grid.rows('W', part)])

    parallel.run(task, parallel.split(channels, _MIN_TASKS))
    return U


@dataclasses.dataclass(frozen=True)
class _Block:
    """Some tiles, (start, stop), of some samples, (start, stop)."""

    tiles: tuple
    samples: tuple


def _blocks(batch, tiles):
    """Cut tiles, (start, stop), and samples into blocks of about _BLOCK_COLUMNS."""
    return [_Block((tiles[0] + start, tiles[0] + stop), samples)
            for samples in parallel.split(batch, -(-batch // _BLOCK_SAMPLES))
            for start, stop in parallel.cuts(
                tiles[1] - tiles[0], max(1, _BLOCK_COLUMNS // (samples[1] - samples[0])))]


@dataclasses.dataclass(frozen=True)
class _Grid:
    """The tiles of a correlation, in MAX_NDIM dimensions, and the columns of its arrays."""

    schemes: tuple
    tiles: tuple
    geometry: dict

    @classmethod
    def of(cls, correlation):
        starts, strides, ksizes, sizes = zip(*correlation.geometry, strict=True)
        schemes = tuple(_SCHEMES[scheme] for scheme in zip(ksizes, strides, strict=True))
        tiles = tuple(-(-n // s.outputs) for n, s in zip(sizes, schemes, strict=True))
        return cls(schemes, tiles, {
            'x': tuple((start, s.step, len(s.rows['x']), n)
                       for start, s, n in zip(starts, schemes, tiles, strict=True)),
            'y': tuple((0, s.outputs, s.outputs, n) for s, n in zip(schemes, tiles, strict=True)),
            'W': tuple((0, k, k, 1) for k in ksizes)})

    @property
    def slabs(self):
        """The tiles of each place along the first spatial dimension."""
        total = math.prod(self.tiles)
        flat = self.schemes[0].outputs == 1
        return parallel.cuts(total, total // self.tiles[1 if flat else 0])

    def rows(self, kind, part):
        """The rows of some channels, (start, stop)."""
        phases = 1 if kind == 'y' else math.prod(s.phases for s in self.schemes)
        return slice(phases * part[0], phases * part[1])

    def memory(self, kind, part, block, dtype, name=''):
        """(points, rows, columns) of some channels and a block."""
        rows = self.rows(kind, part)
        width = math.prod(stop - start for start, stop in (block.tiles, block.samples))
        points = math.prod(s.points for s in self.schemes)
        return parallel.workspace(f'{kind}{name}', (
            points, rows.stop - rows.start, width + _ROW_GAP), dtype)[..., :width]

    def columns(self, kind, x, blocks, shared):
        """Function of a block that gives :meth:`spread` of all channels.

        Tasks that share blocks find them made, by all threads.
        """
        whole = 0, len(x)
        if not shared:
            return functools.partial(self.spread, kind, x, whole)
        made = {block: self.memory(kind, whole, block, x.dtype, i)
                for i, block in enumerate(blocks)}
        parallel.run(lambda item: self.spread(kind, x, item[1], item[0], made[item[0]][
            :, self.rows(kind, item[1])]), itertools.product(
                made, parallel.split(len(x), _MIN_TASKS)))
        return made.get

    def spread(self, kind, x, part, block, memory=None):
        """The transformed columns of some channels and a block, (points, rows, columns)."""
        if memory is None:
            memory = self.memory(kind, part, block, x.dtype)
        line, rows = self._line(kind, memory, transpose=False)
        gather(x.reshape(-1), volume_shape(x), line, rows, part, block.tiles, block.samples,
               self.geometry[kind])
        return memory

    def collect(self, kind, memory, x, part, block, b):
        """The transpose: make x of the columns, and a bias, or add to x if that is empty."""
        line, rows = self._line(kind, memory, transpose=True)
        scatter(line, rows, x.reshape(-1), volume_shape(x), part, block.tiles, block.samples,
                self.geometry[kind], b)

    def _line(self, kind, memory, transpose):
        """(points, rows, columns) as memory of one dimension, and its Rows."""
        point_step, step, item = memory.strides
        size = 1 + sum((n - 1) * s for n, s in zip(
            memory.shape, memory.strides, strict=True)) // item
        points, phases, *others = _transform(self.schemes, kind, transpose)
        rows = Rows(self.rows(kind, (0, 1)).stop * step // item,
                    points * (point_step // item) + phases * (step // item), *others)
        return np.lib.stride_tricks.as_strided(memory, (size,), (item,)), rows


@functools.cache
def _transform(schemes, kind, transpose):
    """Of an array: point and phase of every row; of :class:`Rows`, the taps, lifts and factors."""
    phases = [1 if kind == 'y' else s.phases for s in schemes]
    points = [s.points for s in schemes]
    sizes = np.multiply(points, phases)
    filled = [s.rows[kind] for s in schemes]

    def number(rows):
        return np.ravel_multi_index(np.ix_(*rows), sizes).reshape(-1)

    elements = number(filled)
    lifts, known = [], set(elements)
    for axis, scheme in enumerate(schemes):
        # Those before are complete, of those after only the elements' rows are filled.
        rows = [range(n) for n in sizes[:axis]] + filled[axis:]
        for target, source, factor in scheme.lifts[kind]:
            ends = [number([*rows[:axis], (end,), *rows[axis + 1:]]) for end in (target, source)]
            lifts += [(t, s, t not in known, factor) for t, s in zip(*ends, strict=True)]
            known.update(ends[0])
    if transpose:
        lifts = [(s, t, False, factor) for t, s, _, factor in reversed(lifts)]
    lifts, places = np.array(lifts), np.indices(sizes).reshape(len(sizes), -1)
    return (np.ravel_multi_index(places // np.c_[phases], points),
            np.ravel_multi_index(places % np.c_[phases], phases),
            elements, lifts[:, :3].astype(int), lifts[:, 3].copy())
