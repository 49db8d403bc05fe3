"""Max pooling against Chainer's."""
import chainer
import chainer.functions as F
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.functions.conftest import output_and_gradients
from tgan_chainer.functions import max_pooling_3d

sizes = st.tuples(*[st.integers(1, 7)] * 3)
windows = st.tuples(*[st.integers(1, 3)] * 3)


@settings(deadline=None, max_examples=60, derandomize=True)
@given(size=sizes, window=windows, batch=st.integers(1, 9), dtype=st.sampled_from('fd'))
def test_equals_chainers_and_so_does_its_gradient(size, window, batch, dtype):
    x = np.random.RandomState(0).randn(batch, 3, *size).astype(dtype)
    expected, gradient = output_and_gradients(
        lambda x: F.max_pooling_nd(x, window, window, cover_all=True), [x])
    with chainer.no_backprop_mode():
        found = max_pooling_3d(x, window).array
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(
        output_and_gradients(lambda x: max_pooling_3d(x, window), [x])[1], gradient)


@pytest.mark.parametrize('place', [(0, 0, 0), (1, 1, 1), (3, 3, 3), (4, 4, 4)])
def test_nan_is_not_lost(place):
    x = np.random.RandomState(0).randn(1, 1, 5, 5, 5)
    x[(0, 0, *place)] = np.nan
    with chainer.no_backprop_mode():
        y = max_pooling_3d(x, (2, 2, 2)).array
    assert np.isnan(y).sum() == 1
    assert np.isnan(y[(0, 0, *(i // 2 for i in place))])
