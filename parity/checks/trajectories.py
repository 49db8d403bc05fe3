"""Layer 5: losses and parameters over twelve updates, in float64."""
import numpy as np

from parity import replay, runs, tolerances
from parity.registry import Check
from parity.result import Result, compare, match
from reference import recordings


def trajectory(name, version, updates=None):
    """All losses, norms and final parameters of a float64 ``train-*`` recording.

    Args:
        updates (int or None): Compare losses and norms of so many updates only.
    """
    recording = runs.load(name, version)
    ours = runs.training(name, version, updates)
    reference = runs.reference(name, version)
    trace = recording.meta['trace'][:updates]
    norms = _recorded_norms(trace)
    noise = recordings.rounding_noise(norms)
    comparisons = [
        _over_updates('losses', key, [losses.get(key, np.nan) for losses in ours.losses],
                      [step['loss'][key] for step in trace], reference)
        for key in trace[0]['loss']]
    comparisons += [
        _over_updates('norms', key, ours.norms.get(key, []), theirs, reference)
        for key, theirs in norms.items() if key not in noise]
    if updates is None:
        comparisons += _final(recording, ours, reference, noise)
    return Result(comparisons=tuple(comparisons), data=_figures(recording, ours, trace),
                  excluded=tuple(sorted(noise)))


def _over_updates(stage, key, ours, theirs, reference):
    """One number an update."""
    return compare(stage, key, ours, theirs, *tolerances.TRAJECTORY_64, reference)


def _recorded_norms(trace):
    """'fsgen.dc0.W' and so on -> its recorded norm after each update."""
    return {f'{network}{path.replace("/", ".")}': [
        step['param_l2'][network][path] for step in trace]
        for network, norms in trace[0]['param_l2'].items() for path in norms}


def _final(recording, ours, reference, noise):
    """Parameters and largest singular values after the last update."""
    recorded = {key.removeprefix('param.'): array for key, array in recording.arrays.items()
                if key.startswith('param.')}
    comparisons = [match('parameters', 'names', sorted(ours.params), sorted(recorded),
                         'none is left out', reference)]
    comparisons += [
        compare('parameters', key,
                recordings.sample(ours.params[key], recording.meta['strided_limit']), theirs,
                *tolerances.TRAJECTORY_64, reference, ours.params[key].shape)
        for key, theirs in recorded.items() if key not in noise]
    spectra = replay.singular_values(ours.networks['vdis'])
    comparisons += [
        compare('largest singular values', path[1:], spectra[replay.layer(path)][0], theirs,
                *tolerances.TRAJECTORY_64, reference)
        for path, theirs in recording.meta['top_singular_value_after'].items()]
    return comparisons


def _figures(recording, ours, trace):
    """Curves and spectra for the report."""
    after = replay.singular_values(ours.networks['vdis'])
    return {
        'losses': {key: {'recorded': [step['loss'][key] for step in trace],
                         'ours': [losses.get(key) for losses in ours.losses]}
                   for key in trace[0]['loss']},
        'spectra': {
            name: {'before': before.tolist(), 'after': clipped.tolist(),
                   'end': after[name].tolist(),
                   'recorded largest': recording.meta['top_singular_value_after'][f'/{name}/W']}
            for name, (before, clipped) in ours.spectra.items()},
    }


CHECKS = tuple(
    Check(runs.check_name('trajectories', name, version), trajectory, (name, version), cost=7,
          group=f'{name}/{version}')
    for name, version in runs.every('train-', '-f64'))
