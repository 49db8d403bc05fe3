"""The iterator of a training."""
from concurrent.futures import ThreadPoolExecutor
from random import Random

import numpy as np
from chainer.iterators import SerialIterator, ShuffleOrderSampler, _statemachine

from tgan_chainer.datasets.drawing import DrawnDataset
from tgan_chainer.random_streams import Streams


class PrefetchIterator(SerialIterator):
    """SerialIterator that loads the next batch while the current one is worked on.

    It gives the batches of a SerialIterator, bit for bit, and has its state in a snapshot, though
    others may draw between two batches: the next is drawn ahead from copies of the global streams,
    and counts only if at the next call nobody has drawn; then the streams are brought to where the
    copies ended. Otherwise the batch is made as a SerialIterator makes it.

    On a GPU the latent vectors come from CuPy's stream, and all batches are loaded ahead. On the
    CPU they come from NumPy's and none is, which costs little there (docs/data.md).

    The dataset has examples in two steps (`tgan_chainer.datasets.drawing.DrawnDataset`); its error
    comes from the call that would hand out the example.
    """

    _executor = None
    #: Whether a snapshot's order and position are taken over; only its epoch if False, since it is
    #: of another number of ranks, whose shares are others.
    loads_order = True

    def __init__(self, dataset, batch_size, repeat=True, shuffle=True, n_threads=4):
        if not isinstance(dataset, DrawnDataset):
            raise TypeError(f'{type(dataset).__name__} is no DrawnDataset, whose examples are '
                            'drawn and loaded in two steps')
        super().__init__(dataset, batch_size, repeat, shuffle)
        self._executor = ThreadPoolExecutor(n_threads, thread_name_prefix='prefetch')
        self._ahead = None       # the next batch, if it is being loaded
        self._states = None      # of the global streams, when the last batch was handed out

    def __next__(self):
        untouched = self._states == Streams().get_states()
        if untouched and self._ahead is not None:
            self._previous_epoch_detail = self.epoch_detail
            self._state, states, examples = self._ahead.result()
            if examples is None:
                raise StopIteration
            batch = [example.result() for example in examples]
            Streams().set_states(states)
        else:
            batch = super().__next__()
        self._states = Streams().get_states()
        self._ahead = (self._executor.submit(self._draw, self._state, self._states)
                       if untouched else None)
        return batch

    next = __next__

    def _draw(self, state, states):
        """Draw, from copies of the streams, and begin to load the batch after `state`.

        Returns the state after it, that of the streams, and its examples; None at the end.
        """
        streams = Streams(np.random.RandomState(), Random())
        streams.set_states(states)
        sampler = self.order_sampler and ShuffleOrderSampler(streams.numpy)
        state, indices = _statemachine.iterator_statemachine(
            state, self.batch_size, self.repeat, sampler, len(self.dataset))
        drawn = None if indices is None else [(i, self.dataset.draw(i, streams)) for i in indices]
        return state, streams.get_states(), drawn and [
            self._executor.submit(self.dataset.load, *example) for example in drawn]

    def serialize(self, serializer):
        if self.loads_order:
            super().serialize(serializer)
        else:
            self._state = self._state._replace(epoch=serializer('epoch', self.epoch))
        self._ahead = None    # what was loaded ahead may not come next any more

    def begin_pass(self):
        """Begin this epoch's pass anew, in an order that is drawn now."""
        epoch = self.epoch
        self.reset()
        self._state = self._state._replace(epoch=epoch)

    def reset(self):
        super().reset()
        self._ahead = None

    def finalize(self):
        if self._executor:
            self._executor.shutdown(cancel_futures=True)
            self._executor = None
