"""Batch normalisation with the running statistics of Chainer 2 or of Chainer 7."""
import functools

import chainer
import chainer.functions as F
from chainer import links

from tgan_chainer.functions.activation import LeakyReLU
from tgan_chainer.functions.batch_normalization import (
    batch_normalization,
    fixed_batch_normalization,
)
from tgan_chainer.functions.choice import runs_on_cpu_kernels
from tgan_chainer.functions.multi_node_batch_normalization import multi_node_batch_normalization

STATISTICS = ('chainer2', 'chainer7')    #: What ``chainer.config.batch_norm_statistics`` may be.
BATCH_NORMS = ('local', 'multi_node')    #: On many devices: over each rank's batch, or all ranks'.

# Chainer 2 made the published numbers, so it is the default (docs/differences.md).
chainer.global_config.batch_norm_statistics = 'chainer2'
chainer.global_config.batch_norm_ranks = None


class BatchNormalization(links.BatchNormalization):
    """``chainer.links.BatchNormalization`` with a choice of what ``avg_var`` accumulates.

    Normalisation itself is the same in both versions: batch mean, biased variance plus ``eps``. But
    ``avg_var`` of chainer2 starts at 0 and moves by ``1 - decay`` towards
    ``m / (m - 1) * (batch variance + eps)``, with m the number of elements a channel; that of
    chainer7 starts at 1 and leaves eps out. It matters because singular value clipping bounds gamma
    by ``sqrt(avg_var)`` (measured, FACTS §4). Chainer 2 with cuDNN left eps out for 2-D and 4-D
    inputs; those are G1's, whose running variance only test mode reads, so one rule serves here.
    Keys in a snapshot are Chainer's own.

    Args:
        size (int or tuple of ints): Shape of gamma, beta and the statistics.
        use_beta (bool): Whether to shift the output. The paper's G0 and D do not.
        statistics (str): One of :data:`STATISTICS`, else a ValueError; by default
            ``chainer.config.batch_norm_statistics`` at construction.

    Attributes:
        ranks (OneProcess or None): The ranks whose batches together are normalised in train mode:
            ``chainer.config.batch_norm_ranks`` at construction, None for the own batch alone.
    """

    def __init__(self, size, use_beta=True, statistics=None):
        if statistics is None:
            statistics = chainer.config.batch_norm_statistics
        if statistics not in STATISTICS:
            raise ValueError(
                f'unknown batch-norm statistics {statistics!r}: expected one of {STATISTICS}')
        super().__init__(
            size, use_beta=use_beta, initial_avg_var=0 if statistics == 'chainer2' else 1)
        self.statistics = statistics
        self.ranks = chainer.config.batch_norm_ranks

    def forward(self, x, activation=None, finetune=False):
        """``activation(normalised x)``, for x (B, C, ...); in train mode statistics move, too.

        On the CPU kernels of this package a :class:`.LeakyReLU` takes no pass of its own.
        """
        given = x, self.gamma, self._zeros() if self.beta is None else self.beta
        on_ranks = self.ranks is not None and chainer.config.train
        # The kernels have no gradients through given statistics.
        on_kernels = (not on_ranks and self.gamma.ndim == 1 and runs_on_cpu_kernels(x, self.gamma)
                      and (chainer.config.train or not chainer.config.enable_backprop))
        slope, function = 1, F.batch_normalization
        if on_kernels and isinstance(activation, LeakyReLU):
            slope, activation = activation.slope, None
        if on_kernels:
            function = functools.partial(batch_normalization, slope=slope)
        elif on_ranks:
            function = functools.partial(multi_node_batch_normalization, ranks=self.ranks)
        if chainer.config.train:
            y = self._moving_statistics(functools.partial(function, *given), finetune)
        elif on_kernels:
            y = chainer.Variable(fixed_batch_normalization(
                *map(chainer.as_array, given), self.avg_mean, self.avg_var, self.eps, slope))
        else:
            y = F.fixed_batch_normalization(*given, self.avg_mean, self.avg_var, self.eps)
        return y if activation is None else activation(y)

    def _moving_statistics(self, normalise, finetune):
        """The output in train mode; where it is computed again, statistics stay."""
        if chainer.config.in_recomputing:
            return normalise(eps=self.eps, running_mean=None, running_var=None, decay=self.decay)
        self.N += finetune
        decay = 1 - 1 / self.N if finetune else self.decay
        y = normalise(eps=self.eps, running_mean=self.avg_mean, running_var=self.avg_var,
                      decay=decay)
        if self.statistics == 'chainer2':
            m = y.size // self.avg_var.size * (1 if self.ranks is None else self.ranks.size)
            self.avg_var += (1 - decay) * m / max(m - 1, 1) * self.eps
        return y

    def _zeros(self):
        # Of the dtype of the statistics, which a link that was cast has changed.
        with chainer.using_device(self.device):
            return self.xp.zeros_like(self.avg_mean)
