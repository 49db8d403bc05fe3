"""ChainerMN's optimizer, with what TGAN needs before each of its updates."""
from chainermn import optimizers

from tgan_chainer.links import BatchNormalization


class MultiNodeOptimizer(optimizers._MultiNodeOptimizer):
    """That of ``chainermn.create_multi_node_optimizer``, of which every ``update`` is an update.

    Gradients are averaged over the ranks, then the actual optimizer updates and calls its hooks:
    a hook sees the actual optimizer, its count ``t`` and parameters that are equal on all ranks.
    Three things come before that:

    * The running statistics of normalisations whose batches are their rank's own are averaged:
      singular value clipping, a hook, bounds gamma by them, and a snapshot holds one of each.
    * ChainerMN passes a gradient that is not contiguous to MPI as a copy, and loses the mean.
    * ChainerMN's first update only broadcasts the parameters, and no gradient counts. They are
      broadcast when they are made, so each of its updates is told that nothing is new.
    """

    def __init__(self, optimizer, ranks):
        # A gradient that is missing is missing on all ranks, and stays so, as without ChainerMN.
        super().__init__(optimizer, ranks.communicator, zero_fill=False)
        vars(self)['_ranks'] = ranks    # other attributes go to the actual optimizer

    def update(self):
        """Update the target by the mean of all ranks' gradients."""
        average_statistics(self.target, self._ranks)
        for param in self.target.params(include_uninit=False):
            if param.grad is not None:
                param.grad = param.xp.ascontiguousarray(param.grad)
        self.is_changed(self.target)    # it remembers the parameters of its last call
        super().update()


def average_statistics(link, ranks):
    """Average over ``ranks`` the running statistics that are the ranks' own, in one message."""
    arrays = [array for child in link.links()
              if isinstance(child, BatchNormalization) and child.ranks is None
              for array in (child.avg_mean, child.avg_var)]
    if not arrays:
        return
    means = ranks.mean(link.xp.concatenate([array.ravel() for array in arrays]))
    start = 0
    for array in arrays:
        array[...] = means[start:start + array.size].reshape(array.shape)
        start += array.size
