"""Stops a training whose losses are no longer numbers."""
import math

from chainer import Variable
from chainer.training import extension

from tgan_chainer.errors import DivergedError


class StopOnDivergence(extension.Extension):
    """Raise when a reported loss is NaN or infinite, before anything is logged or saved.

    On the CPU train.py triggers it at every update. Reading a loss from a GPU makes the host wait
    for it, so there it looks at the display interval; a NaN of before is in the parameters by
    then, and stays there, and :class:`Snapshot` refuses to write such networks.

    Raises:
        DivergedError: Naming the loss and the iteration.
    """

    name = 'stop_on_divergence'
    priority = extension.PRIORITY_WRITER + 1    # before whoever reads the losses

    def __call__(self, trainer):
        for key, value in trainer.observation.items():
            number = float(value.array if isinstance(value, Variable) else value)
            if not math.isfinite(number):
                raise DivergedError(f'iteration {trainer.updater.iteration}: {key} is {number}')
