"""The running statistics of both Chainer versions (FACTS §4)."""
import chainer
import chainer.functions as F
import numpy as np
import pytest

from tgan_chainer import links
from tgan_chainer.functions import LeakyReLU, relu

EPS, DECAY = 2e-5, 0.9


def expected_avg_var(statistics, x, n_calls):
    """avg_var (C,) after ``n_calls`` train-mode calls on x (B, C, ...), from the definition."""
    axes = (0, *range(2, x.ndim))
    m = x.size // x.shape[1]
    target = m / (m - 1) * (x.var(axis=axes) + (EPS if statistics == 'chainer2' else 0))
    value = np.full(x.shape[1], 0.0 if statistics == 'chainer2' else 1.0)
    for _ in range(n_calls):
        value = DECAY * value + (1 - DECAY) * target
    return value


@pytest.mark.parametrize('statistics', links.batch_normalization.STATISTICS)
@pytest.mark.parametrize('shape', [(5, 3), (4, 3, 2, 5), (2, 3, 4, 2, 2)])
def test_running_variance(statistics, shape):
    x = np.random.RandomState(0).randn(*shape) * 1e-2    # small, so that eps counts
    with chainer.using_config('dtype', np.float64):
        bn = links.BatchNormalization(3, statistics=statistics)
    for _ in range(3):
        with chainer.using_config('train', True):
            bn(x)
    # 1e-14: a handful of float64 roundings.
    np.testing.assert_allclose(bn.avg_var, expected_avg_var(statistics, x, 3), rtol=1e-14)


@pytest.mark.parametrize('train, recomputing', [(False, False), (True, True)])
def test_moves_nothing(train, recomputing):
    bn = links.BatchNormalization(3)
    with (chainer.using_config('train', train),
          chainer.using_config('in_recomputing', recomputing)):
        bn(np.random.randn(4, 3).astype('f'))
    assert not bn.avg_mean.any() and not bn.avg_var.any()


def test_configuration_chooses_the_statistics():
    with chainer.using_config('batch_norm_statistics', 'chainer7'):
        assert links.BatchNormalization(2).avg_var.tolist() == [1, 1]
    assert links.BatchNormalization(2).avg_var.tolist() == [0, 0]
    with pytest.raises(ValueError, match="'chainer3'.*'chainer2', 'chainer7'"):
        links.BatchNormalization(2, statistics='chainer3')


def test_a_link_that_was_cast_after_construction():
    bn = links.BatchNormalization(3, use_beta=False)
    bn.gamma.array = bn.gamma.array.astype('d')
    bn.avg_mean, bn.avg_var = bn.avg_mean.astype('d'), bn.avg_var.astype('d')
    assert bn(np.random.randn(4, 3)).dtype == np.float64


# Some roundings of numbers of order one.
@pytest.mark.parametrize('dtype, tolerance', [('float32', 5e-6), ('float64', 1e-14)])
@pytest.mark.parametrize('kernels', ['tgan', 'chainer'])
@pytest.mark.parametrize('train, finetune', [(True, False), (True, True), (False, False)])
@pytest.mark.parametrize('backprop', [True, False])
@pytest.mark.parametrize('activation', [None, relu, LeakyReLU(0.2), F.sigmoid])
def test_an_activation_of_the_same_call_and_what_chainer_normalises(
        dtype, tolerance, kernels, train, finetune, backprop, activation):
    with chainer.using_config('dtype', np.dtype(dtype)):
        ours = links.BatchNormalization(3, statistics='chainer7')
        chainers = chainer.links.BatchNormalization(3)
    rs = np.random.RandomState(0)
    for name in ('gamma', 'beta', 'avg_mean', 'avg_var'):
        values = rs.uniform(0.5, 1, 3)
        for bn in (ours, chainers):
            chainer.as_array(getattr(bn, name))[...] = values
    x = rs.randn(4, 3, 5).astype(dtype)
    with chainer.using_config('train', train), chainer.using_config('enable_backprop', backprop):
        with chainer.using_config('tgan_cpu_kernels', kernels):
            found = ours(x, activation, finetune=finetune)
        normalised = chainers(x, finetune=finetune)
    expected = activation(normalised).array if activation else normalised.array
    assert found.dtype == dtype
    assert ours.N == chainers.N
    np.testing.assert_allclose(ours.avg_var, chainers.avg_var, atol=tolerance)
    np.testing.assert_allclose(found.array, expected, atol=tolerance)
    assert (found.creator is not None) == backprop
