"""Snapshots of the trainer and its networks."""
from pathlib import Path

import numpy as np
from chainer import serializers
from chainer.training import extension

from tgan_chainer import snapshots
from tgan_chainer.errors import DivergedError


class Snapshot(extension.Extension):
    """Write ``gen_iter_N``, ``vgen_iter_N``, ``vdis_iter_N`` and ``snapshot_iter_N`` (.npz).

    A system without G0 has no ``gen_iter_N``. The trainer's file, from which a training is resumed,
    comes last: when it is there, the others are. Networks that hold a number that is not finite
    are not written.

    Raises:
        DivergedError: A parameter or statistic is NaN or infinite.
        DataError: A file cannot be written.
    """

    name = 'snapshot'
    priority = -100    # after everything whose state it saves

    def __call__(self, trainer):
        updater = trainer.updater
        optimizers = updater.get_all_optimizers()
        networks = {name: optimizers[name].target
                    for name in snapshots.NETWORKS if name in optimizers}
        for name, network in networks.items():
            _require_finite(name, network, updater.iteration)
        folder = Path(trainer.out)
        for name, network in networks.items():
            snapshots.save(folder / snapshots.NETWORKS[name].format(updater.iteration), network)
        snapshots.save(folder / snapshots.TRAINER.format(updater.iteration), trainer)

    @staticmethod
    def exists(trainer):
        """Whether there is a snapshot of this iteration."""
        return Path(trainer.out, snapshots.TRAINER.format(trainer.updater.iteration)).exists()


def _require_finite(name, network, iteration):
    for key, array in serializers.npz.serialize(network).items():
        if not np.isfinite(array).all():
            raise DivergedError(f'iteration {iteration}: {name}/{key} is not finite, so no '
                                'snapshot is written')
