"""Convolution and transposed convolution against Chainer's own functions, and their gradients.

Float64 tolerance 1e-12 relative to the largest element: the sums are the same, in another order;
with fewer than 1e4 terms of similar size the rounding is about 1e-14 of the largest result.
Float32: the same argument with eps = 6e-8 gives 1e-5.
"""
import functools
import os
import subprocess
import sys

import chainer
import chainer.functions as F
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from chainer import gradient_check
from chainer.utils import type_check

from tests.functions.conftest import output_and_gradients
from tgan_chainer import functions
from tgan_chainer.errors import ConfigError
from tgan_chainer.functions.choice import runs_on_cpu_kernels

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}


def random(shape, dtype=np.float64, seed=0):
    return np.random.RandomState(seed).standard_normal(shape).astype(dtype)


both = pytest.mark.parametrize('name', ['convolution_nd', 'deconvolution_nd'])


# Every kind of size, kernel, stride and pad, also those that skip elements.
dimensions = st.tuples(st.integers(1, 9), st.integers(1, 5), st.integers(1, 4), st.integers(0, 5))
few = st.integers(1, 6)


@both
@hypothesis.settings(deadline=None, max_examples=150)
@hypothesis.given(st.lists(dimensions, min_size=1, max_size=3), few, few, few, st.booleans(),
                  st.sampled_from('CF'), st.sampled_from([*TOLERANCE]))
def test_any_geometry(name, dimensions, batch, inner, outer, bias, order, dtype):
    transposed = name == 'deconvolution_nd'
    hypothesis.assume(all(s * (n - 1) + k - 2 * p > 0 if transposed else n + 2 * p >= k
                          for n, k, s, p in dimensions))
    size, kernel, stride, pad = zip(*dimensions, strict=True)
    given, made = (outer, inner) if transposed else (inner, outer)
    arrays = [random((batch, given, *size), dtype), random((outer, inner, *kernel), dtype, 2),
              random(made, dtype, 3)][:3 if bias else 2]
    for ours, theirs in zip(*(output_and_gradients(functools.partial(
            getattr(module, name), stride=stride, pad=pad), arrays, order=order)
            for module in (functions, F)), strict=True):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        assert np.abs(ours - theirs).max() <= TOLERANCE[dtype] * np.abs(theirs).max()


@both
@pytest.mark.parametrize('kernel, stride, pad, size', [
    ((4, 4, 4), 2, 1, (2, 4, 2)), ((3, 3), 1, 1, (4, 3)), ((4, 4), 1, 0, (4, 4)),
    ((1,), 1, 0, (1,)), ((4,), 2, 1, (4,)), ((3, 2), (3, 2), (0, 2), (5, 4))])
def test_second_derivatives(name, kernel, stride, pad, size):
    function = functools.partial(getattr(functions, name), stride=stride, pad=pad)
    x, W, b = random((2, 2, *size)), random((2, 2, *kernel), seed=2), random(2, seed=3)
    gy = random(function(x, W, b).shape, seed=4)
    # Each function is linear in each input: differences of any step are exact but for rounding.
    gradient_check.check_double_backward(
        function, (x, W, b), gy, tuple(random(a.shape, seed=5) for a in (x, W, b)),
        dtype=np.float64, eps=1e-2, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize('kernels, batch, dtypes', [
    ('chainer', 2, 'dd'), ('tgan', 2, 'ee'), ('tgan', 2, 'fd'), ('tgan', 2, 'df'),
    ('tgan', 0, 'dd')])
def test_the_choice_other_dtypes_and_empty_batches_are_left_to_chainer(kernels, batch, dtypes):
    x, W = random((batch, 3, 8, 8), dtypes[0]), random((4, 3, 4, 4), dtypes[1])
    with chainer.using_config('tgan_cpu_kernels', kernels):
        assert not runs_on_cpu_kernels(x, W)
        for y, n in ((functions.convolution_nd(x, W, stride=2, pad=1), 4),
                     (functions.deconvolution_nd(x, W.swapaxes(0, 1), stride=2, pad=1), 16)):
            assert type(y.creator).__module__.startswith('chainer.')
            assert (y.shape, y.dtype) == ((batch, 4, n, n), dtypes[0])


@pytest.mark.parametrize('value', ['cupy', '', None])
def test_unknown_kernels(value):
    with chainer.using_config('tgan_cpu_kernels', value), pytest.raises(
            ConfigError, match='TGAN_CPU_KERNELS.*expected one of tgan, chainer'):
        functions.convolution_nd(random((1, 1, 3)), random((1, 1, 3)))


def test_environment_gives_the_initial_choice():
    code = 'import chainer, tgan_chainer.functions; print(chainer.config.tgan_cpu_kernels)'
    for environment, expected in (({}, 'tgan'), ({'TGAN_CPU_KERNELS': 'chainer'}, 'chainer')):
        code_environment = {k: v for k, v in os.environ.items() if k != 'TGAN_CPU_KERNELS'}
        result = subprocess.run(
            [sys.executable, '-c', f'import tgan_chainer; {code}'], text=True, check=True,
            env=code_environment | environment, stdout=subprocess.PIPE)
        assert result.stdout.strip() == expected


@pytest.mark.parametrize('function, x, W, pad, error, message', [
    (functions.convolution_nd, (1, 2, 8), (1, 3, 4), 0, type_check.InvalidType, 'Invalid'),
    (functions.convolution_nd, (1, 2, 8), (1, 2, 4, 4), 0, type_check.InvalidType, 'Invalid'),
    (functions.deconvolution_nd, (1, 2, 8), (3, 2, 4), 0, type_check.InvalidType, 'Invalid'),
    (functions.deconvolution_nd, (1, 2), (2, 3), 0, type_check.InvalidType, 'Invalid'),
    (functions.convolution_nd, (1, 1, 3, 5), (1, 1, 4, 4), 0, ValueError, 'is not positive'),
    (functions.deconvolution_nd, (1, 1, 1, 5), (1, 1, 2, 2), 1, ValueError, 'is not positive')])
def test_shapes_that_do_not_fit(function, x, W, pad, error, message):
    with pytest.raises(error, match=message):
        function(random(x), random(W), pad=pad)
