"""Layer 3: every tensor of a forward pass, the running statistics after it, and sampling."""
from parity import replay, tolerances
from parity.check import Check
from parity.checks import shapes
from reference import recordings

INFER_LIMIT = 65536
"""How many values of a video the ``infer-*`` recordings keep (reference/PROVENANCE.md)."""


def forward_pass(name, version):
    """Tensors and statistics of a ``forward-*`` recording."""
    recording = replay.load(name, version)
    ours = replay.recorded_forward(name, version)
    found = replay.against(name, version)
    for network, calls in ours.stages.items():
        stages = recordings.stages(recording, network)
        found.equal(network, 'order of calls', [called for called, _ in calls],
                    [stage.name for stage in stages], 'the layers as they run')
        # The order was compared: here a pair too few must not hide it.
        for (_, array), stage in zip(calls, stages, strict=False):
            found.recorded(network, array, stage, _tolerance(recording, network, stage.name))
    recorded = recordings.arrays(recording, 'stat_')
    found.equal('statistics', 'keys', sorted(ours.statistics), sorted(recorded),
                'none is left out')
    for key, array in ours.statistics.items():
        if key in recorded:
            found.close('statistics', key, array, recorded[key],
                        _tolerance(recording, 'statistics', key))
    return found


def _tolerance(recording, network, tensor):
    if recording.meta.get('dtype') == 'float64':
        return tolerances.FORWARD_64
    untrained_test = recording.chainer == '2.0.2' and not recording.meta['train']
    # G1 is fed with what G0's tanh made.
    after_tanh = tensor == 'tanh' or network == 'G1'
    return tolerances.SATURATED_32 if untrained_test and after_tanh else tolerances.FORWARD_32


def make_video(name, version):
    """What ``infer.py`` samples: latent vectors and videos of an ``infer-*`` recording."""
    recording = replay.load(name, version)
    ours = replay.recorded_infer(name, version)
    tolerance = tolerances.SATURATED_32 if version == '2.0.2' else tolerances.FORWARD_32
    found = replay.against(name, version)
    found.equal('z_slow', 'bytes', ours['z_slow'].tobytes() == recording.arrays['z_slow'].tobytes(),
                True, 'the same seed draws the same bytes', ours['z_slow'].shape)
    found.equal('video', 'shape', list(ours['y'].shape), recording.meta['y_shape'],
                'a shape is right or wrong')
    found.close('z_fast', 'tanh', ours['z_fast'], recording.arrays['z_fast'], tolerance)
    found.close('video', 'y', recordings.sample(ours['y'], INFER_LIMIT),
                recording.arrays['y_strided'].ravel(), tolerance, ours['y'].shape)
    return found


CHECKS = (
    # The notes' traces are of one of these passes.
    *(Check(replay.check_name('forward', name, version), forward_pass, (name, version),
            group='shapes' if (name, version) == shapes.RECORDING else '')
      for name, version in replay.every('forward-')),
    *(Check(replay.check_name('forward', name, version).replace('forward/', 'forward/sampling-'),
            make_video, (name, version), cost=2)
      for name, version in replay.every('infer-')))
