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


@pytest.mark.parametrize('shape', [(3,), (0, 4), (2, 3, 4)])
def test_inception_score_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r'expected \(N, classes\)'):
        scores.inception_score(np.ones(shape))


def test_tgan_v1_sample_count():
    assert scores.TGAN_V1_SAMPLES == 9984


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


@settings(derandomize=True)
@given(score_lists, score_lists)
def test_threshold_moves_with_the_scores(real, fake):
    threshold, balanced = scores.best_threshold(real, fake)
    moved = scores.best_threshold(4 * np.array(real) + 8, 4 * np.array(fake) + 8)
    assert moved == (4 * threshold + 8, balanced)


def test_threshold_lies_between():
    assert scores.best_threshold([5.0, 7.0], [1.0, 3.0]) == (4.0, 1.0)
    assert scores.best_threshold([1.0], [1.0]) == (-math.inf, 0.5)


def test_a_score_at_the_threshold_counts_as_fake():
    assert scores.accuracy_on_real([1.0, 2.0], 1.0) == 0.5
    assert scores.accuracy_on_fake([1.0, 2.0], 1.0) == 0.5


def test_threshold_needs_both_kinds():
    with pytest.raises(ValueError, match='0 real and 1 fake'):
        scores.best_threshold([], [1.0])


@settings(derandomize=True)
@given(score_lists, score_lists, score_lists, score_lists,
       st.floats(-25, 25), st.floats(-25, 25))
def test_gam_is_antisymmetric(a_fakes, b_fakes, a_test, b_test, a_threshold, b_threshold):
    """Exchanging the players inverts both ratios."""
    ab = scores.gam(a_fakes, b_fakes, a_test, b_test, a_threshold, b_threshold)
    ba = scores.gam(b_fakes, a_fakes, b_test, a_test, b_threshold, a_threshold)
    for one, other in (ab.r_samples, ba.r_samples), (ab.r_test, ba.r_test):
        if math.isnan(one) or math.isnan(other):
            assert math.isnan(one) and math.isnan(other)
        elif 0 in (one, other):
            assert math.inf in (one, other)
        else:
            assert one * other == pytest.approx(1)


def test_gam_by_hand():
    """D_A unmasks 3 of 4 of B's fakes, D_B 1 of 4 of A's: A wins by 3. On test both accept half."""
    result = scores.gam([-1, -1, -1, 1], [-1, 1, 1, 1], [-1, 1], [1, -1], 0.0, 0.0)
    assert result == scores.Gam(r_samples=3.0, r_test=1.0)
