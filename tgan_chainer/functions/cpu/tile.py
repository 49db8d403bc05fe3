"""Products of runs of memory, at places that tables tell, for what BLAS would need copies of.

The innermost loop is written in LLVM's instructions: no compiler of Python loops keeps a tile of
the result in registers.
"""
import functools

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.registry import cpu_target
from numba.extending import intrinsic

from tgan_chainer.functions.cpu.jit import kernel

# Of the target, which options of Numba change, and which names the code that it keeps on disk.
_WIDE = '+avx512f' in cpu_target.target_context.codegen().magic_tuple()[-1]
_VECTOR_BYTES = 64 if _WIDE else 32
VECTORS = 4    #: Columns of a tile: tables of columns have a multiple of it.
_ROWS = 4 if _WIDE else 2    # A tile takes half of the registers.


def lanes(dtype):
    """Elements of a vector."""
    return _VECTOR_BYTES // dtype.itemsize


@kernel
def multiply(a, a_rows, b, columns, steps, chunks, out, out_rows, out_columns, initial, lanes):
    """Multiply a matrix and vectors.

    For every row r, column v and l < lanes,

        out[out_rows[r] + out_columns[v] + l]
            = initial[r] + sum over s of a[a_rows[r] + s] * b[columns[v] + steps[s] + l]

    Args:
        a, b, out, initial: Memory, of one dimension and dtype.
        a_rows, columns, steps, out_rows, out_columns: int64, one dimension.
        chunks: Pairs (start, stop) of steps, summed apart and then added.
        lanes (int): See :func:`lanes`.
    """
    whole = len(a_rows) // _ROWS * _ROWS
    for v in range(0, len(columns), VECTORS):
        for r in range(len(a_rows)):
            for u in range(v, v + VECTORS):
                for i in range(lanes):
                    out[out_rows[r] + out_columns[u] + i] = initial[r]
        for c in range(len(chunks)):
            s, some = chunks[c, 0], steps[chunks[c, 0]:chunks[c, 1]]
            for r in range(0, whole, _ROWS):
                _multiply_tile(a[s:], a_rows[r:], some, b, columns[v:], some, out, out_rows[r:],
                               out_columns[v:])
            for r in range(whole, len(a_rows)):
                _multiply_row(a[s:], a_rows[r:], some, b, columns[v:], some, out, out_rows[r:],
                              out_columns[v:])


@kernel
def add_dots(a, a_rows, a_steps, b, b_rows, b_steps, chunks, out, out_rows, out_columns):
    """Add the product of a matrix and a transposed one.

    For every row r of a and v of b,

        out[out_rows[r] + out_columns[v]] += sum over s and l < lanes of
            a[a_rows[r] + a_steps[s] + l] * b[b_rows[v] + b_steps[s] + l]

    Args: as of :func:`multiply`.
    """
    whole = len(a_rows) // _ROWS * _ROWS
    for c in range(len(chunks)):
        s, e = chunks[c]
        for r in range(0, whole, _ROWS):
            for v in range(0, len(b_rows), VECTORS):
                _dot_tile(a, a_rows[r:], a_steps[s:e], b, b_rows[v:], b_steps[s:e], out,
                          out_rows[r:], out_columns[v:])
        for r in range(whole, len(a_rows)):
            for v in range(0, len(b_rows), VECTORS):
                _dot_row(a, a_rows[r:], a_steps[s:e], b, b_rows[v:], b_steps[s:e], out,
                         out_rows[r:], out_columns[v:])


def _tile(rows, dots):
    """The function that adds the products of the first rows and columns of its tables."""
    @intrinsic
    def tile(typing, a, a_rows, a_steps, b, columns, b_steps, out, out_rows, out_columns):
        args = a, a_rows, a_steps, b, columns, b_steps, out, out_rows, out_columns
        return types.void(*args), functools.partial(_emit, rows, dots)
    return tile


def _emit(rows, dots, context, builder, signature, args):
    a, a_rows, a_steps, b, columns, b_steps, out, out_rows, out_columns = (
        context.make_array(kind)(context, builder, arg)
        for kind, arg in zip(signature.args, args, strict=True))
    dtype = signature.args[0].dtype
    element, number, size = context.get_value_type(dtype), ir.IntType(64), dtype.bitwidth // 8
    count = _VECTOR_BYTES // size
    vector = ir.VectorType(element, count)
    suffix = f'v{count}f{dtype.bitwidth}'

    def function(name, *kinds):
        return cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kinds[0], kinds[1:]), f'llvm.{name}.{suffix}')

    fused = function('fmuladd', vector, vector, vector, vector)
    total_of = function('vector.reduce.fadd', element, element, vector)

    def item(table, i):
        return builder.load(builder.gep(table.data, [number(i) if isinstance(i, int) else i]))

    def at(memory, *offsets):
        return builder.gep(memory, [functools.reduce(builder.add, offsets)])

    def load(pointer):
        return builder.load(builder.bitcast(pointer, vector.as_pointer()), align=size)

    def broadcast(value):
        one = builder.insert_element(vector(ir.Undefined), value, ir.IntType(32)(0))
        return builder.shuffle_vector(one, vector(ir.Undefined),
                                      ir.VectorType(ir.IntType(32), count)([0] * count))

    left = [at(a.data, item(a_rows, r)) for r in range(rows)]
    right = [at(b.data, item(columns, v)) for v in range(VECTORS)]
    # Memory that LLVM makes registers of.
    sums = [[cgutils.alloca_once_value(builder, vector([0.] * count)) for _ in right]
            for _ in left]
    length, = cgutils.unpack_tuple(builder, b_steps.shape, 1)
    with cgutils.for_range(builder, length) as loop:
        i, step = loop.index, item(b_steps, loop.index)
        factors = [load(at(pointer, step)) for pointer in right]
        own_step = item(a_steps, i) if dots else i
        for pointer, line in zip(left, sums, strict=True):
            value = (load(at(pointer, own_step)) if dots
                     else broadcast(builder.load(at(pointer, own_step))))
            for factor, total in zip(factors, line, strict=True):
                builder.store(builder.call(fused, [value, factor, builder.load(total)]), total)
    for r, line in enumerate(sums):
        for v, total in enumerate(line):
            place = at(out.data, item(out_rows, r), item(out_columns, v))
            if dots:
                value = builder.call(total_of, [element(0.), builder.load(total)],
                                     fastmath=('reassoc',))
                builder.store(builder.fadd(builder.load(place), value), place)
            else:
                value = builder.fadd(load(place), builder.load(total))
                builder.store(value, builder.bitcast(place, vector.as_pointer()), align=size)
    return context.get_dummy_value()


_multiply_tile, _multiply_row = _tile(_ROWS, dots=False), _tile(1, dots=False)
_dot_tile, _dot_row = _tile(_ROWS, dots=True), _tile(1, dots=True)
