"""What is scored: videos of trained generators, or of a data set, batch by batch.

Both kinds draw from the global generators, which the caller seeds, and both can be brought to
where they were after a number of videos.
"""
import functools

import chainer
import numpy as np

from tgan_chainer.models.sampling import (
    draw_labels,
    draw_z_slow,
    first_generator,
    make_video,
)


class GeneratedVideos:
    """Videos of trained generators, in test mode, from latent vectors as in training.

    A conditional system draws a label for every video from its category prior.

    Args:
        fsgen, vgen: The generators, on one device; ``fsgen`` may be None.
    """

    def __init__(self, fsgen, vgen):
        self.fsgen = fsgen
        self.vgen = vgen

    def draw(self, n):
        """Take what decides the next ``n`` videos from the random stream -> (z_slow, labels)."""
        first = first_generator(self.fsgen, self.vgen)
        return draw_z_slow(first, n), draw_labels(first, n)

    def make(self, drawn):
        """The videos (n, C, T, H, W) in [-1, 1] of what was drawn, on the generators' device."""
        z_slow, labels = drawn
        return make_video(self.fsgen, self.vgen, len(z_slow), z_slow, labels=labels)[0]

    def skip(self, n):
        """Draw as :meth:`draw` does, and nothing else."""
        self.draw(n)


class RealVideos:
    """Videos of a data set in random order, each once before any comes again.

    Args:
        dataset: Examples (T, C, H, W) in [-1, 1), or pairs of them and a label.
        device: Chainer device the videos go to.
        seed (int): Of the order. What else an example draws, such as its first frame, comes from
            the global generators.
    """

    def __init__(self, dataset, device, seed):
        self.dataset = dataset
        self.device = device
        self.seed = seed
        self._position = 0

    def draw(self, n):
        """Read the next ``n`` videos -> (n, C, T, H, W) in main memory."""
        examples = [self.dataset[self._index(self._position + i)] for i in range(n)]
        self._position += n
        videos = [example[0] if isinstance(example, tuple) else example for example in examples]
        return np.stack(videos).transpose(0, 2, 1, 3, 4)

    def make(self, drawn):
        """The videos that were drawn, on the device."""
        return self.device.send(drawn.astype(chainer.get_dtype(), copy=False))

    def skip(self, n):
        """Go on behind the next ``n`` videos, without reading them or drawing random numbers."""
        self._position += n

    def _index(self, position):
        round_, place = divmod(position, len(self.dataset))
        return int(_order(self.seed, round_, len(self.dataset))[place])


@functools.lru_cache(maxsize=1)
def _order(seed, round_, n):
    return np.random.RandomState([seed, round_]).permutation(n)
