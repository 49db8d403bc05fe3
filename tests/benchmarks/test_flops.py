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


@pytest.mark.parametrize('cls, function', [
    (L.ConvolutionND, F.convolution_nd), (L.DeconvolutionND, F.deconvolution_nd)])
@given(sides=SIDES)
def test_a_convolution_of_ones_sums_to_the_products_without_padding(cls, function, sides):
    size, ksize, stride, pad = zip(*sides, strict=True)
    is_convolution = cls is L.ConvolutionND
    x, channels = np.ones((2, 3, *size)), (4, 3) if is_convolution else (3, 4)
    if any(n + 2 * p < k if is_convolution else s * (n - 1) + k - 2 * p < 1
           for n, k, s, p in sides):
        return
    y = function(x, np.ones((*channels, *ksize)), None, stride, pad).array
    positions = y.shape[2:] if is_convolution else size
    assert flops.count_layer(cls(len(sides), 3, 4, ksize, stride, pad), x.shape, y.shape) == (
        2 * 3 * 4 * np.prod(positions) * np.prod(ksize), y.sum())


@pytest.fixture(scope='module')
def networks():
    return tuple(ours_worker.networks(recipe.SIZES['full']).values())


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


def test_bytes_of_a_layer(networks):
    row = flops.of_step(*networks, batch=8)[-5]
    videos, features, weight = 8 * 16 * 64 ** 2, 8 * 64 * 8 * 32 ** 2, 64 * 4 ** 3
    assert (row.layer, row.floats) == ('D c0', videos + features + weight)
    # Forward of two batches, the gradient of the fake videos, that of the weight by two.
    assert row.bytes == 4 * (2 + 1 + 2) * row.floats


def test_table():
    row = flops.Cost('D c0', products=10 ** 9, inside=10 ** 9 // 2, floats=7, forward=1,
                    input_gradient=2)
    lines = flops.table([row, row]).splitlines()
    assert lines[0].split() == ['layer', 'forward', 'input', 'grad.', 'weight', 'grad.', 'total',
                                'without', 'padding']
    assert lines[1].split() == ['D', 'c0', '2', '4', '0', '6', '3']
    assert lines[2] == lines[1]
    assert lines[3].split() == ['all', '4', '8', '0', '12', '6']
    assert flops.total([row, row]) == (12 * 10 ** 9, 6 * 10 ** 9)
