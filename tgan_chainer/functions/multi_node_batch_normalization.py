"""Batch normalisation over the batches of all ranks of a training on many devices."""
import chainer
from chainer import function_node


def multi_node_batch_normalization(x, gamma, beta, eps, running_mean, running_var, decay, ranks):
    """``chainer.functions.batch_normalization`` of all ranks' ``x``, each of which gets its part.

    With two messages forward and one backward. All ranks must call it with inputs of one shape.
    Gradients are those of the sum of all ranks' losses. Of gamma and beta every rank gets what
    its own batch contributes: the optimizer averages over the ranks, as with every parameter.

    Args:
        x (numpy.ndarray, cupy.ndarray or chainer.Variable): (N, C, ...), where C is the shape of
            gamma; normalised over all other axes.
        gamma, beta: (C,), as ``x``.
        eps (float): Added to the variance.
        running_mean, running_var (array or None): (C,), updated in place; None moves nothing.
        decay (float): What the running statistics keep of themselves.
        ranks (OneProcess): The ranks.

    Returns:
        chainer.Variable: Of the shape of ``x``.
    """
    node = _MultiNodeBatchNormalization(eps, running_mean, running_var, decay, ranks)
    return node.apply((x, gamma, beta))[0]


class _MultiNodeBatchNormalization(function_node.FunctionNode):
    def __init__(self, eps, running_mean, running_var, decay, ranks):
        self.eps = eps
        self.running_mean = running_mean
        self.running_var = running_var
        self.decay = decay
        self.ranks = ranks

    def forward(self, inputs):
        self.retain_inputs((0, 1))
        x, gamma, beta = inputs
        axis = _other_axes(x, gamma)
        local_mean = x.mean(axis)
        mean = self.ranks.mean(local_mean.copy())
        # A rank's variance about the common mean; the difference of two large sums would cancel.
        var = self.ranks.mean(x.var(axis) + (local_mean - mean) ** 2)
        if self.running_mean is not None:
            self._move_statistics(mean, var, self.ranks.size * (x.size // gamma.size))
        self.mean = mean
        self.inv_std = 1 / chainer.backend.get_array_module(x).sqrt(var + x.dtype.type(self.eps))
        spread = _spread(x, gamma)
        return (x - mean[spread]) * (gamma * self.inv_std)[spread] + beta[spread],

    def _move_statistics(self, mean, var, m):
        self.running_mean *= self.decay
        self.running_mean += (1 - self.decay) * mean
        self.running_var *= self.decay
        self.running_var += (1 - self.decay) * m / max(m - 1, 1) * var

    def backward(self, indexes, grad_outputs):
        if chainer.config.enable_backprop:
            raise RuntimeError('batch normalisation over all ranks has no second gradient')
        x, gamma = (variable.array for variable in self.get_retained_inputs())
        gy = grad_outputs[0].array
        axis, spread = _other_axes(x, gamma), _spread(x, gamma)
        x_hat = (x - self.mean[spread]) * self.inv_std[spread]
        ggamma, gbeta = (gy * x_hat).sum(axis), gy.sum(axis)
        xp = chainer.backend.get_array_module(x)
        of_all = self.ranks.mean(xp.stack([ggamma, gbeta])) / (x.size // gamma.size)
        gx = (gamma * self.inv_std)[spread] * (gy - x_hat * of_all[0][spread] - of_all[1][spread])
        return [chainer.Variable(gradient) for gradient in (gx, ggamma, gbeta)]


def _other_axes(x, gamma):
    return (0, *range(1 + gamma.ndim, x.ndim))


def _spread(x, gamma):
    """The index that lines (C,) up with (N, C, ...)."""
    return (None, ..., *[None] * (x.ndim - 1 - gamma.ndim))
