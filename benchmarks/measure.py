"""Repetitions that take turns, and the arithmetic of their ratios."""
import statistics
import time
from dataclasses import dataclass
from typing import NamedTuple


class Ratio(NamedTuple):
    """Median, smallest and largest of several rounds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class Comparison:
    """Sides that did the same work in turns.

    Attributes:
        what (str): The work, such as 'step/svc-b8'.
        costs (dict): Name of a side -> its cost in each round, a list of float; the first side is
            what the others are measured by.
        unit (str): Of the costs, 'seconds' or 'bytes'.
    """

    what: str
    costs: dict
    unit: str = 'seconds'

    def ratios(self):
        """{name: :class:`Ratio`} of all sides but the first."""
        first, *others = self.costs
        return {name: ratio(self.costs[name], self.costs[first]) for name in others}


def ratio(costs, baseline):
    """Costs of one side in units of another's -> :class:`Ratio`.

    The median is the ratio of the medians; the spread is that of the ratios round by round, which
    were measured right after one another, and the median always lies in it.
    """
    by_round = [a / b for a, b in zip(costs, baseline, strict=True)]
    return Ratio(statistics.median(costs) / statistics.median(baseline),
                 min(by_round), max(by_round))


def take_turns(functions, repeats, pause=0.0):
    """Call every function once a round -> {name: list of what it returned}.

    Every second round goes backwards, so that no side always follows the same one.

    Args:
        functions (dict): Name -> function without arguments.
        repeats (int): Rounds.
        pause (float): Seconds before each call.
    """
    found = {name: [] for name in functions}
    for i in range(repeats):
        for name in list(functions)[::-1 if i % 2 else 1]:
            time.sleep(pause)
            found[name].append(functions[name]())
    return found
