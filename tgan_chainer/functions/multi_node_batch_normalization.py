"""Batch normalisation over the batches of all ranks of a training on many devices."""
import chainer

from tgan_chainer.functions.batch_normalization import Normalization


def multi_node_batch_normalization(x, gamma, beta, eps, running_mean, running_var, decay, ranks):
    """``chainer.functions.batch_normalization`` of all ranks' ``x``, each of which gets its part.

    With two messages forward and one backward. All ranks must call it with inputs of one shape.
    Gradients are those of the sum of all ranks' losses. Of gamma and beta every rank gets what
    its own batch contributes: the optimizer averages over the ranks, as with every parameter.

    Args:
        x (numpy.ndarray, cupy.ndarray or chainer.Variable): (N, C, ...), where C is the shape of
            gamma; normalised over all other axes.
        ranks (OneProcess): The ranks.

    The others as in :func:`~tgan_chainer.functions.batch_normalization.batch_normalization`,
    on the device of ``x``; statistics that are None are not moved.
    """
    node = _MultiNodeBatchNormalization(eps, running_mean, running_var, decay, ranks=ranks)
    return node.apply((x, gamma, beta))[0]


class _MultiNodeBatchNormalization(Normalization):
    def __init__(self, *arguments, ranks):
        super().__init__(*arguments)
        self.ranks = ranks

    def forward(self, inputs):
        self.retain_inputs((0, 1))
        x, gamma, beta = inputs
        axis, spread = _axes(x, gamma)
        local_mean = x.mean(axis)
        mean = self.ranks.mean(local_mean.copy())
        # A rank's variance about the common mean; the difference of two large sums would cancel.
        var = self.ranks.mean(x.var(axis) + (local_mean - mean) ** 2)
        self.move_statistics(mean, var, self.ranks.size * (x.size // gamma.size))
        self.mean = mean
        self.inv_std = 1 / chainer.backend.get_array_module(x).sqrt(var + x.dtype.type(self.eps))
        return (x - mean[spread]) * (gamma * self.inv_std)[spread] + beta[spread],

    def backward(self, indexes, grad_outputs):
        if chainer.config.enable_backprop:
            raise RuntimeError('batch normalisation over all ranks has no second gradient')
        x, gamma = (variable.array for variable in self.get_retained_inputs())
        gy = grad_outputs[0].array
        axis, spread = _axes(x, gamma)
        x_hat = (x - self.mean[spread]) * self.inv_std[spread]
        ggamma, gbeta = (gy * x_hat).sum(axis), gy.sum(axis)
        xp = chainer.backend.get_array_module(x)
        of_all = self.ranks.mean(xp.stack([ggamma, gbeta])) / (x.size // gamma.size)
        gx = (gamma * self.inv_std)[spread] * (gy - x_hat * of_all[0][spread] - of_all[1][spread])
        return [chainer.Variable(gradient) for gradient in (gx, ggamma, gbeta)]


def _axes(x, gamma):
    """All but the channels', and the index that lines (C,) up with (N, C, ...)."""
    return (0, *range(1 + gamma.ndim, x.ndim)), (None, ..., *[None] * (x.ndim - 1 - gamma.ndim))
