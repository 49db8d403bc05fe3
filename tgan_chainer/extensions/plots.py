"""Plots of what the log holds."""
import contextlib
from fnmatch import fnmatchcase
from pathlib import Path

from chainer.training import extension

from tgan_chainer.errors import DataError
from tgan_chainer.io.files import atomic_path

CHARTS = (
    ('loss_gen.png', "Generator's loss", 'loss', None, ['vdis/loss_gen*']),
    ('loss_dis.png', "Critic's loss", 'loss', None, ['vdis/loss_dis*']),
    ('loss.png', "Generator's and critic's loss", 'loss', None, ['vdis/loss*']),
    ('singular_values.png', "Largest singular value of D's weights", 'singular value', 1,
     ['*/sigma']),
    ('gamma_ratio.png', "Largest gamma / sqrt(avg_var) of D's batch normalisations", 'ratio', 1,
     ['*/gamma_ratio']),
    ('quality.png', 'Quality, over that of real videos', 'ratio', 1,
     ['quality/distance', 'quality/dimensions', 'quality/motion', 'quality/bright']),
    ('quality_frechet.png', 'frechet, of generated and of real videos', 'Fréchet distance', None,
     ['quality/*frechet']),
    ('quality_inception.png', 'inception, of generated and of real videos', 'inception score', None,
     ['quality/*inception']),
)
"""(file name, title, name of the y axis, bound or None, patterns of the log's keys) of each.

The files of the losses have the authors' names (FACTS §10), but for the one of both.
"""


class Plots(extension.Extension):
    """Draw the log against the iteration: losses, the critic's bounds, and quality.

    Reading the log rather than keeping a history of its own makes a resumed training's plots whole.
    What has no entry in the log is not drawn, nor what has no new one; a training that diverges is.
    """

    name = 'plots'
    _drawn = None    # the last entry that is

    def __call__(self, trainer):
        log = trainer.get_extension('LogReport').log
        if not log or log[-1] is self._drawn:
            return
        for filename, title, axis, bound, patterns in CHARTS:
            if keys := wanted(log, patterns):
                figure = draw(log, keys, title, axis, bound)
                with atomic_path(Path(trainer.out, filename)) as path:
                    figure.savefig(path)
        self._drawn = log[-1]

    def on_error(self, trainer, exception, traceback):
        with contextlib.suppress(DataError):    # it may be the disk that fails
            self(trainer)


def wanted(log, patterns):
    """The keys of a log that match one of the patterns, in order."""
    keys = {key for entry in log for key in entry}
    return sorted(key for key in keys if any(fnmatchcase(key, each) for each in patterns))


def draw(log, keys, title, axis, bound=None):
    """A figure of the values of ``keys`` in ``log``, a list of {key: number} with 'iteration'."""
    # Here, since a third of a second is much for a command that draws nothing.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    figure = Figure(figsize=(10, 4.5), dpi=100)
    FigureCanvasAgg(figure)    # draws without a display, and leaves pyplot's state alone
    axes = figure.add_subplot()
    for key in keys:
        points = [(entry['iteration'], entry[key]) for entry in log if key in entry]
        axes.plot(*zip(*points, strict=True), label=key.removeprefix('vdis/'),
                  marker='.' if len(points) < 40 else '')
    if bound is not None:
        axes.axhline(bound, color='black', linestyle='--', linewidth=1, label='bound')
    axes.set(title=title, xlabel='iteration', ylabel=axis)
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    legend = axes.legend(fontsize='small', loc='upper left', bbox_to_anchor=(1.01, 1),
                         borderaxespad=0)
    width = legend.get_window_extent().width / figure.bbox.width
    # Matplotlib's own choice of margins would double the time.
    figure.subplots_adjust(left=0.08, right=0.98 - width, bottom=0.11, top=0.93)
    return figure
