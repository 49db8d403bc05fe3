"""Batch normalisation on all threads against Chainer's."""
import functools

import chainer
import numpy as np
import pytest
from chainer import gradient_check
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.functions.conftest import output_and_gradients
from tgan_chainer.functions.batch_normalization import batch_normalization

EPS, DECAY = 2e-5, 0.9

# 1e-12: float64 sums of up to some thousand terms in another order; values are of order 1.
# 2e-5: the same in float32, divided by standard deviations of order 1.
TOLERANCES = {'float64': 1e-12, 'float32': 2e-5}


def chainers(*arguments, slope=1, **options):
    y = chainer.functions.batch_normalization(*arguments, **options)
    return {1: y, 0: chainer.functions.relu(y)}.get(slope, chainer.functions.leaky_relu(y, slope))


def run(function, x, gamma, beta, gy, slope=1):
    mean, var = np.zeros_like(gamma), np.ones_like(gamma)
    made = output_and_gradients(functools.partial(
        function, eps=EPS, running_mean=mean, running_var=var, decay=DECAY, slope=slope),
        [x, gamma, beta], gy)
    return [mean, var, *made]


def arrays(shape, dtype, seed=0):
    rs = np.random.RandomState(seed)
    draws = (rs.randn(*shape) * 2 + 1, rs.rand(shape[1]) + 0.5, rs.randn(shape[1]),
             rs.randn(*shape))
    return [array.astype(dtype) for array in draws]


@pytest.mark.parametrize('dtype', TOLERANCES)
@settings(deadline=None, max_examples=40, derandomize=True)
@given(batch=st.integers(2, 9), channels=st.integers(1, 5),
       size=st.sampled_from([(), (1,), (7,), (5, 3), (3, 2, 4), (64, 64)]),
       slope=st.sampled_from([1, 0, 0.2]), order=st.sampled_from('CF'))
def test_equals_chainers(dtype, batch, channels, size, slope, order):
    given = [np.array(array, order=order) for array in arrays((batch, channels, *size), dtype)]
    for ours, theirs in zip(run(batch_normalization, *given, slope),
                            run(chainers, *given, slope), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=0,
                                   atol=TOLERANCES[dtype] * max(1, abs(theirs).max()))


def test_any_number_of_threads_gives_the_same_bits(monkeypatch):
    given = arrays((40, 6, 32, 32), 'float32')
    results = []
    for threads in ('1', '2', '3'):
        monkeypatch.setenv('TGAN_NUM_THREADS', threads)
        results.append([array.tobytes() for array in run(batch_normalization, *given)])
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize('slope', [1, 0.2])
def test_differentiable_twice(slope):
    x, gamma, beta, gy = arrays((4, 2, 3), 'float64')
    ggx, gggamma, ggbeta, _ = arrays((4, 2, 3), 'float64', seed=1)

    # Numerical differentiation of float64 by steps of 1e-4 is good to about 1e-6.
    gradient_check.check_double_backward(
        lambda *given: batch_normalization(*given, EPS, np.zeros(2), np.ones(2), DECAY, slope) ** 2,
        (x, gamma, beta), gy, (ggx, gggamma, ggbeta), eps=1e-4, rtol=1e-4, atol=1e-4,
        dtype=np.float64)
