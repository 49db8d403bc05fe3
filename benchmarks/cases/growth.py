"""How the cost of a training step grows with the batch and with the frame."""
import dataclasses

from benchmarks.race import Contestant, race
from benchmarks.registry import Benchmark
from benchmarks.sides import CHAINER, OURS

UPDATER = 'clip'
"""One update a repetition; what clips singular values takes the same whatever the batch."""

SIDES = {OURS: ('ours', 'ours'), CHAINER: ("Chainer's kernels, authors' algorithm", 'authors')}
"""Worker -> label and algorithm."""


def run(session, axis):
    """Both sides at every size, in units of ours at the usual one."""
    quick = session.options.quick
    if axis == 'batch':
        values, usual = ((2, 4), 4) if quick else ((2, 4, 8, 16, 32), 8)
        sizes = {value: (value, session.size) for value in values}
    else:
        values, usual = ((16, 32), 16) if quick else ((32, 64, 128), 64)
        sizes = {value: (2 if quick else 8, {**session.size, 'width': value // 16})
                 for value in values}
    # Ours at the usual size first: it is the unit.
    names = sorted(((side, value) for side in SIDES for value in values),
                   key=lambda name: name != (OURS, usual))
    result = race(session, f'growth/{axis}', [
        _contestant(side, axis, value, *sizes[value]) for side, value in names])
    comparison, = result.comparisons
    return dataclasses.replace(
        result, comparisons=(dataclasses.replace(comparison, quantity='growth'),),
        data={**result.data, 'axis': axis, 'usual': usual, 'values': list(values)})


def _contestant(side, axis, value, batch, size):
    label, algorithm = SIDES[side]
    return Contestant(name(side, value), f'{label}, {axis} {value}', side, 'step', {
        'updater': UPDATER, 'algorithm': algorithm, 'batch': batch, 'size': size}, task=str(value))


def name(side, value):
    """Name of a side at a size in the comparison."""
    return f'{side}-{value}'


BENCHMARKS = (
    Benchmark('growth/batch', 'training step by videos a batch, relative to ours at the usual '
              'number', run, ('batch',)),
    Benchmark('growth/width', 'training step by width of a frame, relative to ours at the usual '
              'width', run, ('width',)))
