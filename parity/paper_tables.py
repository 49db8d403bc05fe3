"""The paper's Tables 3 and 4 beside what was measured here: `python -m parity tables`.

Numbers come from the ledger, and from nowhere else. A record stands beside the paper's number only
if it was measured as the paper's was; any other in a column of its own, with what is different.
"""
import math
import statistics
from pathlib import Path
from typing import NamedTuple

from parity import layout
from reference import paper

LEDGER = Path(__file__).with_name('ledger')
"""Folder of the records that belong to this project."""

COLUMNS = ('', 'paper', 'measured here', 'difference', 'not comparable')
"""The last is of measurements at reduced size or otherwise not as the paper's."""

NEEDS = {'table3': 'needs both systems, trained on Moving MNIST at full size on a GPU',
         'table4': 'needs UCF-101, C3D weights and a GPU'}
"""What a row without a number would take."""

_CAPTIONS = {
    'table3': 'GAM on Moving MNIST; above 1, the first wins',
    'table4': "inception score on UCF-101, by the authors' script: C3D's dropout on (tgan-v1). "
              'Whether it was on for the data set itself is not on record',
}

_METHODS = {
    'TGANUpdaterVanilla': 'normal',
    'TGANUpdaterWGANClip': 'weight clipping',
    'TGANUpdaterWGANSVC': 'SVC',
    'TGANUpdaterWGANParallelSVC': 'SVC',
}
"""Updater -> training method, as Table 4 calls it."""

_SYSTEMS = {
    'VideoGeneratorInitUniform': 'TGAN',
    'VideoGeneratorInitDefault': 'TGAN',
    'VideoGeneratorZ1Only': 'TGAN (G1 with z1 only)',
    'ConditionalVideoGenerator': 'Conditional TGAN',
    'VideoGenerator3D': '3D model',
    'VideoGANGenerator': 'Video GAN',
}
"""Class of the (image) generator -> system, as the tables call it."""

_OPPONENTS = {
    '3D model (GAN)': ('3D model', 'normal'),
    '3D model (SVC)': ('3D model', 'SVC'),
    'TGAN (G1 with z1 only)': ('TGAN (G1 with z1 only)', 'SVC'),
}
"""Opponents of Table 3 -> system and method."""

# The authors' experiments and the flags of their evaluation (FACTS §2, §3, §6, §10).
_ARGUMENTS = {'z_slow_dim': 100, 'conv_ch': 512, 'mid_ch': 64, 'freq': 5}
_OPTIMIZER = {'name': 'RMSprop', 'args': {'lr': 5e-5}}
_BATCHSIZE = 32
_ITERATIONS = 100_000
_SCORED, _SEEDS = 9984, [0, 1, 2, 3]

_UCF_VIDEOS = 9537
"""Videos of the first training split, the least that the paper can mean; UCF-101 has 13,320."""

_MNIST_FILE, _MNIST_VIDEOS = 'mnist_test_seq.npy', 10_000
"""The published Moving MNIST."""


class Row(NamedTuple):
    """A row of the paper's, with what was measured of it."""

    label: str              #: The system, and the method or opponent.
    reported: float         #: The paper's number.
    error: float | None     #: Its standard deviation.
    measurements: list      #: Of the system, the newest first.

    @property
    def comparable(self):
        """The newest measurement under the paper's conditions, or None."""
        return next((m for m in self.measurements if not deviations(m)), None)


def rows(table, measurements):
    """Rows of 'table3' or 'table4', in the paper's order; measurements by date -> list of Row."""
    if table == 'table3':
        metric, found = 'GAM', [
            (f'{row.model} against {row.opponent}', row.ratio, None,
             [(row.model, 'SVC'), _OPPONENTS[row.opponent]]) for row in paper.rows(table)]
    else:
        metric, found = 'inception score', [
            (f'{row.system}, {row.method}' if row.method else row.system, row.mean, row.std,
             [(row.system, row.method)]) for row in paper.rows(table)]
    def of(m):    # its systems, or the data set that was scored itself
        is_ucf = m.dataset and m.dataset.name.startswith('UCF')
        return list(map(_name, m.systems)) or [('UCF-101 dataset' if is_ucf else None, None)]

    return [Row(*row, [m for m in reversed(measurements)
                       if m.metric == metric and of(m) == subjects]) for *row, subjects in found]


def _name(system):
    """(system, method) as the tables call them; None for what they do not have."""
    return (_SYSTEMS.get(system.parts['vgen'].name), _METHODS.get(system.parts['updater'].name))


def deviations(measurement):
    """What was not as in the paper, as far as it is known -> list of str, empty if nothing."""
    of_gam, systems = measurement.metric == 'GAM', {}
    for system in measurement.systems:
        for deviation in (*_deviations_of_system(system),
                          *_deviations_of_data(system.dataset, of_gam)):
            systems.setdefault(deviation, {})[system.result_dir] = None
    found = [f'{" and ".join(names)}: {deviation}' for deviation, names in systems.items()]
    if of_gam:
        return found
    if measurement.dataset:
        found += _deviations_of_data(measurement.dataset, of_gam)
    return found + list(_different((
        ('protocol', measurement.protocol, 'tgan-v1'),
        ('videos scored', measurement.samples, _SCORED),
        ('seeds', measurement.seeds, _SEEDS))))


def _deviations_of_system(system):
    yield from _different(
        (name, part.args[name], expected) for part in system.parts.values()
        for name, expected in _ARGUMENTS.items() if name in part.args)
    # What the paper trained Video GAN with is not on record.
    if _name(system)[0] != 'Video GAN':
        yield from _different([('optimizer', system.optimizer, _OPTIMIZER)])
    yield from _different([
        ('batch size', system.batchsize * system.ranks, _BATCHSIZE),
        ('devices', system.ranks, 1),
        ('rates that fall from', system.rates_fall_from, None),
        ('batch normalisation of', system.batch_norm_statistics, 'chainer2')])
    if system.iteration < _ITERATIONS:
        yield f'{system.iteration} updates instead of {_ITERATIONS}'


def _deviations_of_data(dataset, is_mnist):
    if is_mnist:
        yield from _different([('data', dataset.files.get('dataset_path'), _MNIST_FILE),
                               ('videos in it', dataset.videos, _MNIST_VIDEOS)])
    elif not dataset.name.startswith('UCFDataset'):
        yield f'data set {dataset.name} instead of UCF-101'
    elif dataset.videos is None or dataset.videos < _UCF_VIDEOS:
        yield f'{dataset.videos or "an unknown number of"} videos in UCF-101 instead of ' \
              f'{_UCF_VIDEOS} or more'


def _different(triples):
    """A text for each (what, found, expected) of which the last two differ."""
    for what, found, expected in triples:
        if found != expected:
            yield f'{what} {found} instead of {expected}'


def number(measurement):
    """The measured value, with its spread or bootstrap interval."""
    battle = measurement.battle
    if battle:
        low, high = battle.interval
        found = ('undefined, 0/0' if math.isnan(measurement.value)
                 else f'{measurement.value:.2f} [{low:.2f}, {high:.2f}]')
        return f'{found}, r_test {battle.r_test:.2f}, winner {battle.winner}'
    return f'{measurement.value:.2f} ± {measurement.std:.2f}'


def conditions(measurement):
    """Under what a value was measured, in a line."""
    parts = [f'{measurement.samples} videos a seed, seeds '
             f'{", ".join(map(str, measurement.seeds))}, {measurement.protocol}']
    if measurement.battle:
        parts.append('real videos held out' if measurement.battle.held_out
                     else 'real videos of the training')
    parts += [f'{name} {digest[:8]}' for name, digest in measurement.weights.items()]
    parts += [f'{system.result_dir} at {system.iteration}' for system in measurement.systems]
    ran = measurement.conditions
    parts += [f'revision {(ran.git_revision or "unknown")[:8]}', ran.gpu or ran.processor,
              f'{ran.date:%Y-%m-%d}']
    return ', '.join(parts)


def quality_table(measurements):
    """Systems beside each other in the quality of moving digits -> columns, rows.

    A cell is the median over the system's trainings, with the least and the greatest. Of several
    records of one training and iteration the newest counts.
    """
    trainings = {(m.systems[0].result_dir, m.systems[0].iteration): m for m in measurements}
    found = {}
    for measurement in trainings.values():
        of = (*_name(measurement.systems[0]), measurement.systems[0].iteration)
        found.setdefault(of, []).append(measurement.quality['generated'])
    columns = ('distance', 'dimensions', 'motion', 'frechet')
    rows = []
    for (name, method, iteration), qualities in sorted(found.items(), key=str):
        values = ([getattr(quality, column) for quality in qualities] for column in columns)
        rows.append((f'{name}, {method}', f'{len(qualities)} of {iteration} updates',
                     *(f'{statistics.median(v):.2f} ({min(v):.2f} to {max(v):.2f})'
                       for v in values)))
    return ('system', 'trainings', *columns), rows


def table(name, measurements, as_markdown=False, indent=0):
    """Lines of 'table3' or 'table4'; under what a number was measured is in notes below."""
    notes, found = {}, []

    def marked(text, *note):
        return f'{text} ({notes.setdefault("; ".join(note), len(notes) + 1)})'

    for row in rows(name, measurements):
        here = row.comparable
        found.append((
            row.label, f'{row.reported:.2f}' + (f' ± {row.error:.2f}' if row.error else ''),
            marked(number(here), conditions(here)) if here else marked('not measured', NEEDS[name]),
            f'{here.value - row.reported:+.2f}' if here else '',
            '\n'.join(marked(number(m), conditions(m), *deviations(m))
                      for m in row.measurements if deviations(m))))
    caption = f'Table {name[-1]}: {_CAPTIONS[name]}'
    return _lines(caption, COLUMNS, found, notes, as_markdown, indent)


def _lines(caption, columns, rows, notes=(), as_markdown=False, indent=0):
    notes = list(enumerate(notes, start=1))
    if as_markdown:
        return [caption, '', *layout.markdown(columns, rows), '',
                *(f'{number}. {note}' for number, note in notes), '']
    return [*layout.fill(caption, indent), '', *layout.text(columns, rows, indent), '', *(
        line for number, note in notes
        for line in layout.fill(f'({number}) {note}', indent, hanging=4)), '']


def report(measurements, as_markdown=False):
    """Both tables, the quality of moving digits, and records of no row -> text, or Markdown."""
    qualities = [m for m in measurements if m.metric == 'video quality']
    placed, lines = list(qualities), []
    for name in _CAPTIONS:
        placed += [m for row in rows(name, measurements) for m in row.measurements]
        lines += table(name, measurements, as_markdown)
    if qualities:
        lines += _lines(
            'Quality of moving digits (tgan-mm-v1), median over trainings (least to greatest); '
            'real videos have 1 but for frechet, no paper has such numbers',
            *quality_table(qualities), as_markdown=as_markdown)
    others = [m for m in measurements if not any(m is other for other in placed)]
    if others:
        lines += ['Of no row:', '']
    for m in others:
        line = f'- {m.metric} {number(m)} ({conditions(m)})'
        lines += [line] if as_markdown else layout.fill(line, hanging=2)
    return '\n'.join(lines).rstrip()
