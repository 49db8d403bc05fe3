"""The ratios as a picture."""
import matplotlib

matplotlib.use('Agg')

# isort: split
from matplotlib import pyplot, ticker

from benchmarks.cases import growth

STYLES = {
    'chainer': ('#c8602a', "Chainer's kernels"),
    'torch': ('#3b74b4', 'PyTorch eager, the better variant'),
    'torch-like-ours': ('#3b74b4', None),
    'numpy': ('#2f8f8b', "NumPy's SVD, as the authors"),
    'scipy': ('#a8952c', "SciPy's SVD"),
    'upstream': ('#8a5aa8', "authors' checkout"),
    'floor': ('#9a9a9a', 'sgemm floor'),
}
"""Side -> colour, and its entry in the legend; None shares another's."""

_OURS, _THEIRS = '#2b7a4b', '#c8602a'
_ROW_INCHES, _GAP = 0.19, 0.9


def write(path, results, title=''):
    """Write a PNG: a bar a ratio, and how a training step grows, where that was measured.

    Args:
        path: Where.
        results (list of benchmarks.registry.Result): What to draw.
        title (str): What it was measured on.
    """
    bars = [(comparison, found) for result in results for comparison in result.comparisons
            if (found := shown(comparison))]
    grown = [(result.data, comparison) for result in results
             for comparison in result.comparisons if comparison.quantity == 'growth']
    rows = sum(len(ratios) + _GAP for _, ratios in bars)
    height = max(4.5, 1.6 + _ROW_INCHES * rows, 3.8 * len(grown))
    figure = pyplot.figure(figsize=(13 if grown and bars else 8, height), layout='constrained')
    figure.suptitle(title if bars or grown else f'{title}\nno ratio was measured', fontsize=10)
    try:
        grid = figure.add_gridspec(max(len(grown), 1), 2 if grown and bars else 1)
        if bars:
            _draw_bars(figure.add_subplot(grid[:, 0]), bars)
        for row, (data, comparison) in enumerate(grown):
            _draw_growth(figure.add_subplot(grid[row, -1]), data, comparison)
        figure.savefig(path, format='png', dpi=130)
    finally:
        pyplot.close(figure)


def shown(comparison):
    """{side: Ratio} of what has a bar: what is shown in the report, of the sides with a style."""
    if comparison.quantity == 'growth':
        return {}
    return {name: ratio for name, ratio in comparison.ratios().items()
            if name in STYLES and name not in comparison.hidden}


def _draw_bars(axes, bars):
    y, labels, legend = 0, [], {}
    for comparison, ratios in bars:
        labels.append((y + (len(ratios) - 1) / 2, comparison.what))
        for name, ratio in ratios.items():
            colour, entry = STYLES[name]
            spread = [[ratio.median - ratio.low], [ratio.high - ratio.median]]
            bar = axes.barh(y, ratio.median - 1, left=1, height=0.8, color=colour)
            axes.errorbar(ratio.median, y, xerr=spread, color='black', lw=1, capsize=2)
            axes.annotate(f'{ratio.median:.2g}', (max(ratio.high, 1), y), (4, 0),
                          textcoords='offset points', va='center', fontsize=7)
            if entry:
                legend.setdefault(entry, bar)
            y += 1
        y += _GAP
    axes.axvline(1, color='black', lw=1)
    axes.set_xscale('log')
    axes.margins(x=0.08)
    axes.set_ylim(y - _GAP, -1)
    axes.set_yticks(*zip(*labels, strict=True))
    _tick_plainly(axes.xaxis)
    axes.grid(axis='x', alpha=0.3)
    axes.set_axisbelow(True)
    axes.set_xlabel('what the side takes / what ours takes: right of 1, ours takes less')
    axes.legend(legend.values(), legend, loc='lower center', bbox_to_anchor=(0.5, 1), ncols=2,
                frameon=False)


def _tick_plainly(axis):
    """Ticks at 1, 2, 5, 10, ... of a logarithmic axis, in plain figures."""
    axis.set_major_locator(ticker.LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(ticker.NullLocator())
    axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f'{value:g}'))


def _draw_growth(axes, data, comparison):
    ratios = comparison.ratios()
    for side, colour in (('ours', _OURS), ('chainer', _THEIRS)):
        x = [value for value in data['values']
             if growth.name(side, value) in comparison.series]
        found = [ratios.get(growth.name(side, value)) for value in x]    # None is the unit
        y = [ratio.median if ratio else 1 for ratio in found]
        spread = [[ratio.median - ratio.low if ratio else 0 for ratio in found],
                  [ratio.high - ratio.median if ratio else 0 for ratio in found]]
        axes.errorbar(x, y, yerr=spread, color=colour, marker='o', capsize=3,
                      label=growth.SIDES[side][0])
    label, power = {'batch': ('videos a batch', 1), 'width': ('width of a frame, pixels', 2)}[
        data['axis']]
    axes.plot(data['values'], [(value / data['usual']) ** power for value in data['values']],
              color='#9a9a9a', ls=':', label='in proportion to the pixels')
    axes.set_xscale('log', base=2)
    axes.set_yscale('log')
    axes.set_xticks(data['values'], data['values'])
    _tick_plainly(axes.yaxis)
    axes.grid(alpha=0.3)
    axes.set_xlabel(label)
    axes.set_ylabel(f'training step / ours at {data["usual"]}')
    axes.legend(frameon=False)
