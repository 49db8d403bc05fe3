"""Reader of `paper.json`: what the paper reports, and the shapes the reading notes print.

The notes are those of FACTS §8. Each table in the file says `from` where its numbers come; nothing
here is computed.
"""
import json
from functools import cache
from pathlib import Path
from typing import NamedTuple


class InceptionScore(NamedTuple):
    """A row of Table 4: inception score on UCF-101, as printed."""

    system: str           #: E.g. `'TGAN'`.
    method: str | None    #: 'normal', 'weight clipping', 'SVC', or None for the data set itself.
    mean: float
    std: float


class GamRatio(NamedTuple):
    """A row of Table 3: `ratio` above 1 means `model` beat `opponent` on Moving MNIST."""

    model: str
    opponent: str
    ratio: float


@cache
def document():
    """The whole of `paper.json`, as plain dicts and lists; treat it as read-only.

    Widths of Table 1 are numbers or the names that its note explains (`'Ks'`, `'ch/2'`, `'2m'`).
    """
    return json.loads(Path(__file__).with_name('paper.json').read_text(encoding='utf-8'))


def gam_ratios():
    """Table 3, in the paper's order."""
    return tuple(GamRatio(**row) for row in document()['table3']['rows'])


def inception_scores():
    """Table 4, in the paper's order."""
    return tuple(InceptionScore(**row) for row in document()['table4']['rows'])


def trace(network):
    """Lines of the notes' trace of `'G0'`, `'G1'` or `'D'` (batch 16, one channel): tag, text."""
    return tuple(map(tuple, document()['traces'][network]))
