"""How the cost of a training step grows with the batch and with the frame."""
from benchmarks.race import LABELS, Contestant, race
from benchmarks.sides import AUTHORS, OURS

UPDATER = 'clip'
"""One update a repetition; what clips singular values takes the same whatever the batch."""


def run(session, axis):
    """Both sides at every size, in units of ours at the usual one."""
    quick, usual = session.options.quick, session.size['batch' if axis == 'batch' else 'width']
    if axis == 'batch':
        points = {n: (n, session.size) for n in ((2, 4) if quick else (2, 4, 8, 16, 32))}
    else:
        points = {16 * n: (session.size['batch'], {**session.size, 'width': n})
                  for n in ((1, 2) if quick else (2, 4, 8))}
        usual *= 16
    contestants = [
        Contestant(f'{LABELS[side]}, {axis} {value}', side, 'step', {
            'updater': UPDATER, 'batch': batch, 'size': size}, task=str(value))
        for side in (OURS, AUTHORS)
        # Ours at the usual size first: it is the unit.
        for value, (batch, size) in sorted(points.items(), key=lambda point: point[0] != usual)]
    return race(session, contestants)


CASES = {f'growth/{axis}': (f'training step by {what}, relative to the usual one', run, axis)
         for axis, what in (('batch', 'videos a batch'), ('width', 'width of a frame'))}
