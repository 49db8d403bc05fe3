import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.oracle import optimizers

#: A singular value decomposition in float64 errs by about 1e-16 times the matrix's norm and size.
SVD_ROUNDING = 1e-12


def test_rmsprop_steps_by_hand():
    param, ms = optimizers.rmsprop(np.array([1.0]), np.array([2.0]), np.array([0.0]), lr=0.1)
    assert ms == pytest.approx(0.01 * 4)
    assert param == pytest.approx(1 - 0.1 * 2 / (0.2 + 1e-8))
    param, ms = optimizers.rmsprop(param, np.array([1.0]), ms, lr=0.1)
    assert ms == pytest.approx(0.99 * 0.04 + 0.01)


def test_rmsprop_eps_stands_outside_the_root():
    """With a gradient of 1e-9, ms = 1e-20: outside, g / (1e-10 + 1e-8); inside it would be 1e-5."""
    param, _ = optimizers.rmsprop(np.zeros(1), np.full(1, 1e-9), np.zeros(1), lr=1.0)
    assert param == pytest.approx(-1e-9 / (1e-10 + 1e-8), rel=1e-9)


@st.composite
def kernels(draw):
    shape = draw(st.sampled_from([(3, 2, 2, 2), (8, 3, 4, 4, 4), (1, 6, 4, 4), (20, 1, 2, 2)]))
    scale = draw(st.floats(1e-3, 10))
    return scale * np.random.RandomState(draw(st.integers(0, 2 ** 32 - 1))).randn(*shape)


def singular_values(W):
    return np.linalg.svd(W.reshape(len(W), -1), compute_uv=False)


@settings(deadline=None, derandomize=True, max_examples=40)
@given(kernels())
def test_singular_value_clipping_of_a_kernel(W):
    clipped = optimizers.clip_singular_values(W)
    assert clipped.shape == W.shape
    # No stretching beyond 1, and everything below left alone.
    np.testing.assert_allclose(
        singular_values(clipped), np.minimum(singular_values(W), 1), atol=SVD_ROUNDING)
    # A projection: doing it again changes nothing.
    np.testing.assert_allclose(
        optimizers.clip_singular_values(clipped), clipped, atol=SVD_ROUNDING)
    # The nearest such kernel: nearer than simply dividing by the largest singular value.
    largest = singular_values(W)[0]
    scaled = W / max(1, largest)
    assert np.linalg.norm(W - clipped) <= np.linalg.norm(W - scaled) + SVD_ROUNDING
    if largest <= 1:
        np.testing.assert_allclose(clipped, W, atol=SVD_ROUNDING)


@settings(derandomize=True)
@given(st.floats(-1e3, 1e3), st.floats(0, 1e3))
def test_gamma_bounds(gamma, avg_var):
    found = optimizers.clip_gamma(np.array([gamma]), np.array([avg_var]))[0]
    s = np.sqrt(avg_var)
    assert 0.01 * s <= found <= s
    assert found == gamma or not 0.01 * s <= gamma <= s


def test_gamma_bounds_by_hand():
    """No recorded gamma ever sinks to the lower bound, so this is all that holds it."""
    gamma = optimizers.clip_gamma(np.array([-5.0, 0.0, 0.5, 3.0]), np.full(4, 4.0))
    assert gamma == pytest.approx([0.02, 0.02, 0.5, 2.0])


def state():
    rng = np.random.RandomState(0)
    return {'c0/W': rng.randn(4, 3, 2, 2, 2), 'c0/b': rng.randn(4), 'c4/W': rng.randn(1, 4, 4, 4),
            'l/W': rng.randn(5, 5), 'bn1/gamma': rng.randn(4), 'bn1/beta': rng.randn(4),
            'bn1/avg_mean': rng.randn(4), 'bn1/avg_var': rng.rand(4), 'bn1/N': np.array(0)}


def test_which_arrays_singular_value_clipping_touches():
    before, after = state(), state()
    optimizers.singular_value_clipping(after)
    changed = {key for key in before if not np.array_equal(before[key], after[key])}
    assert changed == {'c0/W', 'c4/W', 'bn1/gamma'}
    assert max(optimizers.largest_singular_values(after).values()) <= 1 + SVD_ROUNDING


def test_weight_clipping_touches_every_parameter_and_no_statistic():
    before, after = state(), state()
    optimizers.clip_weights(after)
    for key, value in after.items():
        if key.rsplit('/')[1] in ('avg_mean', 'avg_var', 'N'):
            assert np.array_equal(value, before[key])
        else:
            assert np.max(np.abs(value)) == 0.01
