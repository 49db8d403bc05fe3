"""Plots of what the log holds, drawn anew from all of it each time."""
from pathlib import Path

from chainer.training import extension
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from tgan_chainer.files import atomic_path


class LogPlot(extension.Extension):
    """Draw entries of the log against the iteration.

    Reading the log rather than keeping a history of its own makes a resumed training's plot
    whole.

    Args:
        filename (str): Name of the picture in the result folder.
        title (str): Title of the picture.
        is_wanted (callable): Takes a key of the log, returns whether it is drawn.
        bound (float or None): A value to mark by a dashed line.
    """

    def __init__(self, filename, title, is_wanted, bound=None):
        self.name = f'plot {filename}'
        self.filename = filename
        self.title = title
        self.is_wanted = is_wanted
        self.bound = bound

    def __call__(self, trainer):
        log = trainer.get_extension('LogReport').log
        keys = sorted({key for entry in log for key in entry if self.is_wanted(key)})
        if keys:
            figure = draw(log, keys, self.title, self.bound)
            with atomic_path(Path(trainer.out, self.filename)) as path:
                figure.savefig(path)


def draw(log, keys, title, bound=None):
    """A figure of the values of ``keys`` in ``log``, a list of {key: number} with 'iteration'."""
    figure = Figure(figsize=(8, 4.5), dpi=100, layout='constrained')
    FigureCanvasAgg(figure)    # draws without a display, and leaves pyplot's state alone
    axes = figure.add_subplot()
    for key in keys:
        points = [(entry['iteration'], entry[key]) for entry in log if key in entry]
        axes.plot(*zip(*points, strict=True), label=key, marker='.' if len(points) < 40 else '')
    if bound is not None:
        axes.axhline(bound, color='black', linestyle='--', linewidth=1, label='bound')
    axes.set_title(title)
    axes.set_xlabel('iteration')
    axes.grid(alpha=0.3)
    axes.legend(fontsize='small', ncols=1 + len(keys) // 6)
    return figure
