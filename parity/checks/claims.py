"""Layer 10: the paper's Tables 3 and 4, and what was measured here, as the ledger says."""
from parity import paper_tables
from parity.check import Check, Comparisons, Outcome, Tolerance, Verdict
from tgan_chainer.evaluation import ledger

REPRODUCED = Tolerance(0.1, "another training of the same recipe: the paper's deviation is that "
                            'of samples of one training')


def claims(table):
    """A table of the paper's beside the ledger.

    Nothing is proven by an empty column: unless every row was measured as the paper's was, the
    check has not run. What was measured and is off is a failure all the same.
    """
    measurements = ledger.read_folder(paper_tables.LEDGER)
    rows = paper_tables.rows(table, measurements)
    found = Comparisons('the paper')
    for row in rows:
        if row.comparable:
            found.close(table, row.label, row.comparable.value, row.reported, REPRODUCED)
    why_not_run = None
    if len(found) < len(rows) and all(each.verdict is Verdict.PASSED for each in found):
        why_not_run = (f'measured {len(found)} of {len(rows)} rows; the others: '
                       f'{paper_tables.NEEDS[table]}')
    return Outcome(comparisons=found, why_not_run=why_not_run, text='\n'.join(
        paper_tables.table(table, measurements, indent=12)).rstrip())


CHECKS = tuple(Check(f'claims/{table}', claims, (table,), cost=0) for table in ('table3', 'table4'))
