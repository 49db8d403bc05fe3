"""What was found, and on what machine, as text and as JSON."""
import math
import os

from benchmarks.race import TOLERANCE, TOLERANCE_AFTER_UPDATE
from parity import layout
from tgan_chainer.evaluation import ledger

BUSY = 0.5
"""Load above which other processes must have been running."""

READING = (
    'Every figure is a ratio: what the side takes, divided by what the first one takes, median '
    '(smallest..largest) of rounds in which all sides took turns. Above 1 the first side is the '
    'better one. The sgemm floor is the time in which products of large matrices do the same '
    'arithmetic, without that on padding; the copy floor that in which copies move the bytes of '
    'what its layers read and write.')


def machine(device):
    """What the figures are measured on, as a record of a score has it; and cores, memory, load."""
    return ledger.conditions([], device).model_dump(mode='json', exclude={'command_line'}) | {
        'cores': len(os.sched_getaffinity(0)), 'load': os.getloadavg()[0],
        'memory bytes': os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')}


def text(outcomes, machine, sides, options):
    """Everything, in lines; ``sides`` has what each worker said of itself."""
    lines = [*header(machine, sides, options), '']
    reasons = {}
    for outcome in outcomes:
        lines += [*_lines(outcome, reasons), '']
    lines += [line for reason, number in reasons.items()
              for line in layout.fill(f'[{number}] not run: {reason}', hanging=4)]
    verdicts = [outcome.verdict for outcome in outcomes]
    lines.append(', '.join(f'{verdicts.count(verdict)} {verdict}'
                           for verdict in ('measured', 'failed', 'not run')))
    return '\n'.join(lines)


def header(machine, sides, options):
    """Machine, BLAS and threads, in lines."""
    yield f'tgan_chainer {machine["git_revision"] or "(no git revision)"}, {machine["date"]}'
    yield (f'{machine["processor"]}, {machine["cores"]} cores, '
           f'{machine["memory bytes"] / 2 ** 30:.0f} GiB; {machine["gpu"] or "no GPU"}; '
           f'{machine["platform"]}')
    busy = ', so something else was running' if machine['load'] > BUSY else ''
    yield (f'{options.threads} threads in every process, {options.repeats} rounds; load before '
           f'the start {machine["load"]:.1f}{busy}')
    for name, description in sides.items():
        yield f'{name}: ' + ', '.join(f'{key} {value}' for key, value in description.items())
    yield from layout.fill(READING)


def _lines(outcome, reasons):
    yield f'{outcome.name}, size {outcome.size}, load {outcome.load}: {outcome.about}'
    for name, ratio in outcome.ratios().items() if outcome.costs else ():
        yield f'    {name:<50}{format_ratio(*ratio)}'
    yield from (f'    {line}' for line in outcome.text.splitlines())
    for what, why in outcome.not_run:
        yield f'    {what:<50}not run [{reasons.setdefault(why, len(reasons) + 1)}]'
    yield from (f'    FAILED: {line}' for error in outcome.errors for line in error.splitlines())


def format_ratio(median, low, high):
    """'2.61 (2.40..2.91)': three digits of the median, and as many decimals of the others."""
    decimals = max(0, 2 - math.floor(math.log10(median)))
    return f'{median:.{decimals}f} ({low:.{decimals}f}..{high:.{decimals}f})'


def document(outcomes, machine, sides, options):
    """The report for :func:`tgan_chainer.io.files.write_json`, with every repetition."""
    return {
        'machine': machine, 'sides': sides, 'reading': READING,
        'options': {key: value for key, value in vars(options).items() if key != 'json'},
        'tolerances': {'found': TOLERANCE, 'found after update': TOLERANCE_AFTER_UPDATE},
        'benchmarks': [{**vars(outcome), 'verdict': outcome.verdict,
                        'ratios': outcome.ratios() if outcome.costs else {}}
                       for outcome in outcomes]}
