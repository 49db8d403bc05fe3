"""The kernels against Chainer's functions, with blocks so small that every way is taken.

Tolerances are of the largest element: 1e-12 in float64, 1e-5 in float32, for sums of fewer than
1e4 products of standard normal numbers, and for transforms that add up to 64 of them.
"""
import chainer
import chainer.functions as F
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from tgan_chainer.functions.cpu import direct, kernels, parallel
from tgan_chainer.functions.cpu.columns import Correlation

LARGE = {'_BLOCK_COLUMNS': 10 ** 6, '_BLOCK_TILES': 10 ** 6, '_BLOCK_SAMPLES': 10 ** 6}
# Constants of the kernels, from "each output on its own" to "all at once".
BLOCKINGS = {
    'single outputs': {'_BLOCK_COLUMNS': 1, '_BLOCK_BYTES': 1, '_BLOCK_TILES': 1,
                       '_BLOCK_SAMPLES': 1, '_MIN_TASKS': 100},
    'parts of lines': {'_BLOCK_COLUMNS': 20, '_BLOCK_BYTES': 1, '_BLOCK_TILES': 16,
                       '_BLOCK_SAMPLES': 4, '_MIN_TASKS': 2},
    'many parts': LARGE | {'_MIN_TASKS': 100},
    'all at once': LARGE | {'_MIN_TASKS': 1}}
NO_COLUMNS = {'_LEAST_OUTPUTS': 1, '_LEAST_TERMS': 1, '_LEAST_COLUMNS': 1, '_STEPS': 3,
              '_MOST_OUTPUTS_A_CHANNEL': 9, '_SUMMED_VECTORS': 3, '_BLOCK_SAMPLES': 16,
              '_LEAST_BLOCKS': 2}
MEMORY = {'C': np.ascontiguousarray, 'F': np.asfortranarray,
          'strided': lambda array: np.flip(np.repeat(np.flip(array), 2, -1))[..., ::2]}
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}


@pytest.fixture(params=[*BLOCKINGS, *(f'Winograd, {name}' for name in BLOCKINGS), 'no columns'])
def way(request, monkeypatch):
    """How results are computed; memory of the workspace is NaN, so that reading it is seen."""
    workspace = parallel.workspace

    def poisoned(*args):
        array = workspace(*args)
        array.fill(np.nan)
        return array

    monkeypatch.setattr(parallel, 'workspace', poisoned)
    winograd, no_columns = request.param.startswith('Winograd'), request.param == 'no columns'
    for name, value in (NO_COLUMNS if no_columns else BLOCKINGS[
            request.param.removeprefix('Winograd, ')]).items():
        monkeypatch.setattr(direct if no_columns else kernels, name, value)
    monkeypatch.setattr(kernels, 'winograd_pays', lambda *_: winograd)
    if winograd:    # which takes no other kernels than those of `correlations`
        monkeypatch.setattr(kernels, '_cropped', lambda correlation, size: (correlation, ...))
    return request.param


def results(*shapes, memory='C'):
    """Results of random arrays -> {name: array}; without a bias, too."""
    x, W, y, b, c = map(MEMORY[memory], arguments(*shapes))
    *_, size, correlation = shapes[:5]
    return {
        'y': kernels.correlate(x, W, b, correlation),
        'x': kernels.transpose_correlate(y, W, c, correlation, size),
        'W': kernels.filter_gradient(x, y, correlation),
        'y without bias': kernels.correlate(x, W, None, correlation),
        'x without bias': kernels.transpose_correlate(y, W, None, correlation, size),
    }


def arguments(batch, channels, outputs, size, correlation, dtype=np.float64):
    """x, W, y, and the biases of y and of x."""
    rng = np.random.RandomState(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in (
        (batch, channels, *size), (outputs, channels, *correlation.ksize),
        (batch, outputs, *correlation.out_size), outputs, channels)]


def by_chainer(batch, channels, outputs, size, correlation, dtype):
    """What :func:`results` is to be: Chainer's, in float64, of what is read of the padded x."""
    x, W, y, b, c = (chainer.Variable(array.astype('d')) for array in arguments(
        batch, channels, outputs, size, correlation, dtype))
    padding, read = [(0, 0)] * 2, [...]
    for length, start, stride, k, n in zip(size, *correlation, strict=True):
        stop = start + stride * (n - 1) + k
        padding.append((max(0, -start), max(0, stop - length)))
        read.append(slice(max(0, start), max(0, -start) + stop))
    windows = F.pad(x, padding, 'constant')[tuple(read)]
    made = F.convolution_nd(windows, W, stride=correlation.stride)
    gx, gW = chainer.grad([made], [x, W], [y])
    spread = (..., *[None] * len(size))
    return {'y': made.array + b.array[spread], 'x': gx.array + c.array[spread], 'W': gW.array,
            'y without bias': made.array, 'x without bias': gx.array}


def assert_same(found, expected, dtype):
    for name, result in found.items():
        assert result.dtype == dtype
        # Terms are about 1: a single output that cancels carries their rounding.
        np.testing.assert_allclose(
            result, expected[name], rtol=0, err_msg=name,
            atol=TOLERANCE[dtype] * max(1, abs(expected[name]).max()))


@st.composite
def correlations(draw, winograd):
    """Size of x and a correlation, of any start, and any out_size even far outside x."""
    ndim = draw(st.integers(2 if winograd else 1, 3))
    longest = {1: 12, 2: 12, 3: 6}[ndim]

    def vector(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(ndim))

    ksize, stride = vector(1, 4), vector(1, 3)
    if winograd:
        ksize, stride = ((each,) * ndim for each in draw(st.sampled_from([(4, 2), (3, 1)])))
    return vector(1, longest), Correlation(
        start=vector(-5, 3), stride=stride, ksize=ksize, out_size=vector(1, 6))


@hypothesis.settings(
    deadline=None, max_examples=25,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(st.data(), *[st.integers(1, 9), st.integers(1, 5), st.integers(1, 5)],
                  st.sampled_from([*TOLERANCE]), st.sampled_from([*MEMORY]))
def test_kernels_compute_what_chainer_does(way, data, batch, channels, outputs, dtype, memory):
    batch *= 8 if way == 'no columns' else 1    # whole vectors
    shapes = (batch, channels, outputs, *data.draw(correlations('Winograd' in way)), dtype)
    assert_same(results(*shapes, memory=memory), by_chainer(*shapes), dtype)


PLANE = Correlation((-1, -1), (2, 2), (4, 4), (16, 16))
VOLUME = Correlation((-1, -1, -1), (2, 2, 2), (4, 4, 4), (2, 8, 8))
C3D = Correlation((-1, -1, -1), (1, 1, 1), (3, 3, 3), (4, 14, 14))


@pytest.mark.parametrize('batch', [7, 64])
@pytest.mark.parametrize('size', [(8, 12), (4, 8, 12)])
def test_bits_do_not_depend_on_the_number_of_threads(size, batch, way, monkeypatch):
    ndim, runs = len(size), []
    for threads in '12352':
        monkeypatch.setenv('TGAN_NUM_THREADS', threads)
        runs.append(results(batch, 6, 4, size, Correlation(
            (-1,) * ndim, (2,) * ndim, (4,) * ndim, tuple(n // 2 for n in size)), np.float32))
    for run in runs[1:]:
        for name, result in run.items():
            np.testing.assert_array_equal(result, runs[0][name], err_msg=name)


@pytest.mark.parametrize('size, correlation, batch', [
    ((32, 32), PLANE, 8), ((4, 16, 16), VOLUME, 64), ((4, 14, 14), C3D, 1)])
def test_winograds_filtering_runs_where_it_pays(size, correlation, batch, monkeypatch):
    found = []
    for pays in (kernels.winograd_pays, lambda *_: True, lambda *_: False):
        monkeypatch.setattr(kernels, 'winograd_pays', pays)
        found.append(results(batch, 64, 65, size, correlation))
    for name, result in found[0].items():
        np.testing.assert_array_equal(result, found[1][name], err_msg=name)
        assert not np.array_equal(result, found[2][name]), name
    assert_same(found[0], found[2], np.float64)


@pytest.mark.parametrize('batch, channels, correlation', [
    (8, 64, PLANE), (32, 32, VOLUME), (16, 64, VOLUME), (4, 128, VOLUME), (1, 64, C3D)], ids=str)
def test_where_winograds_filtering_pays(batch, channels, correlation):
    if correlation is VOLUME:    # of twice as many tiles
        correlation = VOLUME._replace(out_size=(4, 8, 8))
    pays = kernels.winograd_pays
    assert pays(batch, channels, channels, correlation)
    assert not pays(batch, channels - 1, channels, correlation)
    assert not pays(batch, channels, channels - 1, correlation)
    fewer = correlation._replace(out_size=(
        *correlation.out_size[:-1], correlation.out_size[-1] - 2))
    assert not pays(batch, channels, channels, fewer)


@pytest.mark.parametrize('change', [
    {'ksize': (4, 3)}, {'ksize': (3, 3)}, {'stride': (1, 1)}, {'stride': (2, 1)},
    {'out_size': (16, 17)},
    {'start': (-1,), 'stride': (2,), 'ksize': (4,), 'out_size': (512,)}], ids=str)
def test_it_never_pays_in_other_layers(change):
    assert not kernels.winograd_pays(1000, 64, 64, PLANE._replace(**change))


@pytest.mark.parametrize('batch', [16, 256])    # a position, a part of one a vector
def test_few_channels_need_no_columns(batch, monkeypatch):
    shapes = batch, 6, 8, (32, 32), PLANE, np.float32
    found = results(*shapes)
    monkeypatch.setattr(direct, '_LEAST_COLUMNS', np.inf)
    with_columns = results(*shapes)
    monkeypatch.undo()
    for name in 'gather', 'scatter':    # what makes columns, and what takes them apart
        monkeypatch.setattr(kernels, name, None)
    results(*shapes)
    for name, result in found.items():
        # Float32: sums of up to 65,536 products.
        np.testing.assert_allclose(result, with_columns[name], rtol=0, err_msg=name,
                                   atol=1e-5 * abs(with_columns[name]).max())


def test_taps_that_read_padding_only_are_left_out(monkeypatch):
    correlation = Correlation((-1, -1), (2, 2), (4, 4), (1, 2))
    x, W, y, *_ = arguments(2, 3, 3, (2, 4), correlation)
    rows, gather = [], kernels.gather
    monkeypatch.setattr(kernels, 'gather', lambda *args: rows.append(len(args[3].taps)) or
                        gather(*args))
    kernels.correlate(x, W, None, correlation)
    kernels.filter_gradient(x, y, correlation)
    assert set(rows) == {2 * 4}


def test_arrays_of_two_dtypes_are_converted():
    x, W, y, *_ = arguments(16, 6, 4, (32, 32), PLANE)
    for kernel, a, b, *rest in (
            (kernels.correlate, x, W, None, PLANE),
            (kernels.transpose_correlate, y, W, None, PLANE, (32, 32)),
            (kernels.filter_gradient, x, y, PLANE)):
        b = b.astype(np.float32)
        # Sums of up to 4,096 products.
        np.testing.assert_allclose(kernel(a, b, *rest), kernel(a, b.astype(np.float64), *rest),
                                   rtol=0, atol=1e-11, err_msg=kernel.__name__)
