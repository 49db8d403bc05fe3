import numpy as np
import pytest

from reference import recordings
from reference.oracle import layers, networks, optimizers, training

#: Whole trajectories in float64. Rounding, about 1e-15 a step, is amplified by RMSprop where a
#: gradient is small against its tensor's others; 1.4e-12 was the largest deviation found after 12
#: updates (LSGAN), 3e-13 without LSGAN. A different rule anywhere moves results by 1e-4 or more.
TRAJECTORY_TOLERANCE = 1e-10

#: Gradients of the first float32 update: 1e-5, but where one unit of c0 whose input float32 rounds
#: across zero takes the other slope of the leaky ReLU, 2e-3 in c0's gradient (float32 and float64
#: recordings of Chainer 7.8.1 differ by as much). A wrong objective is off by order 1.
FLOAT32_TOLERANCE = 5e-3


def trained(dtype):
    return [(chainer, name) for chainer in recordings.CHAINERS
            for name in recordings.names(chainer)
            if name.startswith('train-small') and name.endswith('f64') == (dtype == 'float64')]


def compared(recording, prefix, states):
    """(name, deviation) of every recorded array under a prefix that is not rounding noise."""
    for key, theirs in recording.arrays.items():
        kind, network, layer, parameter = key.split('.')
        if kind == prefix and key.removeprefix(f'{prefix}.') not in recordings.ROUNDING_NOISE:
            ours = recordings.sample(states[network][f'{layer}/{parameter}'],
                                     recording.meta['strided_limit'])
            yield key, recordings.deviation(ours, theirs)


def assert_first_update(recording, run, tolerance):
    for name, theirs in recording.meta['trace'][0]['loss'].items():
        assert recordings.deviation(run.losses[0][name], theirs) <= tolerance, name
    for name, deviation in compared(recording, 'grad1', run.grads_after_first):
        assert deviation <= tolerance, name


@pytest.mark.slow
@pytest.mark.parametrize(('chainer', 'name'), trained('float64'))
def test_trajectory(chainer, name, run_of):
    recording = recordings.load(name, chainer)
    run = run_of(recording)
    assert_first_update(recording, run, TRAJECTORY_TOLERANCE)
    assert [entry['iteration'] for entry in recording.meta['trace']] == list(range(1, 13))
    for entry, ours, l2 in zip(recording.meta['trace'], run.losses, run.l2, strict=True):
        assert ours.keys() == entry['loss'].keys()
        for loss, theirs in entry['loss'].items():
            # Relative to the scale of scores, not to a loss that happens to cross zero.
            assert abs(ours[loss] - theirs) <= TRAJECTORY_TOLERANCE * max(1, abs(theirs))
        for network, norms in entry['param_l2'].items():
            for key, theirs in norms.items():
                if f'{network}{key.replace("/", ".")}' not in recordings.ROUNDING_NOISE:
                    assert abs(l2[network][key[1:]] - theirs) <= TRAJECTORY_TOLERANCE * max(
                        1, theirs), (entry['iteration'], network, key)
    for key, deviation in compared(recording, 'param', run.states):
        assert deviation <= TRAJECTORY_TOLERANCE, key
    largest = optimizers.largest_singular_values(run.states['vdis'])
    for key, theirs in recording.meta['top_singular_value_after'].items():
        assert abs(largest[key[1:]] - theirs) <= TRAJECTORY_TOLERANCE, key


@pytest.mark.parametrize(('chainer', 'name'), [
    pair for pair in trained('float32') if 'lsgan' in pair[1] or 'vanilla' in pair[1]])
def test_first_update_in_float32(chainer, name, initial, semantics):
    """Chainer 2.0.2 recorded LSGAN and vanilla in float32 only: losses and gradients of update 1.

    With noise (vanilla) the draws themselves must agree too.
    """
    recording = recordings.load(name, chainer)
    models, states = initial(recording.meta['config'], chainer)
    updater = training.updater(recording.meta['updater']['cls'])
    run = training.Training(
        models, states, updater, np.random.RandomState(recordings.SEED_OFFSETS['training']),
        semantics[chainer])
    videos = recordings.synthetic_videos(
        recordings.N_TRAINING_VIDEOS, 3, recordings.SEED_OFFSETS['videos'])
    found = run.update(videos[:recording.meta['batch']])
    for loss, theirs in recording.meta['trace'][0]['loss'].items():
        assert recordings.deviation(found[loss], theirs) <= FLOAT32_TOLERANCE
    for key, deviation in compared(recording, 'grad1', run.grads):
        assert deviation <= FLOAT32_TOLERANCE, key


def test_the_two_releases_really_differ():
    """Why there are two semantics: one recipe, equal up to the first clipping, not after it."""
    losses = {
        chainer: [entry['loss']['vdis/loss_dis'] for entry in recordings.load(
            'train-small-svc-b4-seed0-f64', chainer).meta['trace']]
        for chainer in recordings.CHAINERS}
    assert losses['2.0.2'][:5] == pytest.approx(losses['7.8.1'][:5], rel=1e-12)
    assert losses['2.0.2'][5] == pytest.approx(-1.213, abs=1e-3)
    assert losses['7.8.1'][5] == pytest.approx(-2.290, abs=1e-3)


def test_unknown_updater_lists_the_known():
    with pytest.raises(ValueError, match='there are: TGANUpdaterLSGAN, '):
        training.updater('TGANUpdater')


def test_unknown_statistics_are_refused(initial):
    models, states = initial('small', '2.0.2')
    with pytest.raises(ValueError, match='expected one of chainer2, chainer7'):
        training.Training(models, states, training.updater('TGANUpdaterLSGAN'),
                          np.random.RandomState(0), 'chainer3')


def test_time_orders():
    class Coin:
        """A generator whose coin shows a given value."""

        def __init__(self, value):
            self.value, self.shuffles = value, np.random.RandomState(0)

        def rand(self):
            return self.value

        def shuffle(self, order):
            self.shuffles.shuffle(order)

    def draw(p, coin):
        run = training.Training({}, {}, training.updater(
            'TGANUpdaterWGANSVC', shuffle_time_order=p), Coin(coin), layers.CHAINER2)
        return run.draw_time_orders()

    in_order = list(range(networks.N_FRAMES))
    assert all(list(order) == in_order for order in draw(0.3, 0.2))
    fake, real = draw(0.3, 0.4)
    assert sorted(fake) == sorted(real) == in_order
    assert list(fake) != in_order and list(fake) != list(real)
