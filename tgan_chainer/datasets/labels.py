"""Categories of videos, for systems that are conditioned on them (FACTS §7)."""
import numpy as np


class Labelled:
    """Makes the examples of a DrawnDataset pairs (video, label); comes before it in the bases.

    A label is an int32 scalar: the index of the video's category in `category_names`.

    Attributes:
        category_names: Sorted list of str, the categories that the table names. Case does not count
            in their order, as it does not in that of UCF-101's classInd.txt, whose numbers are
            these and 1: there Hammering is before HammerThrow, and JumpingJack before JumpRope.
        n_categories: How many they are.
        category_prior: float64 (n_categories,), the share of each among the videos.
    """

    def load(self, i, drawn):
        return super().load(i, drawn), self._labels[i]

    def _set_categories(self, categories):
        """Number the categories, str (N,), of the videos."""
        self.category_names = sorted(set(categories), key=_ignoring_case)
        numbers = {name: number for number, name in enumerate(self.category_names)}
        self._labels = np.array([numbers[name] for name in categories], np.int32)
        self.n_categories = len(self.category_names)
        self.category_prior = np.bincount(self._labels) / len(self._labels)


def _ignoring_case(name):
    return name.casefold(), name
