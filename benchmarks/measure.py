"""Repetitions that take turns, and the arithmetic of their ratios."""
import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """Median, smallest and largest of several rounds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Series:
    """All repetitions of one side.

    Attributes:
        raw (tuple of tuples of float): A tuple a repetition, with what was measured in it one by
            one: seconds, or bytes.
        weights (tuple of float): What each of these counts for in the cost of a repetition.
    """

    raw: tuple
    weights: tuple

    @property
    def costs(self):
        """Cost of each repetition, a list of float."""
        return [sum(w * value for w, value in zip(self.weights, values, strict=True))
                for values in self.raw]

    @property
    def median(self):
        """Median cost."""
        return statistics.median(self.costs)

    def scaled(self, factor):
        """The same repetitions, each ``factor`` times as dear."""
        return Series(self.raw, tuple(factor * w for w in self.weights))


def ratio(series, baseline):
    """Cost of one side in units of another's -> :class:`Ratio`.

    The median is the ratio of the medians; the spread is that of the ratios round by round, which
    were measured right after one another, and the median always lies in it.
    """
    by_round = [a / b for a, b in zip(series.costs, baseline.costs, strict=True)]
    return Ratio(series.median / baseline.median, min(by_round), max(by_round))


@dataclass(frozen=True)
class Comparison:
    """Sides that did the same work in turns.

    Attributes:
        what (str): The work, such as 'step/svc-b8'.
        series (dict): Name of a side -> :class:`Series`; the first is what the others are
            measured by.
        labels (dict): Name of a side -> how a reader knows it.
        quantity (str): 'time', 'memory', or 'growth', which is time too.
        hidden (frozenset): Sides that only the JSON shows.
    """

    what: str
    series: dict
    labels: dict
    quantity: str = 'time'
    hidden: frozenset = frozenset()

    @property
    def baseline(self):
        """Name of the first side."""
        return next(iter(self.series))

    def ratios(self):
        """{name: :class:`Ratio`} of all sides but the first."""
        first, *others = self.series
        return {name: ratio(self.series[name], self.series[first]) for name in others}


def take_turns(functions, repeats, pause=0.0):
    """Call every function once a round, in their order -> {name: list of what it returned}.

    Args:
        functions (dict): Name -> function without arguments.
        repeats (int): Rounds.
        pause (float): Seconds before each call.
    """
    found = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            time.sleep(pause)
            found[name].append(function())
    return found
