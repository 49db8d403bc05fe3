"""Layer 3: every tensor of a forward pass, the running statistics after it, and sampling."""
import io
from base64 import b64encode

import numpy as np
from PIL import Image

from parity import runs, tolerances
from parity.checks import shapes
from parity.registry import Check
from parity.result import Result, compare, match
from reference import recordings

INFER_LIMIT = 65536
"""How many values of a video the ``infer-*`` recordings keep (reference/PROVENANCE.md)."""


def forward_pass(name, version):
    """Tensors and statistics of a ``forward-*`` recording."""
    recording = runs.load(name, version)
    ours = runs.forward(name, version)
    reference = runs.reference(name, version)
    comparisons = []
    for network, calls in ours.stages.items():
        stages = recordings.stages(recording, network)
        comparisons.append(match(network, 'order of calls', [called for called, _ in calls],
                                 [stage.name for stage in stages], 'the layers as they run',
                                 reference))
        # The order was compared: here a pair too few must not hide it.
        for (_, array), stage in zip(calls, stages, strict=False):
            tolerance = _tolerance(recording, network, stage.name)
            comparisons += [
                compare(network, stage.name, array.ravel()[::stage.stride], stage.values,
                        *tolerance, reference, array.shape),
                compare(network, f'norm of all {stage.name}', _norm(array), stage.l2, *tolerance,
                        reference)]
    recorded = {key[len('stat_'):]: array for key, array in recording.arrays.items()
                if key.startswith('stat_')}
    comparisons.append(match('statistics', 'keys', sorted(ours.statistics), sorted(recorded),
                             'none is left out', reference))
    comparisons += [compare('statistics', key, array, recorded[key],
                            *_tolerance(recording, 'statistics', key), reference)
                    for key, array in ours.statistics.items() if key in recorded]
    return Result(comparisons=tuple(comparisons))


def _tolerance(recording, network, tensor):
    if recording.meta.get('dtype') == 'float64':
        return tolerances.FORWARD_64
    untrained_test = recording.chainer == '2.0.2' and not recording.meta['train']
    # G1 is fed with what G0's tanh made.
    after_tanh = tensor == 'tanh' or network == 'G1'
    return tolerances.SATURATED_32 if untrained_test and after_tanh else tolerances.FORWARD_32


def make_video(name, version):
    """What ``infer.py`` samples: latent vectors and videos of an ``infer-*`` recording."""
    recording = runs.load(name, version)
    ours = runs.infer(name, version)
    reference = runs.reference(name, version)
    tolerance = tolerances.SATURATED_32 if version == '2.0.2' else tolerances.FORWARD_32
    y = recordings.sample(ours['y'], INFER_LIMIT)
    theirs = recording.arrays['y_strided'].ravel()
    comparisons = (
        match('z_slow', 'bytes', ours['z_slow'].tobytes() == recording.arrays['z_slow'].tobytes(),
              True, 'the same seed draws the same bytes', reference, ours['z_slow'].shape),
        match('video', 'shape', list(ours['y'].shape), recording.meta['y_shape'],
              'a shape is right or wrong', reference),
        compare('z_fast', 'tanh', ours['z_fast'], recording.arrays['z_fast'], *tolerance,
                reference),
        compare('video', 'y', y, theirs, *tolerance, reference, ours['y'].shape))
    return Result(comparisons=comparisons, data=_strips(ours['y'], theirs))


def _strips(y, theirs):
    """Pictures of the first video as it was recorded and as we make it, where columns line up.

    A recording that keeps every fourth value keeps every fourth column of each frame.
    """
    stride = -(-y.size // INFER_LIMIT)
    width = y.shape[-1]
    if y.shape[1] != 1 or width % stride:
        return {}
    shape = (len(y), y.shape[2], y.shape[3], width // stride)
    recorded = theirs.reshape(shape)[0]
    ours = recordings.sample(y, INFER_LIMIT).reshape(shape)[0]
    scale = float(np.abs(recorded).max()) or 1.0
    return {'strips': {'recorded': _strip(recorded / scale, stride),
                       'ours': _strip(ours / scale, stride)},
            'scale': scale, 'stride': stride}


def _strip(frames, stride):
    """Frames (16, H, W / stride) in [-1, 1] in two rows, columns repeated: PNG in base64."""
    pixels = np.clip(frames * 127.5 + 128, 0, 255).astype(np.uint8)
    pixels = np.repeat(pixels, stride, axis=2)
    picture = np.block([list(pixels[:8]), list(pixels[8:])])
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, 'PNG')
    return b64encode(buffer.getvalue()).decode()


def _norm(array):
    return np.linalg.norm(array.ravel().astype(np.float64))


CHECKS = tuple(
    # The notes' traces are of one of these passes.
    [Check(runs.check_name('forward', name, version), forward_pass, (name, version),
           group='shapes' if (name, version) == shapes.RECORDING else '')
     for name, version in runs.every('forward-')]
    + [Check(runs.check_name('forward', name, version).replace('forward/', 'forward/sampling-'),
             make_video, (name, version), cost=2)
       for name, version in runs.every('infer-')])
