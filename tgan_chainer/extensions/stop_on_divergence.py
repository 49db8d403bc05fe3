"""Stops a training whose losses are no longer numbers."""
import math

import chainer
from chainer import training

from tgan_chainer.errors import DivergedError


@training.make_extension(priority=training.PRIORITY_WRITER + 1)    # before whoever reads the losses
def stop_on_divergence(trainer):
    """Raise a DivergedError for a loss that is NaN or infinite, before it is logged or saved.

    On the CPU train.py triggers it at every update. Reading a loss from a GPU makes the host wait
    for it, so there it looks at the display interval; a NaN of before is in the parameters by
    then, and stays there, and :class:`.Snapshot` refuses to write such networks.
    """
    for key, value in trainer.observation.items():
        number = float(chainer.as_array(value))
        if not math.isfinite(number):
            raise DivergedError(f'iteration {trainer.updater.iteration}: {key} is {number}')
