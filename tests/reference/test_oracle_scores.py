import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference import recordings
from reference.oracle import scores


@pytest.mark.parametrize('chainer', recordings.CHAINERS)
@pytest.mark.parametrize('i', range(5))
def test_recorded_inception_scores(chainer, i):
    """The authors' code summed in float32: 6e-8 a term and correlated, 8e-7 found."""
    recording = recordings.load('inception-seed0', chainer)
    found = scores.inception_score(recording.arrays[f'ys{i}'])
    assert found == pytest.approx(recording.meta['scores'][i], rel=5e-6)


def test_inception_score_bounds():
    assert scores.inception_score(np.full((7, 10), 0.1)) == pytest.approx(1, abs=1e-12)
    # One class each, all equally often: the number of classes, but for eps = 1e-7 in the logarithm.
    assert scores.inception_score(np.eye(101)) == pytest.approx(101, rel=101 * 1e-7)


@pytest.mark.parametrize('function, args, message', [
    *((scores.inception_score, [np.ones(shape)], r'expected \(N, classes\)')
      for shape in [(3,), (0, 4), (2, 3, 4)]),
    (scores.best_threshold, [[], [1.0]], '0 real and 1 fake')])
def test_what_has_no_score(function, args, message):
    with pytest.raises(ValueError, match=message):
        function(*args)


score_lists = st.lists(st.integers(-20, 20), min_size=1, max_size=12)


@settings(derandomize=True)
@given(score_lists, score_lists)
def test_threshold_is_the_best_there_is(real, fake):
    threshold, balanced = scores.best_threshold(real, fake)

    def balanced_accuracy(t):
        return (scores.accuracy_on_real(real, t) + scores.accuracy_on_fake(fake, t)) / 2

    assert balanced == pytest.approx(balanced_accuracy(threshold))
    candidates = [t + 0.5 for t in range(-22, 22)]
    assert balanced >= max(map(balanced_accuracy, candidates)) - 1e-12
    assert balanced >= 0.5


def test_thresholds_by_hand():
    assert scores.best_threshold([5.0, 7.0], [1.0, 3.0]) == (4.0, 1.0)
    assert scores.best_threshold([1.0], [1.0]) == (-math.inf, 0.5)
    # A score at the threshold counts as fake.
    assert scores.accuracy_on_real([1.0, 2.0], 1.0) == 0.5
    assert scores.accuracy_on_fake([1.0, 2.0], 1.0) == 0.5


def test_gam_by_hand():
    """D_A unmasks 3 of 4 of B's fakes, D_B 1 of 4 of A's: A wins by 3. On test both accept half."""
    a, b = ([-1, -1, -1, 1], [-1, 1]), ([-1, 1, 1, 1], [1, -1])
    assert scores.gam(a[0], b[0], a[1], b[1], 0.0, 0.0) == scores.Gam(3.0, 1.0)
    # Exchanging the players inverts both ratios.
    assert scores.gam(b[0], a[0], b[1], a[1], 0.0, 0.0) == scores.Gam(pytest.approx(1 / 3), 1.0)
    assert scores.gam([-1], [1], [-1], [1], 0.0, 0.0) == scores.Gam(math.inf, 0.0)
