"""All random state: streams that examples draw from, and generators that a snapshot keeps."""
import multiprocessing
import os
import random
from typing import Any, NamedTuple

import numpy as np
from chainer.training import extension


class Streams(NamedTuple):
    """Where an example's random numbers come from: the global streams, or others like them.

    ``numpy`` is `numpy.random` or a `numpy.random.RandomState`, ``python`` the module `random` or a
    `random.Random`.
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


def global_streams():
    """The global streams; in a worker process of Chainer's MultiprocessIterator first its own.

    Workers inherit the state of NumPy's stream, and would all draw the same offsets and crops. One
    that finds the streams as it inherited them seeds them anew, from that state and its name.
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


class RandomState(extension.Extension):
    """Save and restore the global generators of NumPy and Python.

    With them a resumed training on the CPU continues bit for bit. CuPy's generator has no state to
    save: on the GPU it is seeded anew, from seed, rank and iteration, so a resumed training is
    repeatable but draws other latent vectors. All ranks draw the same parameters after
    :meth:`seed_all`; then each but the first takes streams of its own (:meth:`part_ways`).
    """

    name = 'random_state'

    def __init__(self, seed, device, rank=0):
        self.seed = seed
        self.device = device
        self.rank = rank

    def __call__(self, trainer):
        """Nothing: the state is taken when a snapshot is."""

    def seed_all(self):
        """Seed every generator at the start of an experiment."""
        random.seed(self.seed)
        np.random.seed(self.seed)
        self._seed_device(self.seed)

    def part_ways(self):
        """Seed every generator of a rank but the first, which goes on as one process does."""
        if self.rank:
            self.start_anew()

    def resume_at(self, iteration):
        """Seed the device's generator after a snapshot of ``iteration`` was loaded."""
        self._seed_device(self._words(iteration)[0])

    def start_anew(self, *iteration):
        """Seed every generator by seed, rank and iteration: no state was kept for this rank."""
        words = self._words(*iteration)
        random.seed(words.tobytes())
        np.random.seed(words)
        self._seed_device(words[0])

    def _words(self, *iteration):
        return np.random.SeedSequence((self.seed, self.rank, *iteration)).generate_state(8)

    def _seed_device(self, seed):
        if self.device.xp is not np:
            self.device.use()
            self.device.xp.random.seed(int(seed))

    def serialize(self, serializer):
        algorithm, *state = np.random.get_state()
        state = [serializer(f'numpy_{name}', value) for name, value in zip(
            ('keys', 'position', 'has_gauss', 'cached_gaussian'), state, strict=True)]
        if not 0 <= state[1] <= len(state[0]):    # NumPy would read beyond the array
            raise ValueError(f"position {state[1]} in NumPy's state of {len(state[0])} numbers")
        np.random.set_state((algorithm, *state))
        version, words, gauss = random.getstate()
        words = serializer('python_words', np.array(words, np.uint32))
        has_gauss = serializer('python_has_gauss', gauss is not None)
        gauss = serializer('python_gauss', gauss or 0.0)
        random.setstate((version, tuple(map(int, words)), gauss if has_gauss else None))
