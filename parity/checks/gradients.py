"""Layer 4: losses and gradients of the first update of every updater."""
import numpy as np

from parity import runs, tolerances
from parity.registry import Check
from parity.result import Result, compare, match
from reference import recordings

# At the start, G1's last batch normalisation only scales the video, and D's first one takes that
# scale out again: the sum behind this gradient cancels to a hundredth of what the same sum without
# x_hat shows, which is beta's gradient.
_CANCELS = {'vgen.bn4.gamma': 'vgen.bn4.beta'}


def first_update(name, version, updates=None):
    """Losses and gradients after the first update of a ``train-*`` recording.

    Args:
        updates (int or None): How many updates to run; None runs what the trajectories need.
    """
    recording = runs.load(name, version)
    if updates is None and not is_float64(name):
        updates = 1
    ours = runs.training(name, version, updates)
    reference = runs.reference(name, version)
    losses_tolerance, tolerance = _tolerances(name)
    recorded = {key.removeprefix('grad1.'): array for key, array in recording.arrays.items()
                if key.startswith('grad1.')}
    noise = sorted(recordings.rounding_noise(recorded))
    comparisons = [
        match('gradients', 'names', sorted(ours.grads1), sorted(recorded), 'none is left out',
              reference)]
    theirs = recording.meta['trace'][0]['loss']
    comparisons += [compare('losses', key, ours.losses[0].get(key, np.nan), loss,
                            *losses_tolerance, reference) for key, loss in theirs.items()]
    for key, grad in recorded.items():
        if key in noise:
            continue
        scale = np.abs(grad).max()
        if key in _CANCELS:
            scale = max(scale, np.abs(recorded[_CANCELS[key]]).max())
        sample = recordings.sample(ours.grads1[key], recording.meta['strided_limit'])
        comparisons.append(compare('gradients', key, sample, grad, *tolerance, reference,
                                   ours.grads1[key].shape, scale or 1.0))
    if is_float64(name):
        comparisons += _rounding_noise(ours.grads1, noise)
    return Result(comparisons=tuple(comparisons), excluded=tuple(noise))


def _rounding_noise(grads, names):
    """That the excluded gradients are what they are excluded for."""
    return [compare('rounding noise', key, grads[key], np.zeros_like(grads[key]),
                    *tolerances.ROUNDING_NOISE_64, 'zero',
                    scale=np.abs(grads[f'{key[:-1]}W']).max())
            for key in names]


def is_float64(name):
    """Whether a recording was made in float64."""
    return name.endswith('-f64')


def _tolerances(name):
    """Of the losses and of the gradients."""
    if is_float64(name):
        return tolerances.FIRST_LOSSES_64, tolerances.GRADIENTS_64
    small = name.startswith('train-small')
    return (tolerances.FIRST_LOSSES_32,
            tolerances.GRADIENTS_32 if small else tolerances.FULL_SIZE_GRADIENTS_32)


def _cost(name):
    return 0 if is_float64(name) else 1 if 'small' in name else 4


CHECKS = tuple(
    # A float64 trajectory is run once, for this layer and the next.
    Check(runs.check_name('gradients', name, version), first_update, (name, version), _cost(name),
          f'{name}/{version}' if is_float64(name) else '')
    for name, version in runs.every('train-'))
