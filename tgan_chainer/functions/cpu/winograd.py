"""Convolutions of kernel 4 and stride 2 with fewer products: Winograd's minimal filtering.

With the two phases of a spatial dimension apart, tap k = 2 a + r reads element q + a of phase r:
such a layer is a correlation of two taps with the phases as channels. Two outputs of a two-tap
filter take three products instead of four (Winograd 1980, F(2, 2)); for the elements p0, p1, p2 of
a phase and the taps g0, g1

    V = (p0 - p1, p1, p2 - p1),  U = (g0, g0 + g1, g1),  y0 = V0 U0 + V1 U1,  y1 = V1 U1 + V2 U2

and in d dimensions 3^d *points* instead of 4^d products. Each point is a product of matrices. A
*tile* is what one such step reads and makes: 6 elements of x and 2 of y in each dimension, the
next tile 4 elements of x further. The gradients are the transposed steps.

All coefficients are 0, 1 and -1, so that only rounding differs from the direct sums of
:mod:`tgan_chainer.functions.cpu.kernels`, whose interface the three kernels here share. In float32
the root mean square of the error is, in units of the direct sums' error, 1.5 (correlation), 2.0
(its transpose) and 2.1 (filter gradient) for G1's dc4 with 128 frames, and 2.7, 3.0 and 2.6 for
D's c1 with 8 videos: at most 9e-7 of the result's root mean square.
"""
import dataclasses
import itertools
import math

import numpy as np

from tgan_chainer.functions.cpu import parallel
from tgan_chainer.functions.cpu.columns import MAX_NDIM, add, copy, inside, volume_shape, zero
from tgan_chainer.functions.cpu.jit import kernel
from tgan_chainer.functions.cpu.layout import samples_first, samples_last

# Samples of a block at most, so that its memory does not grow with the batch.
_BLOCK_SAMPLES = 128
# Columns of a block, or one line of tiles if that has more: enough that packing the filter inside
# the matrix product is cheap.
_BLOCK_COLUMNS = 256
# A kernel is cut into at least this many tasks where the shapes allow it.
_MIN_TASKS = 4
# Elements between two rows: rows a power of two apart would compete for few lines of the cache.
_ROW_GAP = 16
# What has been measured to pay: below, transforms cost what the products save.
_LEAST_CHANNELS = 64
_LEAST_COLUMNS = {2: 512, 3: 1024}


def pays(batch, outputs, channels, correlation):
    """Whether the three kernels are faster than those of `direct` and of columns.

    Args:
        batch, outputs, channels (int): N, O and C.
        correlation (Correlation): What is read where.

    Returns:
        bool: Never true where the kernels do not apply: all take kernel 4 and stride 2 in two or
        three dimensions.
    """
    ndim = len(correlation.ksize)
    if (ndim not in _LEAST_COLUMNS or set(correlation.ksize) != {4}
            or set(correlation.stride) != {2} or min(outputs, channels) < _LEAST_CHANNELS):
        return False
    # An odd size leaves half of its last tile unused.
    whole = all(size % 2 == 0 for size in correlation.out_size)
    return whole and correlation.positions // 2 ** ndim * batch >= _LEAST_COLUMNS[ndim]


def correlate(x, W, b, correlation):
    """See :func:`tgan_chainer.functions.cpu.kernels.correlate`."""
    batch, outputs, channels = len(x), len(W), x.shape[1]
    grid = _Grid.of(correlation)
    x, U = samples_last(x), _filter_points(W, [(0, channels)], grid)[0]
    y = np.empty((outputs, *correlation.out_size, batch), x.dtype)
    b = np.zeros(outputs, x.dtype) if b is None else b
    blocks = _blocks(batch, grid, grid.lines)
    parts = parallel.split(outputs, -(-_MIN_TASKS // len(blocks)))

    def task(item):
        block, part = item
        V = _points_of_x(x, (0, channels), block, grid)
        M = _workspace('product', part[1] - part[0], block, grid, x.dtype)
        np.matmul(U[:, slice(*part)], V, out=M[..., :block.width])
        _collect_y(M, y.reshape(-1), volume_shape(y), b, part, block.lines, block.samples,
                   grid.tiles, grid.deep, _lines(grid, block, x.dtype))

    parallel.run(task, itertools.product(blocks, parts))
    return samples_first(y)


def filter_gradient(x, y, correlation):
    """See :func:`tgan_chainer.functions.cpu.kernels.filter_gradient`."""
    batch, outputs, channels = len(x), y.shape[1], x.shape[1]
    grid = _Grid.of(correlation)
    x, y = samples_last(x), samples_last(y)
    blocks = _blocks(batch, grid, grid.lines)
    groups = parallel.split(len(blocks), _MIN_TASKS)
    parts = parallel.split(channels, -(-_MIN_TASKS // len(groups)))
    sums = [[_filter_memory(group * len(parts) + i, outputs, part, grid, x.dtype)
             for i, part in enumerate(parts)] for group in range(len(groups))]

    def task(item):
        group, i = item
        total = sums[group][i]
        start, stop = groups[group]
        for block in blocks[start:stop]:
            V = _points_of_x(x, parts[i], block, grid)
            M = _points_of_y(y, block, grid)
            if block is blocks[start]:
                np.matmul(M, V.swapaxes(1, 2), out=total)
            else:
                product = parallel.workspace('product', total.shape, x.dtype)
                total += np.matmul(M, V.swapaxes(1, 2), out=product)

    gradient = np.empty((outputs, channels, *correlation.ksize), x.dtype)

    def collect(rows):
        for i, part in enumerate(parts):
            total = sums[0][i][:, slice(*rows)]
            for other in sums[1:]:
                total += other[i][:, slice(*rows)]
            _collect_filter(sums[0][i], gradient.reshape(-1), channels, rows, part, grid.deep,
                            _filter_lines(part, grid, x.dtype))

    parallel.run(task, itertools.product(range(len(groups)), range(len(parts))))
    parallel.run(collect, parallel.split(outputs, _MIN_TASKS))
    return gradient


def transpose_correlate(y, W, b, correlation, size):
    """See :func:`tgan_chainer.functions.cpu.kernels.transpose_correlate`."""
    batch, channels = len(y), W.shape[1]
    grid = _Grid.of(correlation)
    slabs = [_blocks(batch, grid, lines) for lines in grid.slabs]
    parts = parallel.split(channels, -(-_MIN_TASKS // -(-len(slabs) // 2)))
    y, filters = samples_last(y), _filter_points(W, parts, grid)
    x = np.empty((channels, *size, batch), y.dtype)

    def fill(part):
        x[slice(*part)] = 0 if b is None else b[slice(*part)].reshape(-1, *(1,) * (x.ndim - 1))

    def task(item):
        blocks, (part, U) = item
        for block in blocks:
            M = _points_of_y(y, block, grid)
            V = _workspace('columns', (part[1] - part[0]) * grid.phases, block, grid, y.dtype)
            np.matmul(U.swapaxes(1, 2), M, out=V[..., :block.width])
            _collect_x(V, x.reshape(-1), volume_shape(x), part, block.lines, block.samples,
                       grid.start, grid.tiles, grid.deep, _lines(grid, block, y.dtype))

    parallel.run(fill, parallel.split(channels, _MIN_TASKS))
    # Tiles of neighbouring slabs share elements of x, those of every second slab do not.
    for some in slabs[::2], slabs[1::2]:
        parallel.run(task, itertools.product(some, zip(parts, filters, strict=True)))
    return samples_first(x)


@dataclasses.dataclass(frozen=True)
class _Grid:
    """The tiles of a correlation, in MAX_NDIM dimensions.

    Two-dimensional arrays are one plane: `deep` is false, and nothing is transformed along depth.
    """

    start: tuple
    tiles: tuple
    deep: bool

    @classmethod
    def of(cls, correlation):
        missing = MAX_NDIM - len(correlation.ksize)
        return cls((0,) * missing + correlation.start,
                   (1,) * missing + tuple(-(-size // 2) for size in correlation.out_size),
                   not missing)

    @property
    def lines(self):
        """All lines of tiles, (start, stop), counted along (depth, height)."""
        return 0, math.prod(self.tiles[:2])

    @property
    def slabs(self):
        """The lines of each tile of the first spatial dimension."""
        return parallel.cuts(self.lines[1], self.tiles[1] if self.deep else 1)

    @property
    def points(self):
        return 27 if self.deep else 9

    @property
    def phases(self):
        return 8 if self.deep else 4


@dataclasses.dataclass(frozen=True)
class _Block:
    """Some lines of tiles along the width, (start, stop), of some samples, (start, stop)."""

    lines: tuple
    samples: tuple
    width: int
    """Columns: tiles times samples."""


def _blocks(batch, grid, lines):
    """Cut lines of tiles, (start, stop), and samples into blocks of about _BLOCK_COLUMNS."""
    blocks = []
    for samples in parallel.split(batch, -(-batch // _BLOCK_SAMPLES)):
        line = grid.tiles[2] * (samples[1] - samples[0])
        for start, stop in parallel.cuts(lines[1] - lines[0], max(1, _BLOCK_COLUMNS // line)):
            blocks.append(_Block((lines[0] + start, lines[0] + stop), samples,
                                 (stop - start) * line))
    return blocks


def _points_of_x(x, channels, block, grid):
    """V, (points, phases * channels, columns), of some channels and a block."""
    V = _workspace('columns', (channels[1] - channels[0]) * grid.phases, block, grid, x.dtype)
    _spread_x(x.reshape(-1), volume_shape(x), V, channels, block.lines, block.samples, grid.start,
              grid.tiles, grid.deep, _lines(grid, block, x.dtype))
    return V[..., :block.width]


def _points_of_y(y, block, grid):
    """The transpose of what makes y, (points, outputs, columns), of a block."""
    M = _workspace('values', len(y), block, grid, y.dtype)
    _spread_y(y.reshape(-1), volume_shape(y), M, block.lines, block.samples, grid.tiles, grid.deep,
              _lines(grid, block, y.dtype))
    return M[..., :block.width]


def _filter_points(W, parts, grid):
    """U of some channels, (points, outputs, phases * channels), for each of the parts."""
    arrays = [_filter_memory(i, len(W), part, grid, W.dtype) for i, part in enumerate(parts)]
    flat = np.ascontiguousarray(W).reshape(-1)

    def task(rows):
        for part, U in zip(parts, arrays, strict=True):
            _spread_filter(flat, W.shape[1], U, rows, part, grid.deep,
                           _filter_lines(part, grid, W.dtype))

    parallel.run(task, parallel.split(len(W), _MIN_TASKS))
    return arrays


def _filter_memory(index, outputs, part, grid, dtype):
    shape = grid.points, outputs, grid.phases * (part[1] - part[0])
    return parallel.workspace(f'filter {index}', shape, dtype)


def _filter_lines(part, grid, dtype):
    """Memory for the taps of an output channel."""
    taps = 64 if grid.deep else 16
    return parallel.workspace('lines', (taps * (part[1] - part[0]),), dtype)


def _workspace(name, rows, block, grid, dtype):
    return parallel.workspace(name, (grid.points, rows, block.width + _ROW_GAP), dtype)


def _lines(grid, block, dtype):
    """Memory for the lines that a line of tiles reads: 6 in each of depth and height."""
    samples = block.samples[1] - block.samples[0]
    rows = 36 if grid.deep else 6
    return parallel.workspace('lines', (rows * (4 * grid.tiles[2] + 2) * samples,), dtype)


# Kernels work on one line of tiles at a time, in `lines`: memory of (planes, rows, elements),
# one plane if not deep. Along depth and height they run over whole lines, and along the width over
# all elements of one kind: those of a phase r with an even q, and those with an odd q.

@kernel
def _spread_x(x, shape, V, channels, span, samples, start, tiles, deep, lines):
    """Fill V, (points, phases * channels, columns or more), from x; zero outside it."""
    count = samples[1] - samples[0]
    run = tiles[2] * count
    length = 4 * run + 2 * count
    planes = 6 if deep else 1
    phases = 8 if deep else 4
    memory = V.reshape(-1)
    for c in range(channels[0], channels[1]):
        for line in range(span[0], span[1]):
            d = start[0] + 4 * (line // tiles[1]) if deep else 0
            h = start[1] + 4 * (line % tiles[1])
            for a in range(planes):
                for b in range(6):
                    _read_line(x, shape, c, d + a, h + b, start[2], tiles[2], samples, lines,
                               (a * 6 + b) * length)
                _minus(lines, a * 6 * length, lines, (a * 6 + 2) * length, 2 * length)
                _minus(lines, (a * 6 + 4) * length, lines, (a * 6 + 2) * length, 2 * length)
            if deep:
                _minus(lines, 0, lines, 12 * length, 12 * length)
                _minus(lines, 24 * length, lines, 12 * length, 12 * length)
            for a in range(planes):
                for b in range(6):
                    for r in range(2):
                        even = (a * 6 + b) * length + r * (2 * run + count)
                        odd = even + run + count
                        point = (a // 2 * 3 + b // 2) * 3
                        phase = (a % 2 * 2 + b % 2) * 2 + r
                        row = (point * phases + phase) * (channels[1] - channels[0])
                        t = (row + c - channels[0]) * V.shape[2] + (line - span[0]) * run
                        step = V.shape[1] * V.shape[2]
                        _difference(memory, t, lines, even, odd, run)
                        copy(memory, t + step, lines, odd, run, 1, run)
                        _difference(memory, t + 2 * step, lines, even + count, odd, run)


@kernel
def _collect_x(V, x, shape, channels, span, samples, start, tiles, deep, lines):
    """The transpose of :func:`_spread_x`: add to x."""
    count = samples[1] - samples[0]
    run = tiles[2] * count
    length = 4 * run + 2 * count
    planes = 6 if deep else 1
    phases = 8 if deep else 4
    memory = V.reshape(-1)
    for c in range(channels[0], channels[1]):
        for line in range(span[0], span[1]):
            for a in range(planes):
                for b in range(6):
                    for r in range(2):
                        even = (a * 6 + b) * length + r * (2 * run + count)
                        odd = even + run + count
                        point = (a // 2 * 3 + b // 2) * 3
                        phase = (a % 2 * 2 + b % 2) * 2 + r
                        row = (point * phases + phase) * (channels[1] - channels[0])
                        s = (row + c - channels[0]) * V.shape[2] + (line - span[0]) * run
                        step = V.shape[1] * V.shape[2]
                        copy(lines, even, memory, s, run, 1, run)
                        zero(lines, even + run, count)
                        _plus(lines, even + count, memory, s + 2 * step, run)
                        _difference(lines, odd, memory, s + step, s, run)
                        _minus(lines, odd, memory, s + 2 * step, run)
            if deep:
                _minus(lines, 12 * length, lines, 0, 12 * length)
                _minus(lines, 12 * length, lines, 24 * length, 12 * length)
            d = start[0] + 4 * (line // tiles[1]) if deep else 0
            h = start[1] + 4 * (line % tiles[1])
            for a in range(planes):
                _minus(lines, (a * 6 + 2) * length, lines, a * 6 * length, 2 * length)
                _minus(lines, (a * 6 + 2) * length, lines, (a * 6 + 4) * length, 2 * length)
                for b in range(6):
                    _add_line(x, shape, c, d + a, h + b, start[2], tiles[2], samples, lines,
                              (a * 6 + b) * length)


@kernel
def _spread_y(y, shape, M, span, samples, tiles, deep, lines):
    """Fill M, (points, outputs, columns or more), from y; the transpose of what makes y."""
    count = samples[1] - samples[0]
    run = tiles[2] * count
    length = 2 * run
    planes = 3 if deep else 1
    memory = M.reshape(-1)
    for o in range(shape[0]):
        for line in range(span[0], span[1]):
            d, h = 2 * (line // tiles[1]) if deep else 0, 2 * (line % tiles[1])
            for a in range(0, planes, 2):
                plane = a * 3 * length
                for b in range(0, 3, 2):
                    _read_pairs(y, shape, o, d + a // 2, h + b // 2, tiles[2], samples, lines,
                                plane + b * length)
                _sum(lines, plane + length, lines, plane, plane + 2 * length, length)
            if deep:
                _sum(lines, 3 * length, lines, 0, 6 * length, 3 * length)
            for a in range(planes):
                for b in range(3):
                    s = (a * 3 + b) * length
                    step = M.shape[1] * M.shape[2]
                    t = (a * 3 + b) * 3 * step + o * M.shape[2] + (line - span[0]) * run
                    copy(memory, t, lines, s, run, 1, run)
                    _sum(memory, t + step, lines, s, s + run, run)
                    copy(memory, t + 2 * step, lines, s + run, run, 1, run)


@kernel
def _collect_y(M, y, shape, bias, outputs, span, samples, tiles, deep, lines):
    """Make y from the products: add up their points, and the bias."""
    count = samples[1] - samples[0]
    run = tiles[2] * count
    length = 2 * run
    planes = 3 if deep else 1
    memory = M.reshape(-1)
    for o in range(outputs[0], outputs[1]):
        for line in range(span[0], span[1]):
            for a in range(planes):
                for b in range(3):
                    t = (a * 3 + b) * length
                    step = M.shape[1] * M.shape[2]
                    s = ((a * 3 + b) * 3 * step + (o - outputs[0]) * M.shape[2]
                         + (line - span[0]) * run)
                    _sum(lines, t, memory, s, s + step, run)
                    _sum(lines, t + run, memory, s + step, s + 2 * step, run)
            if deep:
                _plus(lines, 0, lines, 3 * length, 3 * length)
                _plus(lines, 6 * length, lines, 3 * length, 3 * length)
            d, h = 2 * (line // tiles[1]) if deep else 0, 2 * (line % tiles[1])
            for a in range(0, planes, 2):
                plane = a * 3 * length
                for b in range(0, 3, 2):
                    _plus(lines, plane + b * length, lines, plane + length, length)
                    _write_pairs(y, shape, bias[o], o, d + a // 2, h + b // 2, tiles[2], samples,
                                 lines, plane + b * length)


@kernel
def _spread_filter(W, channels, U, rows, part, deep, lines):
    """Fill rows of U, (points, outputs, phases * channels of the part).

    `lines` is memory of (taps, channels) here. In each dimension, point k is the sum of the taps a
    from k // 2 to (k + 1) // 2 of a phase.
    """
    count = part[1] - part[0]
    planes = 4 if deep else 1
    taps = planes * 16
    phases = 8 if deep else 4
    memory = U.reshape(-1)
    lane = np.uint64(count)
    for o in range(rows[0], rows[1]):
        for c in range(part[0], part[1]):
            s, t = np.uint64((o * channels + c) * taps), np.uint64(c - part[0])
            for k in range(np.uint64(taps)):
                lines[t + k * lane] = W[s + k]
        for point in range(27 if deep else 9):
            i, j, k = point // 9, point // 3 % 3, point % 3
            for phase in range(phases):
                t = ((point * U.shape[1] + o) * phases + phase) * count
                first = True
                for a in range(i // 2, (i + 1) // 2 + 1) if deep else range(1):
                    for b in range(j // 2, (j + 1) // 2 + 1):
                        for e in range(k // 2, (k + 1) // 2 + 1):
                            tap = ((2 * a + phase // 4) * 4 + 2 * b + phase // 2 % 2) * 4
                            s = (tap + 2 * e + phase % 2) * count
                            if first:
                                copy(memory, t, lines, s, count, 1, count)
                            else:
                                _plus(memory, t, lines, s, count)
                            first = False


@kernel
def _collect_filter(U, W, channels, rows, part, deep, lines):
    """The transpose of :func:`_spread_filter`: fill rows of W, for the channels of the part."""
    count = part[1] - part[0]
    planes = 4 if deep else 1
    taps = planes * 16
    phases = 8 if deep else 4
    memory = U.reshape(-1)
    lane = np.uint64(count)
    for o in range(rows[0], rows[1]):
        zero(lines, 0, taps * count)
        for point in range(27 if deep else 9):
            i, j, k = point // 9, point // 3 % 3, point % 3
            for phase in range(phases):
                s = ((point * U.shape[1] + o) * phases + phase) * count
                for a in range(i // 2, (i + 1) // 2 + 1) if deep else range(1):
                    for b in range(j // 2, (j + 1) // 2 + 1):
                        for e in range(k // 2, (k + 1) // 2 + 1):
                            tap = ((2 * a + phase // 4) * 4 + 2 * b + phase // 2 % 2) * 4
                            t = (tap + 2 * e + phase % 2) * count
                            _plus(lines, t, memory, s, count)
        for c in range(part[0], part[1]):
            t, s = np.uint64((o * channels + c) * taps), np.uint64(c - part[0])
            for k in range(np.uint64(taps)):
                W[t + k] = lines[s + k * lane]


@kernel
def _read_line(x, shape, c, d, h, start, tiles, samples, lines, t):
    """Put elements start + 4 i + m of a line of x into lines: m = 0, 2, 1, 3, then i.

    There is one i more than tiles for m = 0 and m = 1.
    """
    _, depth, height, width, batch = shape
    count = samples[1] - samples[0]
    exists = 0 <= d < depth and 0 <= h < height
    line = ((c * depth + d) * height + h) * width
    for m in (0, 2, 1, 3):
        number = tiles + 1 - m // 2
        begin, end = inside(start + m, 4, number, width)
        if not exists:
            begin = end = number
        zero(lines, t, begin * count)
        if end > begin:
            s = (line + start + m + 4 * begin) * batch + samples[0]
            copy(lines, t + begin * count, x, s, 4 * batch, end - begin, count)
        zero(lines, t + end * count, (number - end) * count)
        t += number * count


@kernel
def _add_line(x, shape, c, d, h, start, tiles, samples, lines, s):
    """The transpose of :func:`_read_line`."""
    _, depth, height, width, batch = shape
    count = samples[1] - samples[0]
    if d < 0 or d >= depth or h < 0 or h >= height:
        return
    line = ((c * depth + d) * height + h) * width
    for m in (0, 2, 1, 3):
        number = tiles + 1 - m // 2
        begin, end = inside(start + m, 4, number, width)
        if end > begin:
            t = (line + start + m + 4 * begin) * batch + samples[0]
            add(x, t, 4 * batch, lines, s + begin * count, end - begin, count)
        s += number * count


@kernel
def _read_pairs(y, shape, o, d, h, tiles, samples, lines, t):
    """Put the even elements of a line of y into lines, then the odd ones; zero outside y."""
    _, depth, height, width, batch = shape
    count = samples[1] - samples[0]
    line = ((o * depth + d) * height + h) * width
    for j in range(2):
        end = (width + 1 - j) // 2 if d < depth and h < height else 0
        if end > 0:
            copy(lines, t, y, (line + j) * batch + samples[0], 2 * batch, end, count)
        zero(lines, t + end * count, (tiles - end) * count)
        t += tiles * count


@kernel
def _write_pairs(y, shape, bias, o, d, h, tiles, samples, lines, s):
    """Fill a line of y from lines as of :func:`_read_pairs`, and add the bias."""
    _, depth, height, width, batch = shape
    if d >= depth or h >= height:
        return
    count = np.uint64(samples[1] - samples[0])
    line = ((o * depth + d) * height + h) * width
    for j in range(2):
        u = np.uint64(s + j * tiles * (samples[1] - samples[0]))
        t = np.uint64((line + j) * batch + samples[0])
        for _ in range((width + 1 - j) // 2):
            for i in range(count):
                y[t + i] = lines[u + i] + bias
            u += count
            t += np.uint64(2 * batch)


@kernel
def _plus(target, t, source, s, count):
    t, s = np.uint64(t), np.uint64(s)
    for i in range(np.uint64(count)):
        target[t + i] += source[s + i]


@kernel
def _minus(target, t, source, s, count):
    t, s = np.uint64(t), np.uint64(s)
    for i in range(np.uint64(count)):
        target[t + i] -= source[s + i]


@kernel
def _difference(target, t, source, s, other, count):
    t, s, other = np.uint64(t), np.uint64(s), np.uint64(other)
    for i in range(np.uint64(count)):
        target[t + i] = source[s + i] - source[other + i]


@kernel
def _sum(target, t, source, s, other, count):
    t, s, other = np.uint64(t), np.uint64(s), np.uint64(other)
    for i in range(np.uint64(count)):
        target[t + i] = source[s + i] + source[other + i]
