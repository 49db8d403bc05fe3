"""Winograd's filtering against the direct kernels.

Tolerances are of the largest element: 1e-12 in float64, 1e-5 in float32, for sums of fewer than
1e4 products of standard normal numbers, and for transforms that add up to 64 of them.
"""
import dataclasses

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from tests.functions.cpu.filtering import assert_same_bits_of_all_threads, kernels
from tgan_chainer.functions.cpu import kernels as cpu_kernels
from tgan_chainer.functions.cpu import parallel, winograd
from tgan_chainer.functions.cpu.columns import Correlation

# Constants of the kernels, from "each line of tiles on its own" to "all at once".
BLOCKINGS = {
    'single samples': {'_BLOCK_SAMPLES': 1, '_BLOCK_COLUMNS': 1, '_MIN_TASKS': 100},
    'some lines': {'_BLOCK_SAMPLES': 4, '_BLOCK_COLUMNS': 16, '_MIN_TASKS': 2},
    'many parts': {'_BLOCK_SAMPLES': 10 ** 6, '_BLOCK_COLUMNS': 10 ** 6, '_MIN_TASKS': 100},
    'everything at once': {'_BLOCK_SAMPLES': 10 ** 6, '_BLOCK_COLUMNS': 10 ** 6, '_MIN_TASKS': 1},
}
TOLERANCE = {np.float64: 1e-12, np.float32: 1e-5}


@pytest.fixture(params=BLOCKINGS)
def blocking(request, monkeypatch):
    for name, value in BLOCKINGS[request.param].items():
        monkeypatch.setattr(winograd, name, value)


@pytest.fixture
def poison(monkeypatch):
    """Fresh workspace memory is NaN, so that reading what was not written is seen."""
    workspace = parallel.workspace

    def poisoned(*args):
        array = workspace(*args)
        array.fill(np.nan)
        return array

    monkeypatch.setattr(parallel, 'workspace', poisoned)


@st.composite
def layers(draw):
    """Size of x and a correlation, of any start, and any out_size even far outside x."""
    ndim = draw(st.integers(2, 3))
    longest = {2: 12, 3: 6}[ndim]

    def vector(low, high):
        return tuple(draw(st.integers(low, high)) for _ in range(ndim))

    kernel, stride = draw(st.sampled_from([(4, 2), (3, 1)]))
    return vector(1, longest), Correlation(
        start=vector(-5, 3), stride=(stride,) * ndim, ksize=(kernel,) * ndim,
        out_size=vector(1, 6))


def assert_same(results, expected, tolerance):
    for name, result in results.items():
        assert result.dtype == expected[name].dtype
        # Terms are about 1: a single output that cancels carries their rounding.
        np.testing.assert_allclose(result, expected[name], rtol=0, err_msg=name,
                                   atol=tolerance * max(1, abs(expected[name]).max()))


@pytest.mark.parametrize('dtype', TOLERANCE)
@hypothesis.settings(
    deadline=None, max_examples=20,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture])
@hypothesis.given(layers(), st.integers(1, 9), st.integers(1, 5), st.integers(1, 5))
def test_kernels_are_the_direct_ones(
        dtype, blocking, poison, layer, batch, channels, outputs):
    # Direct: so few channels never pay.
    expected = kernels(cpu_kernels, batch, channels, outputs, *layer, dtype)
    results = kernels(winograd, batch, channels, outputs, *layer, dtype)
    assert_same(results, expected, TOLERANCE[dtype])


@pytest.mark.parametrize('size, out_size', [((8, 12), (4, 6)), ((4, 8, 12), (2, 4, 6))])
def test_bits_do_not_depend_on_the_number_of_threads(size, out_size, blocking, monkeypatch):
    ndim = len(size)
    assert_same_bits_of_all_threads(monkeypatch, winograd, 7, 6, 5, size, Correlation(
        (-1,) * ndim, (2,) * ndim, (4,) * ndim, out_size))


PLANE = Correlation((-1, -1), (2, 2), (4, 4), (16, 16))
VOLUME = Correlation((-1, -1, -1), (2, 2, 2), (4, 4, 4), (2, 8, 8))
C3D = Correlation((-1, -1, -1), (1, 1, 1), (3, 3, 3), (4, 14, 14))


@pytest.mark.parametrize('size, correlation, batch', [
    ((32, 32), PLANE, 8), ((4, 16, 16), VOLUME, 64), ((4, 14, 14), C3D, 1)])
def test_the_kernels_run_where_they_pay(size, correlation, batch, monkeypatch):
    shapes = batch, 64, 65, size, correlation
    results = kernels(cpu_kernels, *shapes)
    for name, result in kernels(winograd, *shapes).items():
        np.testing.assert_array_equal(results[name], result, err_msg=name)
    monkeypatch.setattr(winograd, 'pays', lambda *_: False)
    direct = kernels(cpu_kernels, *shapes)
    for name, result in results.items():
        assert not np.array_equal(result, direct[name]), name
    assert_same(results, direct, TOLERANCE[np.float64])


@pytest.mark.parametrize('batch, channels, correlation', [
    (8, 64, PLANE), (32, 32, VOLUME), (16, 64, VOLUME), (4, 128, VOLUME), (1, 64, C3D)], ids=str)
def test_where_the_kernels_pay(batch, channels, correlation):
    if correlation is VOLUME:    # of twice as many tiles
        correlation = dataclasses.replace(VOLUME, out_size=(4, 8, 8))
    assert winograd.pays(batch, channels, channels, correlation)
    assert not winograd.pays(batch, channels - 1, channels, correlation)
    assert not winograd.pays(batch, channels, channels - 1, correlation)
    fewer = dataclasses.replace(correlation, out_size=(
        *correlation.out_size[:-1], correlation.out_size[-1] - 2))
    assert not winograd.pays(batch, channels, channels, fewer)


@pytest.mark.parametrize('change', [
    {'ksize': (4, 3)}, {'ksize': (3, 3)}, {'stride': (1, 1)}, {'stride': (2, 1)},
    {'out_size': (16, 17)},
    {'start': (-1,), 'stride': (2,), 'ksize': (4,), 'out_size': (512,)}], ids=str)
def test_other_layers_stay_direct(change):
    assert not winograd.pays(1000, 64, 64, dataclasses.replace(PLANE, **change))
