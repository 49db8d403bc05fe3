import numpy as np
import pytest

from reference import recordings
from reference.oracle import networks

#: Float64 against float64: the same sums in another order. A tensor's error grows with the number
#: of terms in a sum (at most 256 * 4^3 here) and with depth; 7e-15 was the largest found.
FORWARD_TOLERANCE = 1e-12


@pytest.mark.parametrize('chainer', recordings.CHAINERS)
@pytest.mark.parametrize('name', [
    'small-b2-seed0-train-f64', 'small-b2-seed0-test-f64',
    'mnist_uniform-b2-seed0-train-f64', 'ucf_vanilla-b2-seed0-train-f64'])
def test_every_stage_and_statistic(name, chainer, initial):
    recording = recordings.load(f'forward-{name}', chainer)
    models, states = initial(recording)
    z_slow, video = (x.astype(np.float64) for x in recordings.forward_inputs(recording))
    mode = networks.Mode(recording.meta['train'], f'chainer{chainer[0]}',
                         np.random.RandomState(recordings.SEED_OFFSETS['forward']))

    seeds = models['fsgen'].forward(states['fsgen'], z_slow, mode)
    frame = models['vgen'].forward(
        states['vgen'], z_slow, networks.output(seeds)[:, :, 0], mode)
    score = models['vdis'].forward(states['vdis'], video, mode)

    for network, steps in (('G0', seeds), ('G1', frame), ('D', score)):
        # The noise was added between two recorded calls, so it shows in the next one.
        steps = [step for step in steps if step.layer.name != 'noise']
        for step, stage in zip(steps, recordings.stages(recording, network), strict=True):
            assert (stage.name.split('/')[-1], stage.shape) == (
                step.layer.name, step.output.shape)
            assert recordings.deviation(step.output.ravel()[::stage.stride],
                                        stage.values) <= FORWARD_TOLERANCE, stage.name
            assert recordings.deviation(
                np.linalg.norm(step.output.ravel()), stage.l2) <= FORWARD_TOLERANCE, stage.name

    statistics = recordings.arrays(recording, 'stat_')
    assert len(statistics) == 3 * 14
    for key, theirs in statistics.items():
        network, layer, kind = key.split('.')
        assert recordings.deviation(
            states[network][f'{layer}/{kind}'], theirs) <= FORWARD_TOLERANCE, key


@pytest.mark.parametrize('cls, kwargs, message', [
    ('FrameSeedGenerator', {}, 'there are: FrameSeedGeneratorInitDefault, '),
    ('FrameSeedGeneratorInitUniform', {'n_frames': 8}, 'n_frames is 8'),
    ('VideoDiscriminatorInitUniform', {'in_channels': 1, 'top_width': 8, 'mid_ch': 8},
     'top_width is 8')])
def test_what_cannot_be_built(cls, kwargs, message):
    with pytest.raises(ValueError, match=message):
        networks.build(cls, **kwargs)


@pytest.mark.parametrize('config, frames, message', [
    ('small_noise', 16, 'needs Mode'), ('small', 32, r'\(1, 3, 32, 64, 64\): expected')])
def test_what_cannot_run(config, frames, message):
    models = networks.build_models(recordings.configurations()[config])
    state = {'c0/W': np.zeros((8, 3, 4, 4, 4)), 'c0/b': np.zeros(8)}
    with pytest.raises(ValueError, match=message):
        models['vdis'].forward(state, np.zeros((1, 3, frames, 64, 64)), networks.Mode())
