"""Examples in two steps: what is random about one is drawn, and what was drawn is loaded.

Drawing is quick and needs the random streams in the authors' order. Loading takes the time, and
can be done in another thread without changing any example (FACTS §5, §7).
"""
import numpy as np
from chainer.dataset import DatasetMixin

from tgan_chainer.random_streams import global_streams


class DrawnDataset(DatasetMixin):
    """A data set of Chainer's in two steps; what is asked for draws from the global streams."""

    n_categories = 0

    def draw(self, i, streams):
        """Draw what is random about example `i` from `streams` -> what :meth:`load` takes."""
        raise NotImplementedError

    def load(self, i, drawn):
        """Example `i` as `drawn`; draws nothing itself, and several threads may call it at once."""
        raise NotImplementedError

    def get_example(self, i):
        return self.load(i, self.draw(i, global_streams()))


class Labelled:
    """Makes the examples of a DrawnDataset pairs (video, label); comes before it in the bases.

    A label is an int32 scalar: the index of the video's category in `category_names`.

    Attributes:
        category_names: Sorted list of str, the categories that the table names. Case does not count
            in their order, as in UCF-101's classInd.txt, where Hammering is before HammerThrow.
        n_categories: How many they are.
        category_prior: float64 (n_categories,), the share of each among the videos.
    """

    def load(self, i, drawn):
        return super().load(i, drawn), self._labels[i]

    def _set_categories(self, categories):
        """Number the categories, str (N,), of the videos."""
        self.category_names = sorted(set(categories), key=lambda name: (name.casefold(), name))
        numbers = {name: number for number, name in enumerate(self.category_names)}
        self._labels = np.array([numbers[name] for name in categories], np.int32)
        self.n_categories = len(self.category_names)
        self.category_prior = np.bincount(self._labels) / len(self._labels)


def draw_offset(length, n_frames, stream):
    """First frame of a clip in a video of `length` frames, by a stream of NumPy.

    Uniform over 0..length - n_frames - 1: the last possible clip is never drawn, and no random
    number used up when `length` is `n_frames`, as by the authors.
    """
    return stream.randint(length - n_frames) if length > n_frames else 0


def normalize(clip, mirrored=False):
    """Values 0..255 (..., W) -> float32 in [-1, 1), exactly (v - 128) / 128; a new C-ordered array.

    If `mirrored`, the clip is turned left to right.
    """
    return (clip[..., ::-1 if mirrored else 1].astype(np.float32, order='C') - 128) / 128
