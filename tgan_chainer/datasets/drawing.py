"""Examples in two steps: what is random about one is drawn, and what was drawn is loaded.

Drawing is quick and needs the random streams in the authors' order. Loading takes the time, needs
no random number, and so can be done in another thread without changing any example.
"""
import multiprocessing
import os
import random
from typing import Any, NamedTuple

import numpy as np


class Streams(NamedTuple):
    """Where an example's random numbers come from: the global streams, or others like them.

    Attributes:
        numpy: `numpy.random`, or a `numpy.random.RandomState`.
        python: The module `random`, or a `random.Random`.
    """

    numpy: Any = np.random
    python: Any = random

    def get_states(self):
        """States of both, which can be compared, and given to :meth:`set_states`."""
        algorithm, keys, *rest = self.numpy.get_state()
        return (algorithm, keys.tobytes(), *rest), self.python.getstate()

    def set_states(self, states):
        """Bring both into the states of :meth:`get_states`."""
        (algorithm, keys, *rest), python = states
        self.numpy.set_state((algorithm, np.frombuffer(keys, np.uint32), *rest))
        self.python.setstate(python)


class DrawnDataset:
    """What datasets of examples in two steps have in common; a base before Chainer's DatasetMixin.

    An example that is simply asked for draws from the global streams, as the authors' do.
    """

    def draw(self, i, streams):
        """Draw what is random about example `i` from `streams` -> what :meth:`load` takes."""
        raise NotImplementedError

    def load(self, i, drawn):
        """Example `i` as `drawn`; draws nothing itself, and several threads may call it at once."""
        raise NotImplementedError

    def get_example(self, i):
        return self.load(i, self.draw(i, global_streams()))


def global_streams():
    """The global streams; in a worker process they are first made its own.

    The workers that Chainer's MultiprocessIterator forks inherit the state of NumPy's stream, and
    would all draw the same offsets and crops; Python seeds its own stream there as it likes. A
    worker that finds both as they were then seeds them anew, from the inherited state and its name:
    no two workers draw alike, and for one seed each draws the same numbers again. A process that
    was seeded since it was forked is left alone, and so is a fork that `multiprocessing` did not
    make.
    """
    global _inherited
    if _inherited is not None:
        if _inherited == Streams().get_states() and multiprocessing.parent_process():
            name = multiprocessing.current_process().name
            np.random.seed([*np.random.randint(2**32, size=8, dtype=np.uint32), *name.encode()])
            random.seed(np.random.bytes(32))
        _inherited = None
    return Streams()


_inherited = None


def _remember_inherited():
    global _inherited
    _inherited = Streams().get_states()


os.register_at_fork(after_in_child=_remember_inherited)
