"""The part of a data set that one rank trains on."""
import numpy as np
from chainer.dataset import DatasetMixin
from chainermn import scatter_index

from tgan_chainer.datasets.drawing import DrawnDataset


class Share(DrawnDataset, DatasetMixin):
    """The examples of ``dataset`` at ``indices``, which are drawn and loaded as there."""

    def __init__(self, dataset, indices):
        self.dataset = dataset
        self.indices = indices

    def __len__(self):
        return len(self.indices)

    def draw(self, i, streams):
        return self.dataset.draw(self.indices[i], streams)

    def load(self, i, drawn):
        return self.dataset.load(self.indices[i], drawn)


def share(dataset, communicator, seed):
    """This rank's share of ``dataset``, as ``chainermn.scatter_dataset(shuffle=True)`` cuts it.

    All shares are of one length; some examples belong to two where the ranks do not divide the
    data set. Indices are sent and not examples: every rank opens the data set itself.
    """
    order = np.random.RandomState(seed).permutation(len(dataset))
    begin, end = scatter_index(len(dataset), communicator)
    return Share(dataset, order[begin:end])
