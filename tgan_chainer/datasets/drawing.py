"""Examples in two steps: what is random about one is drawn, and what was drawn is loaded.

Drawing is quick and needs the random streams in the authors' order. Loading takes the time, needs
no random number, and so can be done in another thread without changing any example.
"""
from tgan_chainer.random_streams import global_streams


class DrawnDataset:
    """What datasets of examples in two steps have in common; a base before Chainer's DatasetMixin.

    An example that is simply asked for draws from the global streams, as the authors' do.
    """

    n_categories = 0

    def draw(self, i, streams):
        """Draw what is random about example `i` from `streams` -> what :meth:`load` takes."""
        raise NotImplementedError

    def load(self, i, drawn):
        """Example `i` as `drawn`; draws nothing itself, and several threads may call it at once."""
        raise NotImplementedError

    def get_example(self, i):
        return self.load(i, self.draw(i, global_streams()))
