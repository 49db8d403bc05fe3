"""Layer 2: what a network holds, and that one seed gives the authors' bytes."""
from parity import backend, replay
from parity.check import Check, Outcome
from reference import recordings

N_ARRAYS = 736
"""Initial arrays of all configurations on one release of Chainer."""


def initial_state(configuration, version):
    """Keys, dtypes, shapes and bytes of the three networks of a configuration."""
    recorded = _recorded(version)[configuration]
    found = replay.against('init-seed0', version)
    networks = replay.build(recordings.configurations(version)[configuration], version)
    for name, network in networks.items():
        network.to_device(backend.device)
        ours = replay.state(network)
        entries = {entry['key']: entry for entry in recorded[name]['state']}
        found.equal(name, 'keys', sorted(ours), sorted(entries), "the authors' snapshots must load")
        for key in sorted(ours.keys() & entries.keys()):
            entry, array = entries[key], ours[key]
            found.equal(name, key, (str(array.dtype), array.shape, recordings.sha256(array)),
                        (entry['dtype'], tuple(entry['shape']), entry['sha256']),
                        'the same seed draws the same bytes', array.shape)
    return found


def count(version):
    """That the configurations hold as many arrays as were recorded, so that none is overlooked."""
    n_arrays = sum(len(network['state']) for configuration in _recorded(version).values()
                   for network in configuration.values())
    found = replay.against('init-seed0', version)
    found.equal('all configurations', 'arrays', n_arrays, N_ARRAYS, 'every array is compared')
    return Outcome(comparisons=found, text=f'{n_arrays} arrays above')


def _recorded(version):
    return recordings.load('init-seed0', version).meta['models']


CHECKS = (
    *(Check(f'state/{configuration}/chainer-{version}', initial_state, (configuration, version))
      for version in recordings.CHAINERS for configuration in recordings.configurations(version)),
    *(Check(f'state/count/chainer-{version}', count, (version,), cost=0.1)
      for version in recordings.CHAINERS))
