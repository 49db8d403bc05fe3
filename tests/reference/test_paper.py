import re

import pytest

from reference import paper, recordings

#: Widths that Table 1 names, in the configuration `beta_default`.
WIDTHS = {'Ks': 256, 'Kf': 256, 'C': 3, 'ch': 512, 'm': 64, 'w': 4}
NETWORKS = {'G0': 'fsgen', 'G1': 'vgen', 'D': 'vdis'}


def width(name):
    """A width of Table 1 as a number: `'ch/2*w^2'`, `'8m'`, 512."""
    expression = re.sub(r'(?<=\d)(?=m)', '*', str(name)).replace('^', '**').replace('/', '//')
    return eval(expression, WIDTHS.copy())


@pytest.mark.parametrize('network', NETWORKS)
def test_table1_is_what_the_authors_code_builds(network):
    models = recordings.load('init-seed0').meta['models']['beta_default']
    recorded = {entry['key']: entry['shape'] for entry in models[NETWORKS[network]]['state']}
    norms = set()
    table = paper.document()['table1']
    for row in table[network]:
        layer = dict(zip(table['columns'], row, strict=True))
        n_in, n_out = width(layer['in']), width(layer['out'])
        ndim = 0 if layer['kind'] == 'linear' else int(layer['kind'][-2])
        channels = [n_in, n_out] if layer['kind'].startswith('deconv') else [n_out, n_in]
        assert recorded[f'{layer["layer"]}/W'] == channels + [layer['kernel']] * ndim
        assert (f'{layer["layer"]}/b' in recorded) == layer['bias']
        if layer['norm']:
            norm = layer['norm'].split()[0]
            norms.add(norm)
            assert recorded[f'{norm}/gamma'] == [n_out]
    unused = {'bn0'} if network == 'D' else set()
    assert norms | unused == {key.split('/')[0] for key in recorded if key.endswith('gamma')}


def test_tables():
    assert [row.ratio for row in paper.rows('table3')] == [1.70, 1.27, 1.03]
    assert [(row.mean, row.std) for row in paper.rows('table4')] == [
        (4.32, .01), (4.78, .02), (8.18, .05), (8.31, .09), (9.18, .11), (11.77, .11), (11.85, .07),
        (15.83, .18), (34.49, .03)]
    document = paper.document()
    assert all(row['from'] for row in (
        *(document[name] for name in ('table1', 'table3', 'table4', 'training', 'traces')),
        *document['table2']['rows'], *document['inception_protocols'].values()))
