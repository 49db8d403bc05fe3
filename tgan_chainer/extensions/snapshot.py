"""Snapshots of the trainer and its networks."""
import hashlib
import itertools
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from chainer import Serializer, serializers
from chainer.training import extension

from tgan_chainer.distributed import OneProcess
from tgan_chainer.errors import DivergedError
from tgan_chainer.io import snapshots

N_RANKS = 'extensions/snapshot/n_ranks'    #: Key of a trainer's snapshot; one process writes none.


class Snapshot(extension.Extension):
    """Write ``gen_iter_N``, ``vgen_iter_N``, ``vdis_iter_N`` and ``snapshot_iter_N`` (.npz).

    A system without G0 has no ``gen_iter_N``. The trainer's file comes last: when it is there, the
    others are. Of many ranks the first writes, when all call it. What each has of its own is where
    one process has it for rank 0, and under ``extensions/snapshot/rank_R`` for rank R.

    Args:
        ranks (OneProcess or None): None is one process.
        own (dict): Serializable objects, by name, whose state is a rank's own.
        keep (int or None): How many of the newest stay, see :func:`.snapshots.prune`; None: all.

    Raises:
        DivergedError: A parameter or statistic is NaN or infinite.
        RuntimeError: The ranks do not hold the same networks.
    """

    name = 'snapshot'
    priority = -100    # after everything whose state it saves

    def __init__(self, ranks=None, own=None, keep=None):
        self._ranks = ranks or OneProcess()
        self._own = own or {}
        self._keep = keep
        self._states = []    # of the ranks, at the last snapshot

    def __call__(self, trainer):
        folder, iteration = Path(trainer.out), trainer.updater.iteration
        optimizers = trainer.updater.get_all_optimizers()
        networks = {name: optimizers[name].target
                    for name in snapshots.NETWORKS if name in optimizers}
        if self._ranks.size > 1:
            self._gather(networks, iteration)
        if not self._ranks.is_first:
            return
        for name, network in networks.items():
            for key, array in serializers.npz.serialize(network).items():
                if not np.isfinite(array).all():
                    raise DivergedError(f'iteration {iteration}: {name}/{key} is not finite, so no '
                                        'snapshot is written')
        for name, network in networks.items():
            snapshots.save(folder / snapshots.NETWORKS[name].format(iteration), network)
        snapshots.save(folder / snapshots.TRAINER.format(iteration), trainer)
        if self._keep:
            snapshots.prune(folder, iteration, self._keep)

    def _gather(self, networks, iteration):
        """Gather the ranks' own states, and see that what they share is the same."""
        digests = {name: _digest(network) for name, network in networks.items()}
        own = serializers.DictionarySerializer()
        self._serialize_own(own)
        self._states, digests = zip(*self._ranks.gather((own.target, digests)), strict=True)
        for rank, name in itertools.product(range(len(digests)), networks):
            if digests[rank][name] != digests[0][name]:
                raise RuntimeError(
                    f'iteration {iteration}: {name} of rank {rank} is not that of rank 0, so no '
                    'snapshot is written; the communicator is at fault, or this project')

    def serialize(self, serializer):
        """Save all ranks' states, or load this rank's, if there are those of as many ranks."""
        if isinstance(serializer, Serializer):
            if self._states:
                serializer('n_ranks', len(self._states))
            for rank, state in enumerate(self._states[1:], 1):
                child = serializer[f'rank_{rank}']
                for key, value in state.items():
                    child(key, value)
        elif not self._ranks.is_first and serializer('n_ranks', 1) == self._ranks.size:
            self._serialize_own(serializer[f'rank_{self._ranks.rank}'])

    def _serialize_own(self, serializer):
        for name, part in self._own.items():
            part.serialize(serializer[name])

    @staticmethod
    def exists(trainer):
        """Whether there is a snapshot of this iteration."""
        return Path(trainer.out, snapshots.TRAINER.format(trainer.updater.iteration)).exists()


def saved(path):
    """(iteration, number of ranks) of the training that wrote the trainer's snapshot ``path``."""
    found = []
    snapshots.load(path, SimpleNamespace(serialize=lambda serializer: found.extend((
        int(serializer['updater']('iteration', 0)),
        int(serializer['extensions'][Snapshot.name]('n_ranks', 1))))), N_RANKS.__eq__)
    return tuple(found)


def _digest(network):
    digest = hashlib.sha256()
    for key, array in sorted(serializers.npz.serialize(network).items()):
        digest.update(key.encode())
        digest.update(np.ascontiguousarray(array))
    return digest.digest()
