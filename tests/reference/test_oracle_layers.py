import itertools

import numpy as np
import pytest
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


def test_deconvolution_doubles():
    x, W = np.zeros((1, 2, 4, 4)), np.zeros((2, 3, 4, 4))
    assert layers.conv_transpose(x, W, stride=2, pad=1).shape == (1, 3, 8, 8)


@pytest.mark.parametrize('function', ['mean square', 'random'])
def test_batch_normalization_derivatives(function):
    rng = np.random.RandomState(0)
    x, gamma, beta = rng.randn(3, 4, 5) * 3 + 1, rng.rand(4) + 0.5, rng.randn(4)
    weight = rng.randn(*x.shape) if function == 'random' else None

    def loss(x, gamma, beta):
        y = layers.scale_shift(layers.normalize(x, *layers.batch_moments(x)), gamma, beta)
        return np.sum(y * weight if weight is not None else y * y / 2), y

    _, y = loss(x, gamma, beta)
    gy = weight if weight is not None else y
    mean, var = layers.batch_moments(x)
    x_hat = layers.normalize(x, mean, var)
    found = (layers.batch_normalization_grad(gy, x_hat, var, gamma),
             *layers.scale_shift_grads(gy, x_hat))
    h = 1e-5
    for i, (argument, grad) in enumerate(zip((x, gamma, beta), found, strict=True)):
        direction = rng.randn(*argument.shape)
        ends = []
        for step in h, -h:
            moved = [x, gamma, beta]
            moved[i] = argument + step * direction
            ends.append(loss(*moved)[0])
        # Central differences: h^2 = 1e-10 and 1e-16 / h = 1e-11, times values of order 100.
        assert abs((ends[0] - ends[1]) / (2 * h) - np.sum(grad * direction)) < 1e-6


def test_running_statistics_by_hand():
    old_mean, old_var = np.array([1.0]), np.array([2.0])
    mean, var = np.array([3.0]), np.array([4.0])
    avg_mean, chainer7 = layers.running_statistics(old_mean, old_var, mean, var, 5, 'chainer7')
    assert avg_mean == pytest.approx(0.9 * 1 + 0.1 * 3)
    assert chainer7 == pytest.approx(0.9 * 2 + 0.1 * 5 / 4 * 4)
    _, chainer2 = layers.running_statistics(old_mean, old_var, mean, var, 5, 'chainer2')
    assert chainer2 - chainer7 == pytest.approx(0.1 * 5 / 4 * 2e-5, rel=1e-9)


def test_unknown_statistics_are_refused():
    with pytest.raises(ValueError, match='expected one of chainer2, chainer7'):
        layers.initial_avg_var('chainer1')


@pytest.mark.parametrize(('function', 'derivative'), [
    (layers.relu, layers.relu_grad),
    (layers.leaky_relu, layers.leaky_relu_grad),
    (np.tanh, layers.tanh_grad),
])
def test_activation_derivatives(function, derivative):
    x = np.array([-2.0, -0.3, 0.4, 3.0])
    h = 1e-6
    numeric = (function(x + h) - function(x - h)) / (2 * h)
    np.testing.assert_allclose(derivative(np.ones(4), function(x)), numeric, atol=1e-9)


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
