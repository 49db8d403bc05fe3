"""Layers 4 and 5: updates of every updater."""
import numpy as np

from parity import driver, replay, tolerances
from parity.check import Check, Outcome
from reference import recordings

# -- 4: losses and gradients of the first update ---------------------------------------------------

# At the start, G1's last batch normalisation only scales the video, and D's first one takes that
# scale out again: the sum behind this gradient cancels to a hundredth of what the same sum without
# x_hat shows, which is beta's gradient.
_CANCELS = {'vgen.bn4.gamma': 'vgen.bn4.beta'}


def first_update(name, version, updates=None):
    """Losses and gradients after the first update; None runs as many as the trajectories need."""
    recording = replay.load(name, version)
    if updates is None and not is_float64(name):
        updates = 1
    ours = replay.recorded(name, version, updates)
    if is_float64(name):
        of_losses, tolerance = tolerances.FIRST_LOSSES_64, tolerances.GRADIENTS_64
    else:
        of_losses, tolerance = tolerances.FIRST_LOSSES_32, (
            tolerances.GRADIENTS_32 if 'small' in name else tolerances.FULL_SIZE_GRADIENTS_32)
    gradients, recorded = (recordings.arrays(each, 'grad1.') for each in (ours, recording))
    noise = sorted(recordings.rounding_noise(recorded))
    found = replay.against(name, version)
    found.equal('gradients', 'names', sorted(gradients), sorted(recorded), 'none is left out')
    for key, loss in recording.meta['trace'][0]['loss'].items():
        found.close('losses', key, ours.meta['trace'][0]['loss'].get(key, np.nan), loss, of_losses)
    for key in sorted(recorded.keys() - noise):
        scale = max(np.abs(recorded[each]).max() for each in (key, _CANCELS.get(key, key)))
        _close(found, 'gradients', key, gradients, recorded, tolerance, scale or 1.0)
    found.reference = 'zero'
    # That the excluded gradients are what they are excluded for.
    for key in noise if is_float64(name) else ():
        found.close('rounding noise', key, gradients[key], np.zeros_like(gradients[key]),
                    tolerances.ROUNDING_NOISE_64, scale=np.abs(gradients[f'{key[:-1]}W']).max())
    return Outcome(comparisons=found, excluded=tuple(noise))


def _close(found, stage, key, ours, recorded, tolerance, scale=None):
    """Compare what was recorded of an array, a sample, with the same of ours."""
    sample, _ = driver.sampled(ours[key], replay.LIMITS['train'])
    found.close(stage, key, sample, recorded[key], tolerance, ours[key].shape, scale)


def is_float64(name):
    """Whether a recording was made in float64."""
    return name.endswith('-f64')


# -- 5: losses and parameters over twelve updates, in float64 --------------------------------------

def trajectory(name, version, updates=None):
    """All losses, norms and final parameters; or the losses and norms of so many updates only."""
    recording = replay.load(name, version)
    ours = replay.recorded(name, version, updates)
    traces = ours.meta['trace'], recording.meta['trace'][:updates]
    norms = [{f'{network}{path.replace("/", ".")}': [
        step['param_l2'][network][path] for step in trace]
        for network, of_network in trace[0]['param_l2'].items() for path in of_network}
        for trace in traces]
    noise = recordings.rounding_noise(norms[1])
    found = replay.against(name, version)
    for key in traces[1][0]['loss']:
        found.close('losses', key, *([step['loss'].get(key, np.nan) for step in trace]
                                     for trace in traces), tolerances.TRAJECTORY_64)
    for key in sorted(norms[1].keys() - noise):
        found.close('norms', key, norms[0].get(key, []), norms[1][key], tolerances.TRAJECTORY_64)
    if updates is None:
        params, recorded = (recordings.arrays(each, 'param.') for each in (ours, recording))
        found.equal('parameters', 'names', sorted(params), sorted(recorded), 'none is left out')
        for key in sorted(recorded.keys() - noise):
            _close(found, 'parameters', key, params, recorded, tolerances.TRAJECTORY_64)
        largest, theirs = (each.meta['top_singular_value_after'] for each in (ours, recording))
        for path, value in theirs.items():
            found.close('largest singular values', path[1:], largest[path], value,
                        tolerances.TRAJECTORY_64)
    return Outcome(comparisons=found, excluded=tuple(sorted(noise)))


CHECKS = (
    # A float64 trajectory is run once, for both layers.
    *(Check(replay.check_name('gradients', name, version), first_update, (name, version),
            cost=0 if is_float64(name) else 1 if 'small' in name else 4,
            group=f'{name}/{version}' if is_float64(name) else '')
      for name, version in replay.every('train-')),
    *(Check(replay.check_name('trajectories', name, version), trajectory, (name, version), cost=7,
            group=f'{name}/{version}')
      for name, version in replay.every('train-', '-f64')))
