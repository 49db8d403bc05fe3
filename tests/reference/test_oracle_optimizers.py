import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.oracle import optimizers

#: A singular value decomposition in float64 errs by about 1e-16 times the matrix's norm and size.
SVD_ROUNDING = 1e-12


def test_rmsprop_eps_stands_outside_the_root():
    """With a gradient of 1e-9, ms = 1e-20: outside, g / (1e-10 + 1e-8); inside it would be 1e-5."""
    param, ms = optimizers.rmsprop(np.zeros(1), np.full(1, 1e-9), np.zeros(1), lr=1.0)
    assert ms == pytest.approx(1e-20) and param == pytest.approx(-1e-9 / (1e-10 + 1e-8), rel=1e-9)


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
    # No stretching beyond 1, and everything below left alone.
    np.testing.assert_allclose(
        singular_values(clipped), np.minimum(singular_values(W), 1), atol=SVD_ROUNDING)
    # The nearest such kernel: nearer than simply dividing by the largest singular value.
    largest = singular_values(W)[0]
    scaled = W / max(1, largest)
    assert np.linalg.norm(W - clipped) <= np.linalg.norm(W - scaled) + SVD_ROUNDING
    if largest <= 1:
        np.testing.assert_allclose(clipped, W, atol=SVD_ROUNDING)


def test_gamma_bounds_by_hand():
    """No recorded gamma ever sinks to the lower bound, so this is all that holds it."""
    gamma = optimizers.clip_gamma(np.array([-5.0, 0.0, 0.5, 3.0]), np.full(4, 4.0))
    assert gamma == pytest.approx([0.02, 0.02, 0.5, 2.0])


@pytest.mark.parametrize('clip, touched', [
    (optimizers.singular_value_clipping, {'c0/W', 'c4/W', 'bn1/gamma'}),
    (optimizers.clip_weights,
     {'c0/W', 'c0/b', 'c4/W', 'l/W', 'bn1/gamma', 'bn1/beta'})])    # no statistic
def test_which_arrays_are_clipped(clip, touched):
    rng = np.random.RandomState(0)
    shapes = {'c0/W': (4, 3, 2, 2, 2), 'c0/b': 4, 'c4/W': (1, 4, 4, 4), 'l/W': (5, 5),
              'bn1/gamma': 4, 'bn1/beta': 4, 'bn1/avg_mean': 4, 'bn1/avg_var': 4, 'bn1/N': 1}
    before = {key: rng.uniform(0.5, 2, shape) for key, shape in shapes.items()}
    after = dict(before)
    clip(after)
    assert {key for key in before if not np.array_equal(before[key], after[key])} == touched
    if clip is optimizers.clip_weights:
        assert all(np.max(after[key]) == 0.01 for key in touched)
