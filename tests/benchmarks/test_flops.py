"""Counts of arithmetic, against counts by hand and against convolutions of ones."""
import chainer.functions as F
import chainer.links as L
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import flops, ours_worker, recipe
from benchmarks.flops import Products


def named(link, name='x'):
    link.name = name
    return link


def test_linear_layer():
    link = named(L.Linear(3, 5))
    assert flops.count_layer(link, (7, 3), (7, 5)) == Products('x', 7 * 3 * 5, 7 * 3 * 5)


def test_convolution():
    # 3 x 3 outputs of 4 x 4 taps; along either side the outer two positions lack one tap each.
    link = named(L.Convolution2D(2, 5, 4, 2, 1))
    found = flops.count_layer(link, (7, 2, 6, 6), (7, 5, 3, 3))
    assert found == Products('x', 7 * 2 * 5 * 9 * 16, 7 * 2 * 5 * (3 + 4 + 3) ** 2)


def test_transposed_convolution():
    # 1 input of 4 taps, of which the crop of 1 on both sides leaves 2.
    link = named(L.DeconvolutionND(1, 6, 3, 4, 2, 1))
    assert flops.count_layer(link, (2, 6, 1), (2, 3, 2)) == Products(
        'x', 2 * 6 * 3 * 4, 2 * 6 * 3 * 2)


SIDES = st.lists(st.tuples(st.integers(1, 6), st.integers(1, 4), st.integers(1, 3),
                           st.integers(0, 2)), min_size=1, max_size=3)
"""Size, kernel, stride and pad of each dimension."""


@given(SIDES)
def test_a_convolution_of_ones_sums_to_the_products_without_padding(sides):
    size, ksize, stride, pad = zip(*sides, strict=True)
    if any(n + 2 * p < k for n, k, _, p in sides):
        return
    x = np.ones((2, 3, *size))
    link = named(L.ConvolutionND(len(sides), 3, 4, ksize, stride, pad))
    y = F.convolution_nd(x, np.ones((4, 3, *ksize)), None, stride, pad).array
    assert flops.count_layer(link, x.shape, y.shape).inside == y.sum()


@given(SIDES)
def test_a_transposed_convolution_of_ones_does_too(sides):
    size, ksize, stride, pad = zip(*sides, strict=True)
    if any(s * (n - 1) + k - 2 * p < 1 for n, k, s, p in sides):
        return
    x = np.ones((2, 3, *size))
    link = named(L.DeconvolutionND(len(sides), 3, 4, ksize, stride, pad))
    y = F.deconvolution_nd(x, np.ones((3, 4, *ksize)), None, stride, pad).array
    found = flops.count_layer(link, x.shape, y.shape)
    assert found.inside == y.sum()
    assert found.all == 2 * 3 * 4 * np.prod(size) * np.prod(ksize)


@pytest.fixture(scope='module')
def networks():
    return ours_worker.build_networks(recipe.FULL)


def test_a_training_step_of_the_paper_s_networks(networks):
    rows = {row.layer: row for row in flops.of_step(*networks, batch=8, backward_passes=1)}
    assert list(rows) == [
        *(f'G0 dc{i}' for i in range(5)), 'G1 l0s', 'G1 l0f', *(f'G1 dc{i}' for i in range(1, 6)),
        *(f'D c{i}' for i in range(5))]

    once = 2 * 8 * 64 * 128 * 4 ** 3 * (4 * 16 * 16)    # D c1, one batch, forward
    row = rows['D c1']
    assert (row.forward, row.input_gradient, row.weight_gradient) == (2 * once, 2 * once, 2 * once)
    assert row.total == 6 * once
    assert row.inside == 6 * 2 * 8 * 64 * 128 * (14 * 62 * 62)

    once = 2 * 8 * 16 * 512 * 256 * 4 ** 2 * (4 * 4)    # G1 dc1 sees each of 16 frames
    row = rows['G1 dc1']
    assert (row.forward, row.input_gradient, row.weight_gradient) == (once, once, once)
    assert row.inside == 3 * 2 * 8 * 16 * 512 * 256 * (14 * 14)


def test_no_gradient_of_latent_vectors_and_real_videos(networks):
    rows = {row.layer: row for row in flops.of_step(*networks, batch=1, backward_passes=1)}
    assert rows['G0 dc0'].input_gradient == rows['G1 l0s'].input_gradient == 0
    assert rows['G1 l0f'].input_gradient == rows['G1 l0f'].forward > 0
    assert rows['D c0'].input_gradient == rows['D c0'].forward / 2 > 0


def test_two_backward_passes_take_one_more_gradient_of_the_fakes(networks):
    one, two = ({row.layer: row for row in flops.of_step(*networks, 1, passes)}
                for passes in (1, 2))
    assert all(two[name] == row for name, row in one.items() if name[0] == 'G' or name == 'D c0')
    assert two['D c3'].input_gradient * 2 == one['D c3'].input_gradient * 3


def test_arithmetic_grows_with_the_batch(networks):
    one, eight = (flops.total(flops.of_step(*networks, batch, 1)) for batch in (1, 8))
    assert eight == tuple(8 * value for value in one)


def test_sampling_has_no_gradients(networks):
    rows = flops.of_sampling(*networks[:2], 3)
    step = {row.layer: row for row in flops.of_step(*networks, 3, 1)}
    assert all(row.forward == step[row.layer].forward for row in rows)
    assert all(row.total == row.forward for row in rows)
    assert len(rows) == 12


def test_counting_disturbs_no_statistics(networks):
    before = networks[2].bn1.avg_var.copy()
    flops.of_step(*networks, batch=1, backward_passes=1)
    np.testing.assert_array_equal(networks[2].bn1.avg_var, before)


def test_table():
    row = flops.Row('D c0', forward=2 * 10 ** 9, input_gradient=10 ** 9, weight_gradient=0,
                    inside=25 * 10 ** 8)
    lines = flops.table([row, row]).splitlines()
    assert lines[0].split() == ['layer', 'forward', 'input', 'grad.', 'weight', 'grad.', 'total',
                                'without', 'padding']
    assert lines[1].split() == ['D', 'c0', '2', '1', '0', '3', '2.5']
    assert lines[2] == lines[1]
    assert lines[3].split() == ['all', '4', '2', '0', '6', '5']
    assert flops.total([row, row]) == (6 * 10 ** 9, 5 * 10 ** 9)
