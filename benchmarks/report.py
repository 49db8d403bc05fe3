"""What was found, as text and as JSON."""
import math
import textwrap

from benchmarks.race import TOLERANCE, TOLERANCE_AFTER_UPDATE
from benchmarks.sides import CHAINER, OURS, TORCH, UPSTREAM

SIDE_LABELS = {OURS: 'ours', CHAINER: "Chainer's kernels", TORCH: 'PyTorch',
               UPSTREAM: "authors' checkout"}

BUSY = 0.5
"""Load above which other processes must have been running."""

READING = (
    'Every figure is a ratio: what the side takes, divided by what the first one takes, median '
    '(smallest..largest) of rounds in which all sides took turns. Above 1 the first side is the '
    'better one. The sgemm floor is the time in which products of large matrices do the same '
    'arithmetic, without that on padding.')


def text(results, machine, descriptions, options):
    """Everything, in lines."""
    lines = [*header(machine, descriptions, options), '']
    reasons = {}
    for result in results:
        lines += [*_lines(result, reasons), '']
    lines += [f'[{number}] not run: {reason}' for reason, number in reasons.items()]
    return '\n'.join([*lines, summary(results)])


def header(machine, descriptions, options):
    """Machine, BLAS and threads, in lines."""
    yield f'tgan_chainer {machine["git revision"] or "(no git revision)"}, {machine["date"]}'
    yield (f'{machine["cpu"]}, {machine["cores"]} cores, '
           f'{machine["memory bytes"] / 2 ** 30:.0f} GiB; {machine["gpu"] or "no GPU"}; '
           f'{machine["platform"]}')
    busy = ', so something else was running' if machine['load'] > BUSY else ''
    yield (f'{options.threads} threads in every process; load before the start '
           f'{machine["load"]:.1f}{busy}')
    for name, description in descriptions.items():
        packages = ', '.join(f'{key} {value}' for key, value in description.items()
                             if key not in ('executable', 'libraries'))
        yield '; '.join([f'{SIDE_LABELS[name]}: {packages}', *description.get('libraries', ())])
    yield f'{options.repeats} rounds' + (
        ', small networks and batches (--quick)' if options.quick else '')
    yield textwrap.fill(READING, 100)


def title(machine, options):
    """Machine, threads and rounds in a line, for the picture."""
    quick = ', small networks (--quick)' if options.quick else ''
    return (f'{machine["gpu"] or machine["cpu"]}, {options.threads} threads, {options.repeats} '
            f'rounds{quick}')


def _lines(result, reasons):
    yield f'{result.name}: {result.about}'
    for comparison in result.comparisons:
        if len(result.comparisons) > 1:
            yield f'  {comparison.what}'
        for name, ratio in comparison.ratios().items():
            if name not in comparison.hidden:
                yield f'    {comparison.labels[name]:<50}{format_ratio(ratio)}'
    yield from (f'    {line}' for line in result.text.splitlines())
    for what, why in result.not_run:
        yield f'    {what:<50}not run [{reasons.setdefault(why, len(reasons) + 1)}]'
    yield from (f'    FAILED: {line}' for error in result.errors for line in error.splitlines())


def format_ratio(ratio):
    """'2.61 (2.40..2.91)': three digits of the median, and as many decimals of the others."""
    decimals = max(0, 2 - math.floor(math.log10(ratio.median)))
    return (f'{ratio.median:.{decimals}f} '
            f'({ratio.low:.{decimals}f}..{ratio.high:.{decimals}f})')


def summary(results):
    """The closing line."""
    verdicts = [result.verdict for result in results]
    parts = [f'{verdicts.count(verdict)} {verdict}'
             for verdict in ('measured', 'failed', 'not run')]
    return f'{", ".join(parts)}'


def document(results, machine, descriptions, options):
    """The report for :func:`tgan_chainer.io.files.write_json`, with every repetition."""
    return {
        'machine': machine,
        'sides': descriptions,
        'quick': options.quick,
        'repeats': options.repeats,
        'reading': READING,
        'tolerances': {'found': TOLERANCE, 'found after update': TOLERANCE_AFTER_UPDATE},
        'benchmarks': [{
            'name': result.name, 'about': result.about, 'verdict': result.verdict,
            'seconds': round(result.seconds, 2),
            'not run': [{'what': what, 'why': why} for what, why in result.not_run],
            'errors': list(result.errors), 'text': result.text, 'data': result.data,
            'comparisons': [_comparison(comparison) for comparison in result.comparisons],
        } for result in results],
    }


def _comparison(comparison):
    ratios = comparison.ratios()
    return {
        'what': comparison.what, 'quantity': comparison.quantity,
        'baseline': comparison.baseline,
        'unit': 'bytes' if comparison.quantity == 'memory' else 'seconds',
        'sides': {name: {
            'label': comparison.labels[name], 'shown': name not in comparison.hidden,
            'raw': series.raw, 'weights': series.weights, 'costs': series.costs,
            'median': series.median,
            'ratio': vars(ratios[name]) if name in ratios else None,
        } for name, series in comparison.series.items()},
    }
