"""The report as one page of HTML that needs no network."""
from html import escape
from pathlib import Path

from parity import summary
from parity.check import Verdict
from parity.runner import MARKS

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
    contents = ''.join(
        f'<li><a href="#{layer}">{number}. {layer}</a>: {summary.verdict(found)}</li>'
        for number, layer, _, found in layers)
    sections = ''.join(
        f'<h2 id="{layer}">{number}. {layer}<small>{escape(covers)}</small></h2>'
        f'{"".join(map(_check, found))}' for number, layer, covers, found in layers)
    links = ', '.join(f'<a href="{address}">{what}</a>' for what, address in _LINKS.items())
    return f'''<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TGAN parity: {verdict}</title>
<link rel="icon" href="data:,">
<style>{Path(__file__).with_name('page.css').read_text()}</style>
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


def _unproven(outcomes):
    """What did not run, and what was left out."""
    items = [(outcome.name, outcome.why_not_run) for outcome in outcomes if outcome.why_not_run]
    excluded = summary.excluded(outcomes)
    if excluded:
        items.append(('left out', f'{", ".join(excluded)}. {summary.EXCLUSION}'))
    rows = ''.join(f'<li><b>{escape(name)}</b>: {escape(why)}</li>' for name, why in items)
    return f'<h2>What is not proven</h2><ul>{rows}</ul>' if items else ''


def _check(outcome):
    name, verdict = escape(outcome.name), outcome.verdict
    texts = ''.join(f'<pre>{escape(text)}</pre>' for text in (outcome.text, outcome.error) if text)
    return (
        f'<details data-check="{name}"{" open" if verdict is Verdict.FAILED else ""}><summary>'
        f'<span class="badge {verdict.value.replace(" ", "-")}">{MARKS[verdict]}</span>'
        f'<span class="name">{name}</span>'
        f'<span class="measured">{escape(summary.measured(outcome))}</span></summary>'
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
