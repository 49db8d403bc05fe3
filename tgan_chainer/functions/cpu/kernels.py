"""Convolution and its two gradients on NumPy arrays, in one to three dimensions.

Everything is one operation and the two that transpose it. The *correlation* of x with W is

    y[n, o, q] = sum over c, k of  W[o, c, k] * x[n, c, start + stride * q + k]        (1)

with q, k, start and stride vectors of the spatial dimensions, and x zero outside its bounds
(a convolution that pads p has start = -p). The three kernels are

* :func:`correlate`: y (N, O, *out_size) from x (N, C, *size) and W (O, C, *ksize);
* :func:`filter_gradient`: the sum over n and q of y[n, o, q] * x[n, c, start + stride * q + k],
  which is the gradient of sum(y * correlate(x, W)) with respect to W;
* :func:`transpose_correlate`: x from y and W, each product of (1) added to the element it read.

Results are of the dtype of the first array. The bias b, of the channels of the result, is added
to it, or None. A :class:`~tgan_chainer.functions.cpu.columns.Correlation` says what is read where.

Each becomes products of matrices, the *columns* of x (:mod:`tgan_chainer.functions.cpu.columns`)
among them. Layers of few channels run :mod:`tgan_chainer.functions.cpu.direct`, which needs none.

Fewer products do where Winograd's minimal filtering (Winograd 1980) pays. Two outputs of a filter
with two taps take three products instead of four, F(2, 2), and of one with three taps four instead
of six, F(2, 3):

    V = (p0 - p1, p1, p2 - p1),  U = (g0, g0 + g1, g1),  y0 = V0 U0 + V1 U1,  y1 = V1 U1 + V2 U2

for the elements p and the taps g of F(2, 2). In d dimensions 3^d or 4^d *points* take the place of
4^d or 6^d products, and each point is a product of matrices. A filter of kernel 4 and stride 2 has
two taps: with the two *phases* of a dimension apart, tap k = 2 a + r reads element q + a of phase
r, so that it is a correlation whose channels are the phases of all channels.

A *tile* is what one such step reads and makes. The elements that tiles read become columns, and so
do those of y; the filter is a single tile. Each is then transformed in place by adding rows to
others. The gradients are the transposed steps. Everywhere else a tile is an output position, with
one point, and every tap is a phase: then y and W are the matrices as they are.

In float32 the root mean square of the error is 1 to 4 times that of direct sums (C3D's conv2a 1.0,
D's c1 4.0, of standard normal arrays): at most 9e-7 of the result's root mean square.

All arrays that come in are brought into the samples-last layout of
:mod:`tgan_chainer.functions.cpu`, and results are in it, as views of Chainer's shapes.
"""
import dataclasses
import functools
import itertools
import math

import numpy as np

from tgan_chainer.functions.cpu import direct, parallel, samples_first, samples_last
from tgan_chainer.functions.cpu.columns import Rows, gather, scatter, volume_shape

# Columns of a block: enough that packing the filter inside the matrix product is cheap. Of few
# channels a block has more, so that their columns take at least this many bytes.
_BLOCK_COLUMNS = 1024
_BLOCK_BYTES = 1 << 20
# Tiles of Winograd's filtering in a block, and samples at most, so that its memory does not grow
# with the batch.
_BLOCK_TILES = 256
_BLOCK_SAMPLES = 128
# A kernel is cut into at least this many tasks where the shapes allow it, into twice as many where
# none repeats a transform.
_MIN_TASKS = 4
# Elements between two rows: rows a power of two apart would compete for few lines of the cache.
_ROW_GAP = 16
# Where Winograd's filtering has been measured to pay, of each (kernel, stride, dimensions): pairs
# of the least number of channels and of columns. Below, transforms cost what the products save.
_LEAST = {(4, 2, 2): {64: 512}, (4, 2, 3): {32: 1024, 64: 512, 128: 128},
          (3, 1, 2): {64: 512}, (3, 1, 3): {64: 96}}


def correlate(x, W, b, correlation):
    """y of (1), plus the bias (O,)."""
    correlation, taps = _cropped(correlation, x.shape[2:])
    W = W[taps].astype(x.dtype, copy=False)
    outputs, channels = W.shape[:2]
    layer = len(x), outputs, channels, correlation
    winograd = winograd_pays(*layer)
    if not winograd and direct.pays(x.dtype, *layer):
        return direct.correlate(x, W, b, correlation)
    grid, x = _Grid.of(correlation, winograd), samples_last(x)
    U = grid.filter_points(W)
    y = np.empty((outputs, *correlation.out_size, x.shape[-1]), x.dtype)
    blocks = grid.blocks(x, channels)
    parts = parallel.split(outputs, -(-grid.min_tasks // len(blocks)))
    columns = grid.columns('x', x, blocks, len(parts) > 1)

    def task(item):
        block, part = item
        V = columns(block)
        M = grid.memory_of('y', y, part, block)
        np.matmul(U[..., slice(*part)].swapaxes(1, 2), V, out=M)
        grid.collect('y', M, y, part, block, b)

    parallel.run(task, itertools.product(blocks, parts))
    return samples_first(y)


def filter_gradient(x, y, correlation):
    """The gradient of W, of its shape."""
    cropped, taps = _cropped(correlation, x.shape[2:])
    outputs, channels, y = y.shape[1], x.shape[1], y.astype(x.dtype, copy=False)
    if cropped != correlation:
        gradient = np.zeros((outputs, channels, *correlation.ksize), x.dtype)
        gradient[taps] = filter_gradient(x, y, cropped)
        return gradient
    layer = len(x), outputs, channels, correlation
    winograd = winograd_pays(*layer)
    if not winograd and direct.gradient_pays(x.dtype, *layer):
        return direct.filter_gradient(x, y, correlation)
    grid, x, y = _Grid.of(correlation, winograd), samples_last(x), samples_last(y)
    blocks = grid.blocks(x, channels)
    groups = parallel.split(len(blocks), grid.min_tasks)
    parts = parallel.split(channels, -(-grid.min_tasks // len(groups)))
    columns = grid.columns('y', y, blocks, len(parts) > 1)
    gradient = np.empty((outputs, channels, *correlation.ksize), x.dtype)
    sums = [grid.filter_memory(gradient, (0, channels), i) for i in range(len(groups))]

    def task(item):
        group, part = item
        total = sums[group][:, grid.rows('W', part)]
        for block in blocks[slice(*groups[group])]:
            V = grid.spread('x', x, part, block)
            M = columns(block).swapaxes(1, 2)
            if block is blocks[groups[group][0]]:
                np.matmul(V, M, out=total)
            else:
                total += np.matmul(V, M, out=grid.filter_memory(gradient, part, 'product'))

    def collect(part):
        total, *others = (each[:, grid.rows('W', part)] for each in sums)
        for other in others:
            total += other
        if winograd:
            turned = np.empty((part[1] - part[0], *correlation.ksize, outputs), x.dtype)
            grid.collect('W', total, turned, (0, len(turned)), _Block((0, 1), (0, outputs)))
            gradient[:, slice(*part)] = samples_first(turned)

    parallel.run(task, itertools.product(range(len(groups)), parts))
    parallel.run(collect, parallel.split(channels, _MIN_TASKS))
    return gradient


def transpose_correlate(y, W, b, correlation, size):
    """x, of the spatial ``size``, plus the bias (C,)."""
    correlation, taps = _cropped(correlation, size)
    W = W[taps].astype(y.dtype, copy=False)
    outputs, channels = W.shape[:2]
    layer = len(y), outputs, channels, correlation
    winograd = winograd_pays(*layer)
    if not winograd and direct.transpose_pays(y.dtype, *layer, size):
        return direct.transpose_correlate(y, W, b, correlation, size)
    grid, y = _Grid.of(correlation, winograd), samples_last(y)
    U = grid.filter_points(W)
    x = np.empty((channels, *size, y.shape[-1]), y.dtype)
    slabs = [grid.blocks(y, channels, slab) for slab in grid.slabs]
    parts = parallel.split(channels, -(-grid.min_tasks // -(-len(slabs) // 2)))
    columns = grid.columns('y', y, itertools.chain(*slabs), len(parts) > 1)

    def fill(part):
        x[slice(*part)] = 0 if b is None else b[slice(*part)].reshape(-1, *(1,) * (x.ndim - 1))

    def task(item):
        blocks, part = item
        for block in blocks:
            M, V = columns(block), grid.memory_of('x', x, part, block)
            np.matmul(U[:, grid.rows('x', part)], M, out=V)
            grid.collect('x', V, x, part, block)

    parallel.run(fill, parallel.split(channels, _MIN_TASKS))
    # Tiles of neighbouring slabs share elements of x, those of every second slab do not.
    for some in slabs[::2], slabs[1::2]:
        parallel.run(task, itertools.product(some, parts))
    return samples_first(x)


def winograd_pays(batch, outputs, channels, correlation):
    """Whether Winograd's filtering is faster than the other ways, for N, O and C.

    It takes kernel 4 and stride 2, or kernel 3 and stride 1, in two or three dimensions.
    """
    ndim = len(correlation.ksize)
    least = _LEAST.get((correlation.ksize[0], correlation.stride[0], ndim), {})
    alike = len({*correlation.ksize}) == len({*correlation.stride}) == 1
    # An odd size leaves half of its last tile unused.
    whole = all(size % 2 == 0 for size in correlation.out_size)
    columns = math.prod(correlation.out_size) // 2 ** ndim * batch
    return alike and whole and any(min(outputs, channels) >= least_channels and columns >= some
                                   for least_channels, some in least.items())


@functools.lru_cache
def _cropped(correlation, size):
    """The same without taps at the ends that read zeros only, and the index of those that stay.

    D's c3, whose output is one frame, has two of its four taps along the time in the padding.
    """
    start, stride, ksize, out_size = map(np.array, correlation)
    first = np.clip(-(start + stride * (out_size - 1)), 0, ksize - 1)
    stop = np.clip(size - start, first + 1, ksize)
    return (correlation._replace(start=tuple((start + first).tolist()),
                                 ksize=tuple((stop - first).tolist())),
            (..., *map(slice, first.tolist(), stop.tolist())))


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


_WINOGRAD = {    # of each kernel and stride
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


@functools.cache
def _each_output(ksize, stride):
    """The scheme without a transform."""
    taps = tuple(range(ksize))
    return _Scheme(stride, 1, 1, ksize, {'x': taps, 'y': (0,), 'W': taps},
                   {'x': (), 'y': (), 'W': ()})


@dataclasses.dataclass(frozen=True)
class _Block:
    """Some tiles, (start, stop), of some samples, (start, stop)."""

    tiles: tuple
    samples: tuple

    @property
    def width(self):
        return math.prod(stop - start for start, stop in (self.tiles, self.samples))


@dataclasses.dataclass(frozen=True)
class _Grid:
    """The tiles of a correlation, in MAX_NDIM dimensions, and the columns of its arrays."""

    winograd: bool
    schemes: tuple
    tiles: tuple
    geometry: dict

    @classmethod
    @functools.lru_cache
    def of(cls, correlation, winograd):
        starts, strides, ksizes, sizes = zip(*correlation.geometry, strict=True)
        schemes = tuple(_WINOGRAD[kind] if winograd and kind != (1, 1) else _each_output(*kind)
                        for kind in zip(ksizes, strides, strict=True))
        tiles = tuple(-(-n // s.outputs) for n, s in zip(sizes, schemes, strict=True))
        return cls(winograd, schemes, tiles, {
            'x': tuple((start, s.step, len(s.rows['x']), n)
                       for start, s, n in zip(starts, schemes, tiles, strict=True)),
            'y': tuple((0, s.outputs, s.outputs, n) for s, n in zip(schemes, tiles, strict=True)),
            'W': tuple((0, k, k, 1) for k in ksizes)})

    @property
    def min_tasks(self):
        return _MIN_TASKS if self.winograd else 2 * _MIN_TASKS

    @property
    def slabs(self):
        """Tiles, of each place along the first spatial dimension for Winograd's filtering."""
        total = math.prod(self.tiles)
        flat = self.schemes[0].outputs == 1
        return parallel.cuts(total, total // self.tiles[1 if flat else 0] if self.winograd
                             else total)

    def blocks(self, x, channels, tiles=None):
        """Cut tiles, (start, stop), all by default, and the samples of x or y into blocks."""
        start, stop = tiles or (0, math.prod(self.tiles))
        if self.winograd:
            columns, parts = _BLOCK_TILES, -(-x.shape[-1] // _BLOCK_SAMPLES)
        else:    # a column of y has all samples
            row = self.rows('x', (0, channels)).stop * x.itemsize
            columns, parts = max(_BLOCK_COLUMNS, _BLOCK_BYTES // row), 1
        return [_Block((start + first, start + last), samples)
                for samples in parallel.split(x.shape[-1], parts)
                for first, last in parallel.cuts(
                    stop - start, max(1, columns // (samples[1] - samples[0])))]

    def rows(self, kind, part):
        """The rows of some channels, (start, stop)."""
        phases = 1 if kind == 'y' else math.prod(s.phases for s in self.schemes)
        return slice(phases * part[0], phases * part[1])

    def memory(self, kind, part, block, dtype, name='', count=()):
        """(points, rows, columns) of some channels and a block; or ``count`` such arrays."""
        rows = self.rows(kind, part)
        points = math.prod(s.points for s in self.schemes)
        return parallel.workspace(f'{kind}{name}', (
            *count, points, rows.stop - rows.start, block.width + _ROW_GAP),
            dtype)[..., :block.width]

    def memory_of(self, kind, x, part, block):
        """That of x or y; y itself without a transform."""
        if self.winograd or kind == 'x':
            return self.memory(kind, part, block, x.dtype)
        columns = slice(*(x.shape[-1] * i for i in block.tiles))
        return x.reshape(len(x), -1)[None, slice(*part), columns]

    def columns(self, kind, x, blocks, shared):
        """Function of a block that gives :meth:`spread` of all channels.

        Tasks that share blocks find them made, by all threads.
        """
        whole = 0, len(x)
        if not shared or not (self.winograd or kind == 'x'):
            return functools.partial(self.spread, kind, x, whole)
        blocks = list(blocks)
        widest = max(blocks, key=lambda block: block.width)
        memory = self.memory(kind, whole, widest, x.dtype, ' of all', (len(blocks),))
        made = {block: array[..., :block.width]
                for block, array in zip(blocks, memory, strict=True)}
        parallel.run(lambda item: self.spread(kind, x, item[1], item[0], made[item[0]][
            :, self.rows(kind, item[1])]), itertools.product(
                made, parallel.split(len(x), _MIN_TASKS)))
        return made.get

    def spread(self, kind, x, part, block, memory=None):
        """The transformed columns of some channels and a block, (points, rows, columns)."""
        if memory is None:
            memory = self.memory_of(kind, x, part, block)
        if self.winograd or kind == 'x':
            line, rows = self._line(kind, memory, transpose=False)
            gather(x.reshape(-1), volume_shape(x), line, rows, part, block.tiles, block.samples,
                   self.geometry[kind])
        return memory

    def collect(self, kind, memory, x, part, block, b=None):
        """The transpose: add to x; make y or W, plus a bias."""
        if self.winograd or kind == 'x':
            if b is None and kind != 'x':
                b = np.zeros(len(x), x.dtype)
            line, rows = self._line(kind, memory, transpose=True)
            scatter(line, rows, x.reshape(-1), volume_shape(x), part, block.tiles, block.samples,
                    self.geometry[kind], b)
        elif b is not None:
            memory += b[slice(*part), None]

    def filter_points(self, W):
        """U, (points, phases of all channels, outputs)."""
        outputs, channels = W.shape[:2]
        if not self.winograd:
            return W.reshape(outputs, -1).T[None]
        whole = _Block((0, 1), (0, outputs))
        U = self.memory('W', (0, channels), whole, W.dtype)

        def task(part):
            turned = samples_last(W[:, slice(*part)])
            self.spread('W', turned, (0, len(turned)), whole, U[:, self.rows('W', part)])

        parallel.run(task, parallel.split(channels, _MIN_TASKS))
        return U

    def filter_memory(self, W, part, name):
        """As :meth:`filter_points`, not filled; that of name 0 is W itself without a transform."""
        if self.winograd:
            return self.memory('W', part, _Block((0, 1), (0, len(W))), W.dtype, name)
        rows = self.rows('W', part)
        return (W if name == 0 else parallel.workspace(
            f'W{name}', (len(W), rows.stop - rows.start), W.dtype)).reshape(len(W), -1).T[None]

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
    lifts = np.array(lifts, float).reshape(-1, 4)
    places = np.indices(sizes).reshape(len(sizes), -1)
    return (np.ravel_multi_index(places // np.c_[phases], points),
            np.ravel_multi_index(places % np.c_[phases], phases),
            elements, lifts[:, :3].astype(int), lifts[:, 3].copy())
