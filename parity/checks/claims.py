"""Layer 10: the paper's Tables 3 and 4, and what was measured here."""
from parity.registry import Check
from parity.result import Result
from reference import paper

NEEDS = {
    'table3': 'needs TGAN and its opponents, trained on Moving MNIST',
    'table4': 'needs systems trained on UCF-101, and the weights of C3D',
}
"""Why there is no number of ours."""


def table3():
    """Generative adversarial metric on Moving MNIST."""
    rows = [(f'{row.model} against {row.opponent}', f'{row.ratio:.2f}')
            for row in paper.gam_ratios()]
    return _claims('table3', 'GAM, ratio above 1: TGAN wins', rows)


def table4():
    """Inception score on UCF-101."""
    rows = [(f'{row.system}, {row.method}' if row.method else row.system,
             f'{row.mean:.2f} ± {row.std:.2f}') for row in paper.inception_scores()]
    return _claims('table4', 'inception score, UCF-101', rows)


def _claims(table, caption, rows):
    """Nothing is proven by an empty column: such a check has not run."""
    rows = [(system, reported, 'not measured') for system, reported in rows]
    lines = [f'{caption:<42}{"paper":<16}measured',
             *(f'{system:<42}{reported:<16}{measured}' for system, reported, measured in rows)]
    return Result(why_not_run=f'nothing measured: {NEEDS[table]}', text='\n'.join(lines),
                  data={'claims': {'caption': caption, 'rows': rows}})


CHECKS = (Check('claims/table3', table3, cost=0), Check('claims/table4', table4, cost=0))
