import hashlib

import numpy as np
import pytest

from reference import recordings
from reference.oracle import networks, training

#: Float64 against float64: the same sums in another order. A tensor's error grows with the number
#: of terms in a sum (at most 256 * 4^3 here) and with depth; 7e-15 was the largest found.
FORWARD_TOLERANCE = 1e-12

CONFIGURATIONS = ('beta_default', 'beta_uniform', 'mnist_uniform', 'small', 'small_noise',
                  'ucf_default', 'ucf_uniform', 'ucf_vanilla')


def sha256(array):
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


@pytest.mark.parametrize('chainer', recordings.CHAINERS)
@pytest.mark.parametrize('config', CONFIGURATIONS)
def test_initial_arrays_byte_for_byte(config, chainer, initial):
    recorded = recordings.load('init-seed0', chainer).meta['models'][config]
    _, states = initial(config, chainer)
    for network, state in states.items():
        found = {key: (list(array.shape), str(array.dtype), sha256(array))
                 for key, array in state.items()}
        assert found == {entry['key']: (entry['shape'], entry['dtype'], entry['sha256'])
                         for entry in recorded[network]['state']}


def test_all_recorded_configurations_are_tested():
    assert set(CONFIGURATIONS) == set(recordings.configurations())


@pytest.mark.parametrize('chainer', recordings.CHAINERS)
@pytest.mark.parametrize('name', [
    'small-b2-seed0-train-f64', 'small-b2-seed0-test-f64',
    'mnist_uniform-b2-seed0-train-f64', 'ucf_vanilla-b2-seed0-train-f64'])
def test_every_stage_and_statistic(name, chainer, initial, semantics):
    recording = recordings.load(f'forward-{name}', chainer)
    models, states = initial(recording.meta['config'], chainer)
    states = {network: networks.as_float64(state) for network, state in states.items()}
    z_slow, video = (x.astype(np.float64) for x in recordings.forward_inputs(recording))
    mode = networks.Mode(recording.meta['train'], semantics[chainer],
                         np.random.RandomState(recordings.SEED_OFFSETS['forward']))

    seeds = models['fsgen'].forward(states['fsgen'], z_slow, mode)
    frame = models['vgen'].forward(
        states['vgen'], z_slow, networks.output(seeds)[:, :, 0], mode)
    score = models['vdis'].forward(states['vdis'], video, mode)

    limit = 8192 if recording.meta['config'] == 'small' else 2048
    for network, steps in (('G0', seeds), ('G1', frame), ('D', score)):
        # The noise was added between two recorded calls, so it shows in the next one.
        steps = [step for step in steps if step.layer.name != 'noise']
        for step, stage in zip(steps, recordings.stages(recording, network), strict=True):
            assert stage.name.split('/')[-1] == step.layer.name
            assert stage.shape == step.output.shape
            sampled = recordings.sample(step.output, limit)
            assert recordings.deviation(sampled, stage.values) <= FORWARD_TOLERANCE, stage.name
            assert recordings.deviation(
                np.linalg.norm(step.output.ravel()), stage.l2) <= FORWARD_TOLERANCE, stage.name

    statistics = [key for key in recording.arrays if key.startswith('stat_')]
    assert len(statistics) == 3 * 14
    for key in statistics:
        network, layer, kind = key.removeprefix('stat_').split('.')
        assert recordings.deviation(
            states[network][f'{layer}/{kind}'], recording.arrays[key]) <= FORWARD_TOLERANCE, key


@pytest.mark.parametrize(('chainer', 'z_fast_tolerance'), [
    # Chainer 7 starts with variance 1: float32 rounding and no more (5e-7 found).
    ('7.8.1', 5e-6),
    # Chainer 2 starts with variance 0, so in test mode before any training each of G0's four batch
    # normalisations multiplies by 1 / sqrt(2e-5) = 224, and float32 rounding, 6e-8 of the largest
    # value, becomes visible in the few elements near tanh's zero (1.5e-4 found).
    ('2.0.2', 1e-3),
])
@pytest.mark.parametrize('config', ['small', 'mnist_uniform'])
def test_generated_videos(config, chainer, z_fast_tolerance, initial, semantics):
    recording = recordings.load(f'infer-{config}-seed0', chainer)
    models, states = initial(config, chainer)
    states = {network: networks.as_float64(state) for network, state in states.items()}
    rng = np.random.RandomState(recordings.SEED_OFFSETS['infer'])
    z_slow = rng.uniform(-1, 1, recording.arrays['z_slow'].shape).astype(np.float32)
    assert np.array_equal(z_slow, recording.arrays['z_slow'])

    video, seeds, _ = training.generate(
        models, states, z_slow.astype(np.float64), networks.Mode(False, semantics[chainer]))

    assert list(video.shape) == recording.meta['y_shape']
    assert recordings.deviation(
        networks.output(seeds), recording.arrays['z_fast']) <= z_fast_tolerance
    # The sampled pixels are saturated under Chainer 2 and tiny under Chainer 7: 5e-7 found.
    assert recordings.deviation(
        recordings.sample(video, 65536), recording.arrays['y_strided']) <= 5e-6


def test_backward_against_finite_differences(initial):
    """Derivative of a random functional of D(G(z)) along a random direction of all parameters.

    Central differences in float64 with step h err by h^2 times a third derivative plus 1e-16 / h
    times values of order 10: 3e-9 found at h = 1e-7. The step is that small so that of a million
    (leaky) ReLU units none crosses its kink (at h = 1e-6 one does, for 1e-3). A wrong factor in any
    layer is far outside.
    """
    models, states = initial('small', '2.0.2')
    states = {network: networks.as_float64(state) for network, state in states.items()}
    rng = np.random.RandomState(1)
    z_slow, weight = rng.uniform(-1, 1, (2, 10)), rng.randn(2, 1, 1, 1)
    parameters = [(network, key) for network, state in states.items()
                  for key in networks.zero_grads(state)]
    direction = {at: rng.randn(*states[at[0]][at[1]].shape) for at in parameters}
    for at, d in direction.items():
        d *= np.linalg.norm(states[at[0]][at[1]].ravel()) / np.linalg.norm(d.ravel()) + 1e-3

    def forward(step):
        moved = {network: dict(state) for network, state in states.items()}
        for network, key in parameters:
            moved[network][key] = moved[network][key] + step * direction[network, key]
        mode = networks.Mode()
        video, seeds, frames = training.generate(models, moved, z_slow, mode)
        score = models['vdis'].forward(moved['vdis'], video, mode)
        return np.sum(weight * networks.output(score)), (seeds, frames, score)

    _, (seeds, frames, score) = forward(0)
    grads = {network: networks.zero_grads(state) for network, state in states.items()}
    gvideo = models['vdis'].backward(states['vdis'], score, weight, grads['vdis'])
    training.generate_backward(models, states, seeds, frames, gvideo, grads)
    analytic = sum(np.sum(grads[network][key] * direction[network, key])
                   for network, key in parameters)

    h = 1e-7
    numeric = (forward(h)[0] - forward(-h)[0]) / (2 * h)
    assert abs(numeric - analytic) <= 1e-6 * abs(analytic)


def test_unknown_class_lists_the_known():
    with pytest.raises(ValueError, match='there are: FrameSeedGeneratorInitDefault, '):
        networks.build('FrameSeedGenerator')


@pytest.mark.parametrize(('cls', 'kwargs', 'message'), [
    ('FrameSeedGeneratorInitUniform', {'n_frames': 8}, 'n_frames is 8'),
    ('VideoDiscriminatorInitUniform', {'in_channels': 1, 'top_width': 8, 'mid_ch': 8},
     'top_width is 8'),
])
def test_sizes_that_the_layers_cannot_make(cls, kwargs, message):
    with pytest.raises(ValueError, match=message):
        networks.build(cls, **kwargs)


def test_noise_needs_a_generator(initial):
    models, states = initial('small_noise', '2.0.2')
    with pytest.raises(ValueError, match='needs Mode'):
        models['vdis'].forward(states['vdis'], np.zeros((1, 3, 16, 64, 64)), networks.Mode())


def test_video_of_another_size_is_refused(initial):
    models, states = initial('small', '2.0.2')
    with pytest.raises(ValueError, match=r'\(1, 3, 32, 64, 64\): expected'):
        models['vdis'].forward(states['vdis'], np.zeros((1, 3, 32, 64, 64)), networks.Mode())
