"""Batch normalisation with the running statistics of Chainer 2 or of Chainer 7."""
import chainer
from chainer import links

from tgan_chainer.functions.activation import LeakyReLU
from tgan_chainer.functions.batch_normalization import (
    batch_normalization,
    fixed_batch_normalization,
)
from tgan_chainer.functions.choice import runs_on_cpu_kernels
from tgan_chainer.functions.multi_node_batch_normalization import multi_node_batch_normalization

STATISTICS = ('chainer2', 'chainer7')
"""What ``chainer.config.batch_norm_statistics`` may be."""

BATCH_NORMS = ('local', 'multi_node')
"""Over which batch an experiment normalises on many devices: each rank's own, or all ranks'."""

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
        statistics (str): One of :data:`STATISTICS`; by default
            ``chainer.config.batch_norm_statistics`` at construction.

    Attributes:
        ranks (OneProcess or None): The ranks whose batches together are normalised in train mode:
            ``chainer.config.batch_norm_ranks`` at construction, None for the own batch alone.

    Raises:
        ValueError: ``statistics`` is not one of :data:`STATISTICS`.
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
        moves_statistics = chainer.config.train and not chainer.config.in_recomputing
        on_ranks = self.ranks is not None and chainer.config.train
        if not on_ranks and self._runs_on_cpu_kernels(x, finetune):
            fused = isinstance(activation, LeakyReLU)
            y = self._forward_cpu(x, activation.slope if fused else 1)
            activation = None if fused else activation
        else:
            y = (self._forward_on_ranks(x, finetune) if on_ranks
                 else super().forward(x, finetune=finetune))
        if moves_statistics and self.statistics == 'chainer2':
            m = x.size // self.avg_var.size * (1 if self.ranks is None else self.ranks.size)
            decay = 1 - 1 / self.N if finetune else self.decay
            self.avg_var += (1 - decay) * m / max(m - 1, 1) * self.eps
        return y if activation is None else activation(y)

    def _runs_on_cpu_kernels(self, x, finetune):
        # Chainer's own function where the kernels have none: to recompute, to fine-tune, and for
        # gradients through given statistics.
        if chainer.config.in_recomputing or finetune or self.gamma.ndim != 1:
            return False
        return (runs_on_cpu_kernels(x, self.gamma)
                and (chainer.config.train or not chainer.config.enable_backprop))

    def _forward_cpu(self, x, slope):
        if chainer.config.train:
            return batch_normalization(x, self.gamma, self._beta_or_zeros(), self.eps,
                                       self.avg_mean, self.avg_var, self.decay, slope)
        arrays = map(chainer.as_array, (x, self.gamma, self._beta_or_zeros()))
        return chainer.Variable(fixed_batch_normalization(
            *arrays, self.avg_mean, self.avg_var, self.eps, slope))

    def _forward_on_ranks(self, x, finetune):
        moved, decay = (self.avg_mean, self.avg_var), self.decay
        if chainer.config.in_recomputing:
            moved = (None, None)
        elif finetune:
            self.N += 1
            decay = 1 - 1 / self.N
        return multi_node_batch_normalization(
            x, self.gamma, self._beta_or_zeros(), self.eps, *moved, decay, self.ranks)

    def _beta_or_zeros(self):
        return self._get_beta()[0] if self.beta is None else self.beta

    def _get_beta(self):
        # Chainer takes the dtype of construction, which a link that was cast since does not have.
        with chainer.using_device(self.device):
            return self.xp.zeros_like(self.avg_mean),
