"""The report as one page of HTML that needs no network."""
from html import escape
from pathlib import Path

from parity import summary
from parity.check import Verdict
from parity.runner import MARKS

_CSS = Path(__file__).with_name('page.css')

# The browser itself refuses whatever would leave the page.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_LINKS = {
    'the paper': 'https://arxiv.org/abs/1611.06624',
    "the authors' code": 'https://github.com/pfnet-research/tgan/tree/09aa105',
}


def render(outcomes):
    """The page -> str."""
    verdict = summary.verdict(outcomes)
    failed = any(outcome.verdict is Verdict.FAILED for outcome in outcomes)
    layers = list(summary.by_layer(outcomes))
    contents = ''.join(f'<li><a href="#{_anchor(layer)}">{layer}</a>: {summary.verdict(found)}</li>'
                       for layer, _, found in layers)
    sections = ''.join(f'<h2 id="{_anchor(layer)}">{layer}<small>{escape(covers)}</small></h2>'
                       f'{"".join(map(_row, found))}' for layer, covers, found in layers)
    links = ', '.join(f'<a href="{address}">{what}</a>' for what, address in _LINKS.items())
    return f'''<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TGAN parity: {verdict}</title>
<link rel="icon" href="data:,">
<style>{_CSS.read_text()}</style>
</head>
<body>
<header class="{'failed' if failed else 'passed'}">
<h1>Does this project compute what the TGAN authors' code computes?</h1>
<p class="verdict">{verdict}</p>
{_table([], summary.versions().items(), 'facts')}
<p>{links}</p>
</header>
<nav><ul>{contents}</ul></nav>
{_unproven(outcomes)}
{sections}
</body>
</html>
'''


def _anchor(layer):
    return layer.split()[-1]


def _unproven(outcomes):
    """What did not run, and what was left out."""
    items = [(outcome.name, outcome.why_not_run) for outcome in outcomes if outcome.why_not_run]
    excluded = summary.excluded(outcomes)
    if excluded:
        items.append(('left out', f'{", ".join(excluded)}. {summary.EXCLUSION}'))
    rows = ''.join(f'<li><b>{escape(name)}</b>: {escape(why)}</li>' for name, why in items)
    return f'<h2>What is not proven</h2><ul>{rows}</ul>' if items else ''


def _row(outcome):
    verdict = outcome.verdict
    is_open = ' open' if verdict is Verdict.FAILED else ''
    return (
        f'<details data-check="{escape(outcome.name)}"{is_open}><summary>'
        f'<span class="badge {verdict.value.replace(" ", "-")}">{MARKS[verdict]}</span>'
        f'<span class="name">{escape(outcome.name)}</span>'
        f'<span class="measured">{escape(summary.measured(outcome))}</span></summary>'
        f'<div class="body">{_body(outcome)}</div></details>')


def _body(outcome):
    parts = [f'<pre>{escape(text)}</pre>' for text in (outcome.text, outcome.error) if text]
    if 'claims' in outcome.data:
        claims = outcome.data['claims']
        parts.append(_table((claims['caption'], *claims['columns']), claims['rows'], 'claims'))
    parts.append(_tensors(outcome.comparisons))
    return ''.join(parts)


def _tensors(comparisons):
    """Every tensor; tolerances and references, which many share, are notes below."""
    if not comparisons:
        return ''
    note = {comparison: f'{_number(comparison.tolerance, "equal")}: {comparison.reason}; against '
                        f'{comparison.reference}' for comparison in comparisons}
    notes = list(dict.fromkeys(note.values()))
    rows = [(MARKS[c.verdict], c.stage, c.tensor, '×'.join(map(str, c.shape)) or '1',
             _number(c.max_abs, '0'), _number(c.max_rel, '0'), _number(c.tolerance, 'equal'),
             str(1 + notes.index(note[c]))) for c in comparisons]
    items = ''.join(f'<li>{escape(text)}</li>' for text in notes)
    columns = ('', 'stage', 'tensor', 'shape', 'max abs', 'max rel', 'tolerance', 'note')
    return f'{_table(columns, rows)}<ol class="notes">{items}</ol>'


def _number(value, zero):
    return f'{value:.1e}' if value else zero


def _table(columns, rows, kind=''):
    """A table of strings; the lines of a string are lines of its cell."""
    head = ''.join(f'<th>{escape(column)}</th>' for column in columns)
    body = ''.join('<tr>' + ''.join(f'<td>{escape(text)}</td>'.replace('\n', '<br>')
                                    for text in row) + '</tr>' for row in rows)
    return f'<div class="scroll"><table class="{kind}"><tr>{head}</tr>{body}</table></div>'
