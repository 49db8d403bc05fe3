"""The report as one page of HTML that needs no network."""
from html import escape
from pathlib import Path

from parity import figures, report
from parity.checks import LAYERS
from parity.figures import Series
from parity.result import Verdict
from parity.runner import MARKS

_CSS = Path(__file__).with_name('page.css')

# The browser itself refuses whatever would leave the page.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"

# Printing opens every row, and closes again those that were closed.
_SCRIPT = '''
let opened = [];
addEventListener('beforeprint', () => {
  opened = [...document.querySelectorAll('details:not([open])')];
  opened.forEach(row => row.open = true);
});
addEventListener('afterprint', () => opened.forEach(row => row.open = false));
'''


def render(results):
    """The page -> str."""
    _, failed, _ = report.counts(results)
    of = {result.name: result for result in results}
    return f'''<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TGAN parity: {report.summary(results)}</title>
<link rel="icon" href="data:,">
<style>{_CSS.read_text()}</style>
</head>
<body>
<header class="{'failed' if failed else 'passed'}">
<h1>Does this project compute what the TGAN authors' code computes?</h1>
<p class="verdict">{report.summary(results)}</p>
{_facts(report.versions())}
</header>
{_unproven(results)}
{_divergence(of)}
{''.join(_strips(result) for result in results)}
{''.join(_layer(number, *layer, results) for number, layer in enumerate(LAYERS.items(), 1))}
<script>{_SCRIPT}</script>
</body>
</html>
'''


def _facts(versions):
    rows = ''.join(f'<tr><td>{escape(name)}</td><td>{escape(value)}</td></tr>'
                   for name, value in versions.items())
    return f'<table class="facts">{rows}</table>'


def _unproven(results):
    """What did not run, and what was left out."""
    items = [f'<b>{escape(result.name)}</b>: {escape(result.why_not_run)}'
             for result in results if result.verdict is Verdict.NOT_RUN]
    excluded = report.excluded(results)
    if excluded:
        items.append(f'<b>left out</b>: {escape(", ".join(excluded))}. {escape(report.EXCLUSION)}')
    if not items:
        return ''
    return f'<h2>What is not proven</h2><ul>{"".join(f"<li>{item}</li>" for item in items)}</ul>'


# -- figures over several checks -------------------------------------------------------------------

def _divergence(of):
    """One recipe on the two releases: where the published experiment ends."""
    found = {version: of.get(f'trajectories/small-svc-b4-f64/chainer-{version}')
             for version in ('2.0.2', '7.8.1')}
    if not all(result and 'losses' in result.data for result in found.values()):
        return ''
    series = []
    for suffix, (version, result) in zip(('', '7'), found.items(), strict=True):
        losses = result.data['losses']['vdis/loss_dis']
        series += [Series(f'authors, Chainer {version}', losses['recorded'], f'theirs{suffix}'),
                   Series(f'ours, chainer{version[0]}', losses['ours'], f'ours{suffix}')]
    two, seven = (result.data['losses']['vdis/loss_dis']['recorded'] for result in found.values())
    gap = [a - b for a, b in zip(two, seven, strict=False)]
    return (
        '<h2>Chainer 2 is not Chainer 7<small>The same recipe, seed and data in float64. The two '
        'releases keep different running variances; the first clipping of singular values, after '
        'update 5, reads them. Ours follows either.</small></h2><div class="pair">'
        + figures.chart('loss of D', series)
        + figures.chart("|difference of the authors' losses|",
                        [Series('Chainer 2.0.2 against 7.8.1', gap, 'gap')], log=True)
        + '</div>')


def _strips(result):
    if 'strips' not in result.data:
        return ''
    release = result.name.rsplit('-', 1)[-1]
    stride, scale = result.data['stride'], result.data['scale']
    pictures = ''.join(
        f'<figcaption>{label}</figcaption>'
        f'<img alt="16 frames, {label}" src="data:image/png;base64,{picture}">'
        for label, picture in result.data['strips'].items())
    return (f'<h2>A sampled video, Chainer {release}<small>Untrained networks, one seed: 16 frames '
            f'of make_video in test mode. The recording keeps one column in {stride}; '
            f'the largest value is {scale:.1e}.</small></h2><figure>{pictures}</figure>')


# -- a row a check ---------------------------------------------------------------------------------

def _layer(number, name, covers, results):
    rows = ''.join(_row(result) for result in results if result.layer == name)
    if not rows:
        return ''
    return f'<h2>{number}. {name}<small>{escape(covers)}</small></h2>{rows}'


def _row(result):
    verdict = result.verdict
    kind = verdict.value.replace(' ', '-')
    is_open = ' open' if verdict is Verdict.FAILED else ''
    return (
        f'<details data-check="{escape(result.name)}"{is_open}><summary>'
        f'<span class="badge {kind}">{MARKS[verdict]}</span>'
        f'<span class="name">{escape(result.name)}</span>'
        f'<span class="measured">{escape(report.measured(result))}</span></summary>'
        f'<div class="body">{_body(result)}</div></details>')


def _body(result):
    parts = [_pre(result.text), _pre(result.error or ''), _claims(result), _losses(result),
             _spectra(result), _histogram(result), _tensors(result.comparisons)]
    return ''.join(parts) or '<p>Nothing was compared.</p>'


def _pre(text):
    return f'<pre>{escape(text)}</pre>' if text else ''


def _cell(text):
    """A cell of a table; its lines are the text's."""
    return f'<td>{escape(text)}</td>'.replace('\n', '<br>')


def _claims(result):
    if 'claims' not in result.data:
        return ''
    claims = result.data['claims']
    rows = ''.join('<tr>' + ''.join(_cell(text) for text in row) + '</tr>'
                   for row in claims['rows'])
    columns = (claims['caption'], *claims['columns'])
    head = ''.join(f'<th>{escape(column)}</th>' for column in columns)
    return f'<div class="scroll"><table><tr>{head}</tr>{rows}</table></div>'


def _losses(result):
    parts = []
    for name, losses in result.data.get('losses', {}).items():
        theirs, ours = losses['recorded'], losses['ours']
        difference = [None if a is None or b is None else a - b
                      for a, b in zip(ours, theirs, strict=False)]
        parts += [
            figures.chart(name, [Series('recorded', theirs, 'theirs'),
                                 Series('ours', ours, 'ours')]),
            figures.chart(f'|difference of {name}|', [Series('ours - recorded', difference, 'gap')],
                          log=True)]
    return f'<div class="pair">{"".join(parts)}</div>' if parts else ''


_SPECTRA = (
    ('before', 'before clipping', 'before'),
    ('oracle', 'after, oracle', 'theirs'),
    ('recorded largest', 'largest after the last update, recorded', 'theirs'),
    ('after', 'after clipping, ours', 'ours'),
)
"""Key, label and style of what may be known of the singular values of a weight."""


def _spectra(result):
    """Singular values of every weight of D, around a clipping."""
    parts = []
    for name, spectrum in result.data.get('spectra', {}).items():
        series = []
        for key, label, style in _SPECTRA:
            if key in spectrum:
                values = spectrum[key]
                values = values if isinstance(values, list) else [values]
                series.append(Series(label, values, style, marks=True))
        parts.append(figures.chart(f'singular values of {name}', series, x_label='no.', bound=1.0))
    return f'<div class="pair marks">{"".join(parts)}</div>' if parts else ''


def _histogram(result):
    columns = [comparison.histogram for comparison in result.comparisons if comparison.histogram]
    return figures.histogram([sum(column) for column in zip(*columns, strict=True)])


def _tensors(comparisons):
    """Every tensor; tolerances and references, which many share, are notes below."""
    if not comparisons:
        return ''
    reasons = list(dict.fromkeys((c.tolerance, c.reason) for c in comparisons))
    references = ', '.join(dict.fromkeys(c.reference for c in comparisons))
    rows = ''.join(_tensor(c, reasons.index((c.tolerance, c.reason)) + 1) for c in comparisons)
    notes = ''.join(f'<li>{_tolerance(tolerance)}: {escape(reason)}</li>'
                    for tolerance, reason in reasons)
    return (
        f'<p>Against {escape(references)}.</p><div class="scroll"><table><tr><th>stage</th>'
        '<th>tensor</th><th>shape</th><th class="number">max abs</th><th class="number">max rel'
        '</th><th class="number">tolerance</th><th>note</th><th>errors</th></tr>'
        f'{rows}</table></div><ol class="notes">{notes}</ol>')


def _tensor(comparison, note):
    failed = ' class="failed"' if comparison.verdict is Verdict.FAILED else ''
    shape = '×'.join(map(str, comparison.shape)) or '1'
    numbers = ''.join(f'<td class="number">{number}</td>' for number in (
        _error(comparison.max_abs), _error(comparison.max_rel), _tolerance(comparison.tolerance)))
    return (f'<tr{failed}><td>{escape(comparison.stage)}</td><td>{escape(comparison.tensor)}</td>'
            f'<td>{shape}</td>{numbers}<td>{note}</td>'
            f'<td>{figures.sparkline(comparison.histogram)}</td></tr>')


def _error(error):
    return f'{error:.1e}' if error else '0'


def _tolerance(tolerance):
    return f'{tolerance:.0e}' if tolerance else 'equal'
