"""Plots of what the log holds."""
import contextlib
from pathlib import Path

from chainer.training import extension

from tgan_chainer.errors import DataError
from tgan_chainer.io.files import atomic_path


class Plots(extension.Extension):
    """Draw the log against the iteration: losses, the critic's bounds, and quality.

    Reading the log rather than keeping a history of its own makes a resumed training's plots whole.
    What has no entry in the log is not drawn, nor what has no new one. Drawing takes time, so the
    trigger had better be rarer than that of the log; a training that diverges is drawn, too.

    Args:
        losses (list of str): Names of the losses, such as 'loss_gen'.
    """

    name = 'plots'

    def __init__(self, losses):
        self._losses = losses
        self._drawn = None    # the last entry that is

    def __call__(self, trainer):
        log = trainer.get_extension('LogReport').log
        if not log or log[-1] is self._drawn:
            return
        found = sorted({key for entry in log for key in entry})
        for filename, title, axis, is_wanted, bound in charts(self._losses):
            if keys := list(filter(is_wanted, found)):
                figure = draw(log, keys, title, axis, bound)
                with atomic_path(Path(trainer.out, filename)) as path:
                    figure.savefig(path)
        self._drawn = log[-1]

    def on_error(self, trainer, exception, traceback):
        """Draw what the log holds, unless it is the disk that fails."""
        with contextlib.suppress(DataError):
            self(trainer)


def charts(losses):
    """(file name, title, name of the y axis, whether a key is drawn, bound or None) of each plot.

    The keys are the log's. The losses' files have the authors' names (FACTS §10), but for the one
    of both.
    """
    for kind, title in (('loss_gen', "Generator's loss"), ('loss_dis', "Critic's loss"),
                        ('loss', "Generator's and critic's loss")):
        keys = {f'vdis/{loss}' for loss in losses if loss.startswith(kind)}
        yield f'{kind}.png', title, 'loss', keys.__contains__, None
    yield ('singular_values.png', "Largest singular value of D's weights", 'singular value',
           lambda key: key.endswith('/sigma'), 1)
    yield ('gamma_ratio.png', "Largest gamma / sqrt(avg_var) of D's batch normalisations", 'ratio',
           lambda key: key.endswith('/gamma_ratio'), 1)
    over_real = {f'quality/{name}' for name in ('distance', 'dimensions', 'motion', 'bright')}
    yield ('quality.png', 'Quality, over that of real videos', 'ratio', over_real.__contains__, 1)
    for name, axis in (('frechet', 'Fréchet distance'), ('inception', 'inception score')):
        yield (f'quality_{name}.png', f'{name}, of generated and of real videos', axis,
               {f'quality/{name}', f'quality/real_{name}'}.__contains__, None)


def draw(log, keys, title, axis, bound=None):
    """A figure of the values of ``keys`` in ``log``, a list of {key: number} with 'iteration'."""
    # Here, since a third of a second is much for a command that draws nothing.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.5), dpi=100)
    FigureCanvasAgg(figure)    # draws without a display, and leaves pyplot's state alone
    # Matplotlib's own choice of margins would double the time. Right of it is the legend.
    figure.subplots_adjust(left=0.08, right=0.78, bottom=0.11, top=0.93)
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
    axes.legend(fontsize='small', loc='upper left', bbox_to_anchor=(1.01, 1), borderaxespad=0)
    return figure
