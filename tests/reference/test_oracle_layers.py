import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.oracle import layers

#: Float64 sums of at most a few hundred terms of order 1, in two orders.
ROUNDING = 1e-12


@st.composite
def geometries(draw):
    """(space, kernel, stride, pad) with at least one output along every axis."""
    ndim = draw(st.integers(1, 3))
    pad = draw(st.integers(0, 2))
    kernel = draw(st.tuples(*[st.integers(1, 4)] * ndim))
    space = tuple(max(1, k - 2 * pad) + draw(st.integers(0, 3)) for k in kernel)
    return space, kernel, draw(st.integers(1, 3)), pad


def direct_conv(x, W, stride, pad):
    """The equation of `layers.conv`, one output and one tap at a time."""
    space, kernel = x.shape[2:], W.shape[2:]
    out = [(n + 2 * pad - k) // stride + 1 for n, k in zip(space, kernel, strict=True)]
    y = np.zeros((len(x), len(W), *out))
    for i, k in itertools.product(np.ndindex(*out), np.ndindex(*kernel)):
        j = tuple(stride * a + b - pad for a, b in zip(i, k, strict=True))
        if all(0 <= a < n for a, n in zip(j, space, strict=True)):
            y[(..., *i)] += x[(..., *j)] @ W[(..., *k)].T
    return y


@settings(deadline=None, derandomize=True, max_examples=60)
@given(geometries(), st.integers(0, 2 ** 32 - 1))
def test_conv_and_both_its_adjoints(geometry, seed):
    space, kernel, stride, pad = geometry
    rng = np.random.RandomState(seed)
    x, W = rng.randn(2, 3, *space), rng.randn(4, 3, *kernel)
    y = layers.conv(x, W, stride, pad)
    np.testing.assert_allclose(y, direct_conv(x, W, stride, pad), atol=ROUNDING)

    gy = rng.randn(*y.shape)
    gx = layers.conv_transpose(gy, W, stride, pad, space)
    gW = layers.conv_weight(x, gy, kernel, stride, pad)
    assert gx.shape == x.shape and gW.shape == W.shape
    form = np.sum(gy * y)
    np.testing.assert_allclose([np.sum(gx * x), np.sum(gW * W)], form, atol=100 * ROUNDING)


def test_probabilities_do_not_overflow():
    x = np.array([[-1000.0, 0.0, 1000.0]])
    np.testing.assert_allclose(layers.sigmoid(x), [[0, 0.5, 1]])
    np.testing.assert_allclose(layers.softplus(x), [[0, np.log(2), 1000]])
    np.testing.assert_allclose(layers.softmax(x), [[0, 0, 1]])


def test_pooling_covers_the_last_row():
    x = np.arange(7.0).reshape(1, 1, 7)
    assert layers.max_pool(x, (2,)).tolist() == [[[1, 3, 5, 6]]]
    x = np.random.RandomState(0).randn(2, 3, 2, 7, 5)
    y = layers.max_pool(x, (1, 2, 2))
    assert y.shape == (2, 3, 2, 4, 3)
    assert y[1, 2, 1, 3, 2] == x[1, 2, 1, 6, 4]
    assert y[0, 0, 0, 0, 1] == x[0, 0, 0, 0:2, 2:4].max()
