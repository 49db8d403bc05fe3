"""What a run found, as text, as JSON and as one page of HTML that needs no network."""
import math
import platform
from collections import Counter
from datetime import datetime, timezone
from html import escape
from pathlib import Path

import chainer
import numpy as np

import tgan_chainer
from parity import backend, layout
from parity.check import Verdict
from parity.checks import LAYERS
from parity.runner import MARKS
from reference import recordings
from tgan_chainer.io import files
from tgan_chainer.training.record import git_revision

EXCLUSION = (
    'These biases feed a batch normalisation, which subtracts them again: their gradient is zero '
    'but for rounding, and RMSprop makes steps of that rounding. The gradients layer checks that '
    'it is rounding. In the oracle layer, the running means that these biases move are left out '
    'with them.')

# The browser itself refuses whatever would leave the page.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def counts(outcomes):
    """Checks a verdict: {'passed', 'failed', 'not run'}."""
    found = Counter(outcome.verdict for outcome in outcomes)
    return {verdict.value: found[verdict] for verdict in Verdict}


def verdict(outcomes):
    """How it came out in a word, and the counts: the last line, and the headline of the page."""
    found = counts(outcomes)
    word = 'FAILED' if found['failed'] else 'PASSED' if found['passed'] else 'NOTHING RAN'
    return f'{word}: ' + ', '.join(f'{count} {name}' for name, count in found.items())


def by_layer(outcomes):
    """Number, name, what it covers, and the outcomes, of every layer that has any."""
    for number, (layer, covers) in enumerate(LAYERS.items(), start=1):
        found = [outcome for outcome in outcomes if outcome.layer == layer]
        if found:
            yield number, layer, covers, found


def excluded(outcomes):
    """Names of the tensors that checks left out, and which were recorded."""
    return sorted({name for outcome in outcomes for name in outcome.excluded})


def text(outcomes):
    """Everything that was found, in lines, without the verdict."""
    lines = []
    for number, layer, covers, found in by_layer(outcomes):
        lines += ['', f'{number}. {layer}: {covers}']
        for outcome in found:
            lines.append(f'  {MARKS[outcome.verdict]:<8}{outcome.name:<58}{measured(outcome)}')
            lines += [f'            {line}' for line in (
                *outcome.text.splitlines(), *(outcome.error or '').splitlines(), *(
                    f'{c.stage} {c.tensor} {c.shape}: max abs {c.max_abs:.2g}, max rel '
                    f'{c.max_rel:.2g}, tolerance {c.tolerance:g} ({c.reason}), against '
                    f'{c.reference}'
                    for c in outcome.comparisons if c.verdict is Verdict.FAILED))]
    if left_out := excluded(outcomes):
        lines += ['', *layout.fill('Left out of gradients and trajectories: '
                                   f'{", ".join(left_out)}. {EXCLUSION}')]
    return '\n'.join(line.rstrip() for line in lines)


def measured(outcome):
    """How close a check came, in a line."""
    if outcome.why_not_run:
        return outcome.why_not_run
    if outcome.worst is None:
        return 'compared nothing'
    n, worst = len(outcome.comparisons), outcome.worst
    if not worst.tolerance:
        return f'{n:4} compared, {"not equal" if worst.max_rel else "all equal"}'
    return (f'{n:4} compared, worst {worst.max_rel:.1e} of {worst.tolerance:.0e}: '
            f'{worst.stage} {worst.tensor}')


def versions():
    """What ran, and on what."""
    return {
        'tgan_chainer': tgan_chainer.__version__,
        'revision': git_revision() or 'unknown',
        'kernels': backend.describe(),
        'Chainer': chainer.__version__,
        'NumPy': np.__version__,
        'Python': platform.python_version(),
        'machine': f'{platform.system()} {platform.machine()}',
        'recordings (sha256 of MANIFEST.json)': files.sha256(
            recordings.GOLDEN / recordings.MANIFEST),
        'time': datetime.now(timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
    }


def document(outcomes):
    """The report for :func:`tgan_chainer.io.files.write_json`; what is not finite is a string."""
    return {
        **counts(outcomes),
        'versions': versions(),
        'excluded': {'tensors': excluded(outcomes), 'reason': EXCLUSION},
        'checks': [{
            **_fields(outcome), 'layer': outcome.layer, 'seconds': round(outcome.seconds, 2),
            'comparisons': [_fields(comparison) for comparison in outcome.comparisons],
        } for outcome in outcomes],
    }


def _fields(found):
    """Fields of an outcome or a comparison, and its verdict."""
    return {'verdict': found.verdict.value, **{
        name.replace('_', ' '): str(value) if isinstance(value, float) and not math.isfinite(value)
        else value for name, value in vars(found).items()}}


def page(outcomes):
    """HTML, which is XML, too."""
    headline = verdict(outcomes)
    failed = any(outcome.verdict is Verdict.FAILED for outcome in outcomes)
    layers = list(by_layer(outcomes))
    contents = ''.join(
        f'<li><a href="#{layer}">{number}. {layer}</a>: {verdict(found)}</li>'
        for number, layer, _, found in layers)
    sections = ''.join(
        f'<h2 id="{layer}">{number}. {layer}<small>{escape(covers)}</small></h2>'
        f'{"".join(map(_check, found))}' for number, layer, covers, found in layers)
    return f'''<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="{_POLICY}"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<title>TGAN parity: {headline}</title>
<link rel="icon" href="data:,"/>
<style>{Path(__file__).with_name('page.css').read_text()}</style>
</head>
<body>
<header class="{'failed' if failed else 'passed'}">
<h1>Does this project compute what the TGAN authors' code computes?</h1>
<p class="verdict">{headline}</p>
{_table([], versions().items(), 'facts')}
<p><a href="https://arxiv.org/abs/1611.06624">the paper</a>,
<a href="https://github.com/pfnet-research/tgan/tree/09aa105">the authors' code</a></p>
</header>
<nav><ul>{contents}</ul></nav>
{_unproven(outcomes)}
{sections}
</body>
</html>
'''


def _unproven(outcomes):
    """What did not run, and what was left out."""
    items = [(outcome.name, outcome.why_not_run) for outcome in outcomes if outcome.why_not_run]
    if left_out := excluded(outcomes):
        items.append(('left out', f'{", ".join(left_out)}. {EXCLUSION}'))
    rows = ''.join(f'<li><b>{escape(name)}</b>: {escape(why)}</li>' for name, why in items)
    return f'<h2>What is not proven</h2><ul>{rows}</ul>' if items else ''


def _check(outcome):
    name, verdict = escape(outcome.name), outcome.verdict
    texts = ''.join(f'<pre>{escape(text)}</pre>' for text in (outcome.text, outcome.error) if text)
    is_open = ' open=""' if verdict is Verdict.FAILED else ''
    return (
        f'<details data-check="{name}"{is_open}><summary>'
        f'<span class="badge {verdict.value.replace(" ", "-")}">{MARKS[verdict]}</span>'
        f'<span class="name">{name}</span>'
        f'<span class="measured">{escape(measured(outcome))}</span></summary>'
        f'<div class="body">{texts}{_tensors(outcome.comparisons)}</div></details>')


def _tensors(comparisons):
    """Every tensor; tolerances and references, which many share, are notes below."""
    notes, rows = {}, []
    for c in comparisons:
        tolerance = f'{c.tolerance:.1e}' if c.tolerance else 'equal'
        note = f'{tolerance}: {c.reason}; against {c.reference}'
        rows.append((MARKS[c.verdict], c.stage, c.tensor, '×'.join(map(str, c.shape)) or '1',
                     *(f'{value:.1e}' if value else '0' for value in (c.max_abs, c.max_rel)),
                     tolerance, str(notes.setdefault(note, len(notes) + 1))))
    items = ''.join(f'<li>{escape(text)}</li>' for text in notes)
    columns = ('', 'stage', 'tensor', 'shape', 'max abs', 'max rel', 'tolerance', 'note')
    return f'{_table(columns, rows)}<ol class="notes">{items}</ol>' if rows else ''


def _table(columns, rows, kind=''):
    head, *body = (''.join(f'<{tag}>{escape(text)}</{tag}>' for text in row)
                   for tag, row in (('th', columns), *(('td', row) for row in rows)))
    body = ''.join(f'<tr>{row}</tr>' for row in body)
    return f'<div class="scroll"><table class="{kind}"><tr>{head}</tr>{body}</table></div>'
