"""Counts of arithmetic, against counts by hand and against convolutions of ones."""
import chainer.functions as F
import chainer.links as L
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import flops, ours_worker, recipe

SIDES = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 3),
                           st.integers(0, 2)), min_size=1, max_size=3)
"""Size, kernel, stride and pad of each dimension."""


@given(SIDES)
def test_a_convolution_of_ones_sums_to_the_products_without_padding(sides):
    size, ksize, stride, pad = zip(*sides, strict=True)
    if any(n + 2 * p < k for n, k, _, p in sides):
        return
    x = np.ones((2, 3, *size))
    link = L.ConvolutionND(len(sides), 3, 4, ksize, stride, pad)
    y = F.convolution_nd(x, np.ones((4, 3, *ksize)), None, stride, pad).array
    assert flops.count_layer(link, x.shape, y.shape) == (
        2 * 3 * 4 * np.prod(y.shape[2:]) * np.prod(ksize), y.sum())


@given(SIDES)
def test_a_transposed_convolution_of_ones_does_too(sides):
    size, ksize, stride, pad = zip(*sides, strict=True)
    if any(s * (n - 1) + k - 2 * p < 1 for n, k, s, p in sides):
        return
    x = np.ones((2, 3, *size))
    link = L.DeconvolutionND(len(sides), 3, 4, ksize, stride, pad)
    y = F.deconvolution_nd(x, np.ones((3, 4, *ksize)), None, stride, pad).array
    assert flops.count_layer(link, x.shape, y.shape) == (
        2 * 3 * 4 * np.prod(size) * np.prod(ksize), y.sum())


@pytest.fixture(scope='module')
def networks():
    return ours_worker.build_networks(recipe.SIZES['full'])


def test_a_training_step_of_the_paper_s_networks(networks):
    before = networks[2].bn1.avg_var.copy()
    rows = {row.layer: row.flop for row in flops.of_step(*networks, batch=8)}
    np.testing.assert_array_equal(networks[2].bn1.avg_var, before)    # counting disturbs nothing
    assert list(rows) == [
        *(f'G0 dc{i}' for i in range(5)), 'G1 l0s', 'G1 l0f', *(f'G1 dc{i}' for i in range(1, 6)),
        *(f'D c{i}' for i in range(5))]
    once = 2 * 8 * 64 * 128 * 4 ** 3 * (4 * 16 * 16)    # D c1, one batch, forward
    assert rows['D c1'] == (2 * once, 2 * once, 2 * once, 6 * once,
                            6 * 2 * 8 * 64 * 128 * (14 * 62 * 62))
    once = 2 * 8 * 16 * 512 * 256 * 4 ** 2 * (4 * 4)    # G1 dc1 sees each of 16 frames
    assert rows['G1 dc1'] == (once, once, once, 3 * once, 3 * 2 * 8 * 16 * 512 * 256 * (14 * 14))


def test_arithmetic_of_a_step(networks):
    g0 = [100 * 512, 512 * 256 * 4, 256 * 128 * 4 * 2, 128 * 128 * 4 * 4, 128 * 100 * 4 * 8]
    g1 = [100 * 4096, 100 * 4096, *(
        (512 >> i) * (256 >> i) * 4 ** 2 * (4 << i) ** 2 for i in range(4)), 32 * 3 ** 2 * 64 ** 2]
    d = [64 * 4 ** 3 * 8 * 32 ** 2, *(
        (32 << i) * (64 << i) * 4 ** 3 * (8 >> i) * (32 >> i) ** 2 for i in (1, 2, 3)),
        512 * 4 ** 2]
    # Forward and two gradients, of D for both batches; none of latent vectors and real videos.
    products = 3 * sum(g0) - g0[0] + 16 * (3 * sum(g1) - g1[0]) + 6 * sum(d) - d[0]
    assert flops.total(flops.of_step(*networks, 8))[0] == 2 * 8 * products
    # Sampling has no gradients.
    assert flops.total(flops.of_sampling(*networks[:2], 8))[0] == 2 * 8 * (sum(g0) + 16 * sum(g1))


def test_table():
    row = flops.Row('D c0', products=10 ** 9, inside=10 ** 9 // 2, forward=1, input_gradient=2)
    lines = flops.table([row, row]).splitlines()
    assert lines[0].split() == ['layer', 'forward', 'input', 'grad.', 'weight', 'grad.', 'total',
                                'without', 'padding']
    assert lines[1].split() == ['D', 'c0', '2', '4', '0', '6', '3']
    assert lines[2] == lines[1]
    assert lines[3].split() == ['all', '4', '8', '0', '12', '6']
    assert flops.total([row, row]) == (12 * 10 ** 9, 6 * 10 ** 9)
