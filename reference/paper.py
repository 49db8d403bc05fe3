"""Reader of `paper.json`: what the paper reports, and the shapes the reading notes print.

The notes are those of FACTS §8. Each table in the file says `from` where its numbers come; nothing
here is computed.
"""
import json
from functools import cache
from pathlib import Path
from types import SimpleNamespace


@cache
def document():
    """The whole of `paper.json`, as plain dicts and lists; treat it as read-only.

    Widths of Table 1 are numbers or the names that its note explains (`'Ks'`, `'ch/2'`, `'2m'`).
    """
    return json.loads(Path(__file__).with_name('paper.json').read_text(encoding='utf-8'))


def rows(table):
    """Rows of a table as printed, in the paper's order.

    Those of 'table3', GAM on Moving MNIST, have a `model`, an `opponent` and their `ratio`, above 1
    where the model won; those of 'table4', inception scores on UCF-101, a `system`, a `method`
    ('normal', 'weight clipping', 'SVC', or None for the data set itself), `mean` and `std`.
    """
    return [SimpleNamespace(**row) for row in document()[table]['rows']]
