"""Batch normalisation over ranks, with one of them; with more: tests/distributed/test_ranks.py."""
import functools

import chainer
import chainer.functions as F
import numpy as np
import pytest

from tests.functions.conftest import output_and_gradients
from tgan_chainer import links
from tgan_chainer.distributed import OneProcess
from tgan_chainer.functions import LeakyReLU, relu
from tgan_chainer.functions.multi_node_batch_normalization import multi_node_batch_normalization

EPS, DECAY = 2e-5, 0.9


def test_it_has_no_second_gradient():
    x = chainer.Variable(np.random.RandomState(0).randn(4, 3))
    y = F.sum(multi_node_batch_normalization(
        x, np.ones(3), np.zeros(3), EPS, None, None, DECAY, OneProcess()) ** 2)
    with pytest.raises(RuntimeError, match='no second gradient'):
        chainer.grad([y], [x], enable_double_backprop=True)


def make_link(ranks, size=3):
    with (chainer.using_config('dtype', np.float64),
          chainer.using_config('batch_norm_ranks', ranks)):
        return links.BatchNormalization(size)


@pytest.mark.parametrize('channels', [(3,), (3, 5)])
@pytest.mark.parametrize('finetune', [False, True])
@pytest.mark.parametrize('recomputing', [False, True])
def test_of_one_rank_is_as_without_ranks(channels, finetune, recomputing):
    rs = np.random.RandomState(0)
    x, gy = rs.randn(2, 2, 4, 3, 5)
    x *= 1e-2    # small, so that eps counts
    found = []
    for ranks in (OneProcess(), None):
        bn = make_link(ranks, channels)
        bn.gamma.array[...], bn.beta.array[...] = np.random.RandomState(1).randn(2, *channels)
        with chainer.using_config('in_recomputing', recomputing):
            normalise = functools.partial(bn, activation=LeakyReLU(0.2), finetune=finetune)
            normalise(x[0])
            found.append(output_and_gradients(normalise, [x[1]], gy[1]))
        found[-1] += [bn.gamma.grad, bn.beta.grad, bn.avg_mean, bn.avg_var, bn.N]
    for ours, without in zip(*found, strict=True):
        # 1e-12: some float64 roundings, of gradients of order one hundred.
        np.testing.assert_allclose(ours, without, rtol=1e-12, atol=1e-12)


def test_in_test_mode_no_rank_is_asked():
    bn = make_link(None)
    bn.ranks = 'nobody'
    with chainer.using_config('train', False):
        assert bn(np.zeros((2, 3)), relu).shape == (2, 3)
