"""The kernels against equation (1) of the module, with blocks so small that every way is taken.

Tolerance 1e-12: sums of fewer than 1e3 products of standard normal numbers in float64.
"""
import itertools

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from tests.functions.cpu.filtering import (
    arguments,
    assert_same_bits_of_all_threads,
    kernels,
)
from tgan_chainer.functions.cpu import direct
from tgan_chainer.functions.cpu import kernels as cpu_kernels
from tgan_chainer.functions.cpu.columns import Correlation

# Constants of the kernels, from "each output on its own" to "all at once".
BLOCKINGS = {
    'single positions': {'_BLOCK_COLUMNS': 1, '_BLOCK_BYTES': 1, '_CHUNK_BYTES': 1,
                         '_TURNED_COLUMNS': 0},
    'parts of lines': {'_BLOCK_COLUMNS': 20, '_BLOCK_BYTES': 1, '_CHUNK_BYTES': 4000,
                       '_TURNED_COLUMNS': 10 ** 9},
    'everything at once': {'_BLOCK_BYTES': 10 ** 6, '_MIN_TASKS': 1, '_TURNED_COLUMNS': 0},
    'many parts': {'_BLOCK_COLUMNS': 10 ** 6, '_MIN_TASKS': 100, '_TURNED_COLUMNS': 10 ** 9},
    'no columns': {},
}


@pytest.fixture(params=BLOCKINGS)
def blocking(request, monkeypatch):
    for name, value in BLOCKINGS[request.param].items():
        monkeypatch.setattr(cpu_kernels, name, value)
    if request.param == 'no columns':
        for name, value in {'_LEAST_OUTPUTS': 1, '_LEAST_COLUMNS': 1, '_STEPS': 3,
                            '_MOST_OUTPUTS_A_CHANNEL': 9, '_SUMMED_VECTORS': 3,
                            '_BLOCK_SAMPLES': 16,
                            '_LEAST_BLOCKS': 2}.items():
            monkeypatch.setattr(direct, name, value)
    return request.param


def products(x, W, correlation):
    """Yield (q, k, i) of (1): output position, tap, and the element of x, inside x."""
    for q, k in itertools.product(np.ndindex(correlation.out_size), np.ndindex(correlation.ksize)):
        i = tuple(start + stride * a + b for start, stride, a, b in
                  zip(correlation.start, correlation.stride, q, k, strict=True))
        if all(0 <= j < n for j, n in zip(i, x.shape[2:], strict=True)):
            yield (..., *q), (..., *k), (..., *i)


@st.composite
def correlations(draw):
    ndim = draw(st.integers(1, 3))
    longest = {1: 9, 2: 6, 3: 4}[ndim]

    def vector(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(ndim))

    return vector(1, longest), Correlation(
        start=vector(-4, 2), stride=vector(1, 3), ksize=vector(1, 4), out_size=vector(1, longest))


@hypothesis.settings(
    deadline=None, max_examples=25,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(correlations(), st.integers(1, 9), st.integers(1, 5), st.integers(1, 5))
def test_kernels_are_the_equation(blocking, correlation, batch, channels, outputs):
    size, correlation = correlation
    batch *= 8 if blocking == 'no columns' else 1    # whole vectors
    shapes = batch, channels, outputs, size, correlation
    x, W, y, b, c = arguments(*shapes)
    expected = {'y': np.zeros_like(y), 'x': np.zeros_like(x), 'W': np.zeros_like(W)}
    for q, k, i in products(x, W, correlation):
        expected['y'][q] += x[i] @ W[k].T
        expected['x'][i] += y[q] @ W[k]
        expected['W'][k] += y[q].T @ x[i]
    for name, bias in (('y', b), ('x', c)):
        expected[f'{name} without bias'] = expected[name]
        expected[name] = expected[name] + bias.reshape(-1, *(1,) * len(size))
    for name, result in kernels(cpu_kernels, *shapes).items():
        np.testing.assert_allclose(result, expected[name], rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize('batch', [7, 64])
def test_bits_do_not_depend_on_the_number_of_threads(blocking, batch, monkeypatch):
    assert_same_bits_of_all_threads(monkeypatch, cpu_kernels, batch, 6, 4, (8, 12), Correlation(
        (-1, -1), (2, 2), (4, 4), (4, 6)))


@pytest.mark.parametrize('batch', [4, 16, 256])    # several positions, one, a part of one a vector
def test_few_channels_need_no_columns(batch, monkeypatch):
    shapes = batch, 6, 4, (32, 32), Correlation((-1, -1), (2, 2), (4, 4), (16, 16)), np.float32
    found = kernels(cpu_kernels, *shapes)
    monkeypatch.setattr(direct, '_LEAST_COLUMNS', np.inf)
    with_columns = kernels(cpu_kernels, *shapes)
    monkeypatch.undo()
    for name in 'gather', 'scatter':    # what makes columns, and what takes them apart
        monkeypatch.setattr(cpu_kernels, name, None)
    kernels(cpu_kernels, *shapes)
    for name, result in found.items():
        # Float32: sums of up to 65,536 products.
        np.testing.assert_allclose(result, with_columns[name], rtol=0, err_msg=name,
                                   atol=1e-5 * abs(with_columns[name]).max())


def test_taps_that_read_padding_only_are_left_out(monkeypatch):
    correlation = Correlation((-1, -1), (2, 2), (4, 4), (1, 2))
    x, W, y, *_ = arguments(2, 3, 3, (2, 4), correlation)
    rows, gather = [], cpu_kernels.gather
    monkeypatch.setattr(cpu_kernels, 'gather', lambda *args: rows.append(len(args[3].taps)) or
                        gather(*args))
    cpu_kernels.correlate(x, W, None, correlation)
    cpu_kernels.filter_gradient(x, y, correlation)
    assert set(rows) == {2 * 4}


def test_arrays_of_two_dtypes_are_converted():
    correlation = Correlation((-1, -1), (2, 2), (4, 4), (16, 16))
    x, W, y, *_ = arguments(16, 6, 4, (32, 32), correlation)
    for kernel, a, b, *rest in (
            (cpu_kernels.correlate, x, W, None, correlation),
            (cpu_kernels.transpose_correlate, y, W, None, correlation, (32, 32)),
            (cpu_kernels.filter_gradient, x, y, correlation)):
        b = b.astype(np.float32)
        # Sums of up to 4,096 products.
        np.testing.assert_allclose(kernel(a, b, *rest), kernel(a, b.astype(np.float64), *rest),
                                   rtol=0, atol=1e-11, err_msg=kernel.__name__)
