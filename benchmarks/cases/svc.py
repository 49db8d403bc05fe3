"""Clipping of singular values: our hook, and full factorisations of every matrix."""
import itertools

from benchmarks.measure import Comparison, Series
from benchmarks.race import Contestant, race
from benchmarks.registry import Benchmark, Result
from benchmarks.sides import OURS

LAYERS = ('c0', 'c1', 'c2', 'c3', 'c4')
METHODS = {'ours': 'ours', 'numpy': "authors' algorithm (numpy.linalg.svd)",
           'scipy': 'full factorisation (scipy.linalg.svd)'}


def run(session):
    """Time and error, layer by layer, and the time of all layers."""
    layers = [_layer(session, layer) for layer in LAYERS]
    timed = [comparison for layer in layers for comparison in layer.comparisons]
    return Result(
        comparisons=(*timed, _all(timed)), text=_errors(layers),
        not_run=tuple(dict.fromkeys(itertools.chain(*(layer.not_run for layer in layers)))),
        errors=tuple(itertools.chain(*(layer.errors for layer in layers))),
        data={layer: found.data for layer, found in zip(LAYERS, layers, strict=True)})


def _layer(session, layer):
    return race(session, f'svc/{layer}', [
        Contestant(method, label, OURS, 'svc',
                   {'layer': layer, 'method': method, 'size': session.size})
        for method, label in METHODS.items()])


def _all(timed):
    """What all layers take together, of the sides that ran in each."""
    names = [name for name in timed[0].series if all(name in other.series for other in timed)]
    series = {name: Series(
        tuple(tuple(itertools.chain(*rounds)) for rounds in zip(
            *(comparison.series[name].raw for comparison in timed), strict=True)),
        tuple(itertools.chain(*(comparison.series[name].weights for comparison in timed))))
        for name in names}
    return Comparison('svc/all', series, {name: METHODS[name] for name in names})


def _errors(layers):
    lines = ['largest error, relative to the largest weight, of the same in float64:']
    for layer, found in zip(LAYERS, layers, strict=True):
        facts = found.data['facts']
        shape = ' x '.join(map(str, facts['ours']['shape']))
        errors = ', '.join(f'{name} {fact["error"]:.1e}' for name, fact in facts.items())
        lines.append(f'{layer} ({shape}; {facts["ours"]["singular values above the bound"]} '
                     f'singular values above 1): {errors}')
    return '\n'.join(lines)


BENCHMARKS = (Benchmark('svc/layers', "clipping the singular values of D's weights as they are "
                        'before the first clipping of a training', run),)
