"""Layer 5: losses and parameters over twelve updates, in float64."""
import numpy as np

from parity import backend, replay
from parity.check import Check, Outcome
from parity.tolerances import TRAJECTORY_64
from reference import recordings


def trajectory(name, version, updates=None):
    """All losses, norms and final parameters of a float64 ``train-*`` recording.

    Args:
        updates (int or None): Compare losses and norms of so many updates only.
    """
    recording = replay.load(name, version)
    ours = replay.recorded_training(name, version, updates)
    trace = recording.meta['trace'][:updates]
    norms = {f'{network}{path.replace("/", ".")}': [
        step['param_l2'][network][path] for step in trace]
        for network, of_network in trace[0]['param_l2'].items() for path in of_network}
    noise = recordings.rounding_noise(norms)
    found = replay.against(name, version)
    for key in trace[0]['loss']:
        found.close('losses', key, [losses.get(key, np.nan) for losses in ours.losses],
                    [step['loss'][key] for step in trace], TRAJECTORY_64)
    for key in sorted(norms.keys() - noise):
        found.close('norms', key, ours.norms.get(key, []), norms[key], TRAJECTORY_64)
    if updates is None:
        _compare_ends(found, recording, ours, noise)
    return Outcome(comparisons=found, excluded=tuple(sorted(noise)))


def _compare_ends(found, recording, ours, noise):
    """Parameters and largest singular values after the last update."""
    recorded = recordings.arrays(recording, 'param.')
    found.equal('parameters', 'names', sorted(ours.params), sorted(recorded), 'none is left out')
    for key in sorted(recorded.keys() - noise):
        sample = recordings.sample(ours.params[key], recording.meta['strided_limit'])
        found.close('parameters', key, sample, recorded[key], TRAJECTORY_64,
                    ours.params[key].shape)
    critic = dict(ours.networks['vdis'].namedparams())
    for path, theirs in recording.meta['top_singular_value_after'].items():
        W = backend.fetch(critic[path].array)
        found.close('largest singular values', path[1:], np.linalg.norm(W.reshape(len(W), -1), 2),
                    theirs, TRAJECTORY_64)


CHECKS = tuple(
    Check(replay.check_name('trajectories', name, version), trajectory, (name, version), cost=7,
          group=f'{name}/{version}')
    for name, version in replay.every('train-', '-f64'))
