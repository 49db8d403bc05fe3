"""Leaky ReLU on all threads against Chainer's."""
import chainer.functions as F
import numpy as np
import pytest
from chainer import gradient_check
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.functions.conftest import output_and_gradients
from tgan_chainer.functions import LeakyReLU
from tgan_chainer.functions.cpu import samples_first, samples_last


@settings(deadline=None, max_examples=60, derandomize=True)
@given(shape=st.sampled_from([(3, 4), (1, 1), (5, 2, 7), (2, 3, 4, 5), (9, 8, 16, 8, 17)]),
       slope=st.sampled_from([0, 0.2, 1]), dtype=st.sampled_from('fd'), last=st.booleans())
def test_equals_chainers(shape, slope, dtype, last):
    rs = np.random.RandomState(0)
    x = rs.randn(*shape).astype(dtype)
    x[rs.rand(*shape) < 0.1] = 0    # where the derivative is a convention
    if last:
        x = samples_first(samples_last(x))
    chainers = (lambda x: F.leaky_relu(x, slope)) if slope else F.relu
    for ours, theirs in zip(*(output_and_gradients(function, [x])
                              for function in (LeakyReLU(slope), chainers)), strict=True):
        assert ours.dtype == theirs.dtype
        # One product, of the same two numbers.
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize('slope', [0, 0.2])
def test_what_is_no_number_shows(slope):
    y = LeakyReLU(slope)(np.array([[np.nan, np.inf, -1]])).array
    np.testing.assert_array_equal(y, [[np.nan, np.inf, -slope]])


def test_differentiable_twice():
    x = np.random.RandomState(0).uniform(0.5, 1, (3, 4)) * [1, -1, 1, -1]
    gy, ggx = np.random.RandomState(1).randn(2, 3, 4)
    # Numerical differentiation of float64 by steps of 1e-3 of a piecewise linear function, squared.
    gradient_check.check_double_backward(
        lambda x: LeakyReLU(0.2)(x) ** 2, x, gy, ggx, eps=1e-3, rtol=1e-6, atol=1e-6,
        dtype=np.float64)
