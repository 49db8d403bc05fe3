"""What the oracle refuses and draws.

`python -m parity --only oracle` holds all it computes to the package, which other layers hold to
the recordings; tests/evaluation does with its scores.
"""
import numpy as np
import pytest

from reference.oracle import layers, networks, scores, training


@pytest.mark.parametrize('function, args, message', [
    (networks.FrameSeedGenerator, [8], 'n_frames is 8'),
    (networks.VideoDiscriminator, [1, 8, 8], 'top_width is 8'),
    (networks.VideoDiscriminator(3, 4, 8, beta=True).forward,
     [{}, np.zeros((1, 3, 32, 64, 64)), None], r'\(1, 3, 32, 64, 64\): expected'),
    *((scores.preprocess, [np.zeros(video), np.zeros(mean)], 'expected') for video, mean in (
        ((1, 1, 16, 64, 64), scores.MEAN_SHAPE), ((1, 3, 8, 64, 64), scores.MEAN_SHAPE),
        ((1, 3, 16, 64, 64), (3, 16, 128, 128)))),
    *((scores.inception_score, [np.ones(shape)], r'expected \(N, classes\)')
      for shape in [(3,), (0, 4), (2, 3, 4)])])
def test_arguments_that_make_no_sense(function, args, message):
    with pytest.raises(ValueError, match=message):
        function(*args, **{'beta': True} if isinstance(function, type) else {})


@pytest.mark.parametrize('coin, shuffled', [(0.2, False), (0.4, True)])
def test_time_orders(coin, shuffled):
    class Coin(np.random.RandomState):
        def rand(self):
            return coin

    fake, real = training.Training(
        {}, {}, 'TGANUpdaterWGANSVC', {'shuffle_time_order': 0.3}, Coin(0),
        layers.CHAINER2).draw_time_orders()
    in_order = list(range(networks.N_FRAMES))
    assert sorted(fake) == sorted(real) == in_order
    assert (list(fake) != in_order) == (list(fake) != list(real)) == shuffled
