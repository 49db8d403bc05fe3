"""Makes random draws part of a snapshot."""
import random

import numpy as np
from chainer.training import extension


class RandomState(extension.Extension):
    """Save and restore the global generators of NumPy and Python.

    The first draws latent vectors, offsets, crops, flips and the order of the data; the second
    picks the golf clips. With them a resumed training on the CPU continues bit for bit. CuPy's
    generator has no state to save: on the GPU it is seeded anew, from the seed of the experiment
    and the iteration, so a resumed training is repeatable but draws other latent vectors.

    Args:
        seed (int): Seed of the experiment.
        device: Chainer device of the training.
    """

    name = 'random_state'

    def __init__(self, seed, device):
        self.seed = seed
        self.device = device

    def __call__(self, trainer):
        """Nothing to do during training: the state is taken when a snapshot is."""

    def seed_all(self):
        """Seed every generator at the start of an experiment."""
        random.seed(self.seed)
        np.random.seed(self.seed)
        self._seed_device(self.seed)

    def resume_at(self, iteration):
        """Seed the device's generator after a snapshot of ``iteration`` was loaded."""
        self._seed_device((self.seed + iteration) % 2 ** 32)

    def _seed_device(self, seed):
        if self.device.xp is not np:
            self.device.use()
            self.device.xp.random.seed(seed)

    def serialize(self, serializer):
        _, keys, position, has_gauss, cached_gaussian = np.random.get_state()
        keys = serializer('numpy_keys', keys)
        position = serializer('numpy_position', position)
        has_gauss = serializer('numpy_has_gauss', has_gauss)
        cached_gaussian = serializer('numpy_cached_gaussian', cached_gaussian)
        np.random.set_state(('MT19937', keys, position, has_gauss, cached_gaussian))

        version, words, gauss = random.getstate()
        words = serializer('python_words', np.array(words, np.uint32))
        has_gauss = serializer('python_has_gauss', gauss is not None)
        gauss = serializer('python_gauss', gauss or 0.0)
        random.setstate((version, tuple(map(int, words)), gauss if has_gauss else None))
