"""Batch normalisation over the batches of all ranks of a training on many devices."""
import chainer
from chainer.functions.normalization import batch_normalization as chainers


def multi_node_batch_normalization(x, gamma, beta, eps, running_mean, running_var, decay, ranks):
    """``chainer.functions.batch_normalization`` of all ranks' ``x``, each of which gets its part.

    With two messages forward and one backward. All ranks must call it with inputs of one shape.
    The gradient of x is that of the sum of all ranks' losses. Gradients of gamma and beta are
    already the mean over the ranks, so that the optimizer's mean leaves them as they are.

    Args:
        x (numpy.ndarray, cupy.ndarray or chainer.Variable): (N, C, ...), where C is the shape of
            gamma; normalised over all other axes.
        ranks (OneProcess): The ranks.

    The others as in :func:`~tgan_chainer.functions.batch_normalization.batch_normalization`,
    on the device of ``x``; statistics that are None are not moved.
    """
    node = chainers.BatchNormalization(
        eps, running_mean, running_var, decay, impl_selector=lambda *_: _OverRanks(ranks))
    y, = node.apply((x, gamma, beta))
    if running_var is not None:    # moved by the estimate for a batch of this rank's size
        m = x.size // gamma.size
        of_all, of_one = (n / max(n - 1, 1) for n in (m * ranks.size, m))
        running_var += (1 - decay) * (of_all - of_one) * node.var
    return y


class _OverRanks(chainers.GeneralBatchNormalizationImpl):
    """What Chainer's function computes, with the sums of all ranks."""

    def __init__(self, ranks):
        self.ranks = ranks

    def get_mean_and_var(self, axis, gamma, x, xp, interm_dtype):
        local_mean = x.mean(axis, interm_dtype)
        mean = self.ranks.mean(local_mean.copy())
        # A rank's variance about the common mean; the difference of two large sums would cancel.
        return mean, self.ranks.mean(x.var(axis, interm_dtype) + (local_mean - mean) ** 2)

    def get_ggamma_and_gbeta(self, axis, gamma, gy, x_hat, xp):
        if chainer.config.enable_backprop:
            raise RuntimeError('batch normalisation over all ranks has no second gradient')
        return self.ranks.mean(xp.stack([gy.sum(axis), (gy * x_hat).sum(axis)]))
