"""Layer 10: the paper's Tables 3 and 4, and what was measured here, as the ledger says."""
from parity import tables
from parity.registry import Check
from parity.result import Result, Verdict, compare
from tgan_chainer.evaluation import ledger

REPRODUCED = (0.1, "another training of the same recipe: the paper's deviation is that of samples "
              'of one training')
"""Tolerance and its reason."""


def claims(table):
    """A table of the paper's beside the ledger.

    Nothing is proven by an empty column: unless every row was measured as the paper's was, the
    check has not run. What was measured and is off is a failure all the same.
    """
    rows = tables.rows(table, ledger.read_folder(tables.LEDGER))
    measured = [row for row in rows if row.comparable]
    comparisons = tuple(
        compare(table, row.label, row.comparable.value, row.reported, *REPRODUCED, 'the paper')
        for row in measured)
    why_not_run = None
    if len(measured) < len(rows) and all(
            comparison.verdict is Verdict.PASSED for comparison in comparisons):
        why_not_run = (f'measured {len(measured)} of {len(rows)} rows; the others: '
                       f'{tables.NEEDS[table]}')
    texts = [tables.cells(table, row) for row in rows]
    return Result(
        comparisons=comparisons, why_not_run=why_not_run, text=_lines(table, texts),
        data={'claims': {'caption': tables.CAPTIONS[table], 'columns': tables.COLUMNS,
                         'rows': texts}})


def _lines(table, rows):
    """The first columns aligned, and below a row what is long."""
    lines = [f'{tables.CAPTIONS[table]:<48}{"paper":<16}measured']
    for label, reported, measured, difference, conditions, elsewhere in rows:
        lines.append(f'{label:<48}{reported:<16}{measured} {difference}'.rstrip())
        notes = conditions, *(f'not comparable: {line}' for line in elsewhere.splitlines())
        lines += [f'    {note}' for note in notes if note]
    return '\n'.join(lines)


CHECKS = (Check('claims/table3', claims, ('table3',), cost=0),
          Check('claims/table4', claims, ('table4',), cost=0))
