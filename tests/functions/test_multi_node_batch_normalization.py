"""Batch normalisation over ranks, with one of them; with more: tests/distributed/test_ranks.py."""
import functools

import chainer
import chainer.functions as F
import numpy as np
import pytest

from tests.functions.conftest import output_and_gradients
from tgan_chainer import links
from tgan_chainer.distributed.one_process import OneProcess
from tgan_chainer.functions import LeakyReLU, relu
from tgan_chainer.functions.multi_node_batch_normalization import multi_node_batch_normalization

EPS, DECAY = 2e-5, 0.9


@pytest.mark.parametrize('channels', [(3,), (3, 5)])
def test_of_one_rank_is_chainers(channels):
    rs = np.random.RandomState(0)
    x, gy = rs.randn(2, 4, 3, 5, 2)
    gamma, beta = rs.randn(2, *channels)
    found = []
    for function, more in ((multi_node_batch_normalization, {'ranks': OneProcess()}),
                           (F.batch_normalization, {})):
        mean, var = np.zeros(channels), np.ones(channels)
        found.append([mean, var, *output_and_gradients(functools.partial(
            function, eps=EPS, running_mean=mean, running_var=var, decay=DECAY, **more),
            [x, gamma, beta], gy)])
    for ours, chainers in zip(*found, strict=True):
        # 1e-12: some float64 roundings of numbers of order one to ten.
        np.testing.assert_allclose(ours, chainers, rtol=1e-12, atol=1e-12)


def test_it_has_no_second_gradient():
    x = chainer.Variable(np.random.RandomState(0).randn(4, 3))
    y = F.sum(multi_node_batch_normalization(
        x, np.ones(3), np.zeros(3), EPS, None, None, DECAY, OneProcess()) ** 2)
    with pytest.raises(RuntimeError, match='no second gradient'):
        chainer.grad([y], [x], enable_double_backprop=True)


def make_link(ranks):
    with (chainer.using_config('dtype', np.float64),
          chainer.using_config('batch_norm_ranks', ranks)):
        return links.BatchNormalization(3)


@pytest.mark.parametrize('finetune', [False, True])
@pytest.mark.parametrize('recomputing', [False, True])
def test_the_link_moves_statistics_as_without_ranks(finetune, recomputing):
    x = np.random.RandomState(0).randn(2, 4, 3, 5) * 1e-2    # small, so that eps counts
    found = []
    for ranks in (OneProcess(), None):
        bn = make_link(ranks)
        with chainer.using_config('in_recomputing', recomputing):
            outputs = [bn(batch, LeakyReLU(0.2), finetune=finetune).array for batch in x]
        found.append([*outputs, bn.avg_mean, bn.avg_var, bn.N])
    for ours, without in zip(*found, strict=True):
        # 1e-12: some float64 roundings.
        np.testing.assert_allclose(ours, without, rtol=1e-12, atol=1e-12)


def test_in_test_mode_no_rank_is_asked():
    bn = make_link(None)
    bn.ranks = 'nobody'
    with chainer.using_config('train', False):
        assert bn(np.zeros((2, 3)), relu).shape == (2, 3)
