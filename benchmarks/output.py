"""What was found, as text and as JSON."""
import math
import textwrap

from benchmarks.race import TOLERANCE, TOLERANCE_AFTER_UPDATE

BUSY = 0.5
"""Load above which other processes must have been running."""

READING = (
    'Every figure is a ratio: what the side takes, divided by what the first one takes, median '
    '(smallest..largest) of rounds in which all sides took turns. Above 1 the first side is the '
    'better one. The sgemm floor is the time in which products of large matrices do the same '
    'arithmetic, without that on padding.')


def text(outcomes, machine, descriptions, options):
    """Everything, in lines."""
    lines = [*header(machine, descriptions, options), '']
    reasons = {}
    for outcome in outcomes:
        lines += [*_lines(outcome, reasons), '']
    lines += [f'[{number}] not run: {reason}' for reason, number in reasons.items()]
    verdicts = [outcome.verdict for outcome in outcomes]
    lines.append(', '.join(f'{verdicts.count(verdict)} {verdict}'
                           for verdict in ('measured', 'failed', 'not run')))
    return '\n'.join(lines)


def header(machine, descriptions, options):
    """Machine, BLAS and threads, in lines."""
    yield f'tgan_chainer {machine["git revision"] or "(no git revision)"}, {machine["date"]}'
    yield (f'{machine["cpu"]}, {machine["cores"]} cores, '
           f'{machine["memory bytes"] / 2 ** 30:.0f} GiB; {machine["gpu"] or "no GPU"}; '
           f'{machine["platform"]}')
    busy = ', so something else was running' if machine['load'] > BUSY else ''
    yield (f'{options.threads} threads in every process, {options.load} busy neighbours; load '
           f'before the start {machine["load"]:.1f}{busy}')
    for name, description in descriptions.items():
        packages = ', '.join(f'{key} {value}' for key, value in description.items()
                             if key not in ('executable', 'libraries'))
        yield '; '.join([f'{name}: {packages}', *description.get('libraries', ())])
    if 'authors' in descriptions:
        yield 'the authors\' algorithm: ' + (
            options.upstream or "the tests' stand-in for a checkout of their repository")
    yield f'{options.repeats} rounds, networks of size {options.size}'
    yield textwrap.fill(READING, 100)


def _lines(outcome, reasons):
    yield f'{outcome.name}: {outcome.about}'
    for name, ratio in outcome.comparison.ratios().items() if outcome.comparison else ():
        yield f'    {name:<50}{format_ratio(ratio)}'
    yield from (f'    {line}' for line in outcome.text.splitlines())
    for what, why in outcome.not_run:
        yield f'    {what:<50}not run [{reasons.setdefault(why, len(reasons) + 1)}]'
    yield from (f'    FAILED: {line}' for error in outcome.errors for line in error.splitlines())


def format_ratio(ratio):
    """'2.61 (2.40..2.91)': three digits of the median, and as many decimals of the others."""
    decimals = max(0, 2 - math.floor(math.log10(ratio.median)))
    return (f'{ratio.median:.{decimals}f} '
            f'({ratio.low:.{decimals}f}..{ratio.high:.{decimals}f})')


def document(outcomes, machine, descriptions, options):
    """The report for :func:`tgan_chainer.io.files.write_json`, with every repetition."""
    def described(outcome):
        comparison = outcome.comparison
        return {**vars(outcome), 'verdict': outcome.verdict, 'comparison': comparison and {
            **vars(comparison),
            'ratios': {name: ratio._asdict() for name, ratio in comparison.ratios().items()}}}

    return {
        'machine': machine, 'sides': descriptions, 'options': {
            key: value for key, value in vars(options).items() if key not in ('json', 'list')},
        'reading': READING,
        'tolerances': {'found': TOLERANCE, 'found after update': TOLERANCE_AFTER_UPDATE},
        'benchmarks': [described(outcome) for outcome in outcomes]}
