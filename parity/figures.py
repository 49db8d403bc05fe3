"""Figures of the page, as SVG that needs nothing else; colours are classes of page.css."""
import math
from dataclasses import dataclass
from html import escape

from parity.result import ERROR_DECADES

WIDTH, HEIGHT = 440, 210    # as wide as on a phone or in half a column, so that text is legible
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 8, 10, 26

EQUAL = 1e-18
"""Where a difference of exactly zero is drawn on a logarithmic scale."""


@dataclass(frozen=True)
class Series:
    """Values at x = 1, 2, ...

    Attributes:
        label (str): What it is, for the legend.
        values (list of float): None where there is none.
        style (str): Class of its line or marks.
        marks (bool): Draw marks instead of a line.
    """

    label: str
    values: list
    style: str
    marks: bool = False


def chart(title, series, x_label='update', log=False, bound=None):
    """A figure with a legend: linear, or decades of what is at least :data:`EQUAL`.

    Args:
        bound (float or None): A level to draw as a dotted line.
    """
    series = [Series(s.label, [_plottable(v, log) for v in s.values], s.style, s.marks)
              for s in series]
    shown = [v for s in series for v in s.values if v is not None]
    if not shown:
        return ''
    if bound is not None:
        shown += [0.0, bound]
    n = max(len(s.values) for s in series)
    ticks = _ticks(min(shown), max(shown), log)
    place = _Placement(n, ticks[0], ticks[-1])
    parts = [_axis(place, ticks, n, x_label, log)]
    if bound is not None:
        y = place.y(bound)
        parts.append(f'<path class="bound" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>')
    parts += [_marks(s, place) if s.marks else _line(s, place) for s in series]
    legend = ' '.join(f'<span class="key {s.style}">{escape(s.label)}</span>' for s in series)
    return (f'<figure><figcaption>{escape(title)} <span class="legend">{legend}</span>'
            f'</figcaption>{_svg("".join(parts), title)}</figure>')


class _Placement:
    """From data to coordinates of the drawing."""

    def __init__(self, n, low, high):
        self._dx = (WIDTH - _LEFT - _RIGHT) / max(n - 1, 1)
        self._low, self._span = low, high - low

    def x(self, i):
        return _LEFT + i * self._dx

    def y(self, value):
        return HEIGHT - _BOTTOM - (value - self._low) / self._span * (HEIGHT - _TOP - _BOTTOM)


def _plottable(value, log):
    if value is None or not math.isfinite(value):
        return None
    return math.log10(max(abs(value), EQUAL)) if log else value


def _ticks(low, high, log):
    """Four to eight round values around [low, high]."""
    if log:
        low, high = math.floor(low), max(math.ceil(high), math.floor(low) + 1)
        step = max(1, math.ceil((high - low) / 7))
    else:
        # What differs by rounding only is drawn as one level.
        span = max(high - low, 1e-3 * abs(high)) or 1.0
        step = 10 ** math.floor(math.log10(span / 4))
        step *= next(m for m in (1, 2, 5, 10) if span / (step * m) <= 6)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [i * step for i in range(first, max(last, first + 1) + 1)]


def _axis(place, ticks, n, x_label, log):
    parts = []
    for tick in ticks:
        y = place.y(tick)
        label = f'1e{tick}' if log else f'{tick:.6g}'
        if log and tick <= math.log10(EQUAL):
            label = 'equal'
        parts.append(f'<path class="grid" d="M{_LEFT} {y:.1f}H{WIDTH - _RIGHT}"/>'
                     f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{label}</text>')
    step = max(1, math.ceil(n / 12))
    parts += [f'<text x="{place.x(i):.1f}" y="{HEIGHT - 8}" text-anchor="middle">{i + 1}</text>'
              for i in range(0, n, step) if i + step <= n - 1 or i == n - 1 or step == 1]
    parts.append(f'<text x="0" y="{HEIGHT - 8}">{x_label}</text>')
    return ''.join(parts)


def _line(series, place):
    points = ' '.join(f'{place.x(i):.1f},{place.y(value):.1f}'
                      for i, value in enumerate(series.values) if value is not None)
    return f'<polyline class="line {series.style}" points="{points}"/>'


def _marks(series, place):
    return ''.join(
        f'<circle class="mark {series.style}" cx="{place.x(i):.1f}" cy="{place.y(value):.1f}" '
        'r="3.5"/>' for i, value in enumerate(series.values) if value is not None)


def histogram(counts):
    """How many values had an error of zero, of 1e-18, ... 1; heights are logarithms."""
    if not sum(counts):
        return ''
    width, height = WIDTH, 110
    bar = width / len(counts)
    top = math.log1p(max(counts))
    parts = []
    # Every third decade; the first would run into the label of the zeros.
    labels = ('0', *(f'1e{decade}' if decade % 3 == 0 and i else ''
                     for i, decade in enumerate(ERROR_DECADES)))
    for i, (count, label) in enumerate(zip(counts, labels, strict=True)):
        tall = math.log1p(count) / top * (height - 36)
        middle = (i + 0.5) * bar
        parts.append(f'<rect class="bar" x="{i * bar + 1:.1f}" y="{height - 20 - tall:.1f}" '
                     f'width="{bar - 2:.1f}" height="{tall:.1f}"/>'
                     f'<text x="{middle:.1f}" y="{height - 5}" text-anchor="middle">{label}</text>')
        if count:
            parts.append(f'<text class="count" x="{middle:.1f}" y="{height - 23 - tall:.1f}" '
                         f'text-anchor="middle">{_short(count)}</text>')
    caption = f'absolute differences of {sum(counts):,} values, by power of ten'
    return (f'<figure><figcaption>{caption}</figcaption>'
            f'{_svg("".join(parts), caption, width, height)}</figure>')


def sparkline(counts):
    """The same, the size of a word."""
    if not sum(counts):
        return ''
    top = math.log1p(max(counts))
    bars = ''.join(f'M{3 * i + 1} 14v-{math.log1p(count) / top * 13:.1f}'
                   for i, count in enumerate(counts) if count)
    return (f'<svg class="spark" viewBox="0 0 {3 * len(counts)} 14" role="img" '
            f'aria-label="error histogram"><path d="{bars}"/></svg>')


def _short(count):
    return f'{count / 1000:.0f}k' if count >= 1000 else str(count)


def _svg(content, title, width=WIDTH, height=HEIGHT):
    return (f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
            f'{content}</svg>')
