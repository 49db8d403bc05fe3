"""Layer 2: what a network holds, and that one seed gives the authors' bytes."""
import hashlib

import chainer
import numpy as np

from parity import backend, replay
from parity.registry import Check
from parity.result import Result, match
from reference import recordings

N_ARRAYS = 736
"""Initial arrays of all configurations on one release of Chainer."""

REASON = 'the same seed draws the same bytes'


def initial_state(configuration, version):
    """Keys, dtypes, shapes and bytes of the three networks of a configuration."""
    recorded = _recorded(version)[configuration]
    reference = f'recording init-seed0 (Chainer {version})'
    networks = replay.build(recordings.configurations(version)[configuration], version)
    comparisons = []
    for name, network in networks.items():
        network.to_device(backend.device)
        ours = {key: np.asarray(array)
                for key, array in chainer.serializers.npz.serialize(network).items()}
        entries = {entry['key']: entry for entry in recorded[name]['state']}
        comparisons.append(match(name, 'keys', sorted(ours), sorted(entries),
                                 "the authors' snapshots must load", reference))
        for key in ours.keys() & entries.keys():
            entry, array = entries[key], ours[key]
            comparisons.append(match(
                name, key, (str(array.dtype), array.shape, _sha256(array)),
                (entry['dtype'], tuple(entry['shape']), entry['sha256']), REASON, reference,
                array.shape))
    return Result(comparisons=tuple(sorted(comparisons, key=lambda c: (c.stage, c.tensor))))


def count(version):
    """That the configurations hold as many arrays as were recorded, so that none is overlooked."""
    n_arrays = sum(len(network['state']) for configuration in _recorded(version).values()
                   for network in configuration.values())
    counted = match('all configurations', 'arrays', n_arrays, N_ARRAYS, 'every array is compared',
                    f'recording init-seed0 (Chainer {version})')
    return Result(comparisons=(counted,), text=f'{n_arrays} arrays above')


def _recorded(version):
    return recordings.load('init-seed0', version).meta['models']


def _sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array)).hexdigest()


CHECKS = tuple(
    [Check(f'state/{configuration}/chainer-{version}', initial_state, (configuration, version))
     for version in recordings.CHAINERS for configuration in recordings.configurations(version)]
    + [Check(f'state/count/chainer-{version}', count, (version,), cost=0.1)
       for version in recordings.CHAINERS])
