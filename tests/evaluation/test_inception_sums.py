"""The score of batches against the score of all examples at once."""
import numpy as np
import pytest
from chainer import serializers
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.oracle import scores
from tgan_chainer.evaluation.inception_score import InceptionSums, calc_inception


def probabilities(n, classes=11, seed=0, sharpness=3.0):
    logits = sharpness * np.random.RandomState(seed).randn(n, classes)
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@settings(deadline=None)
@given(cuts=st.lists(st.integers(1, 59), unique=True), seed=st.integers(0, 99),
       eps=st.sampled_from([1e-7, 1e-20]), sharpness=st.floats(0, 40))
def test_batches_of_any_size(cuts, seed, eps, sharpness):
    ys = probabilities(60, seed=seed, sharpness=sharpness)
    sums = InceptionSums(eps)
    for part in np.split(ys, sorted(cuts)):
        sums.add(part)
    assert sums.n == 60
    # float64: sums of some hundred terms in another order.
    assert sums.score() == pytest.approx(scores.inception_score(ys, eps), rel=1e-12)
    assert sums.score() == pytest.approx(calc_inception(ys, eps), rel=1e-12)


def test_float32_is_summed_in_float64_and_memory_does_not_grow():
    ys = probabilities(1000).astype(np.float32)
    sums = InceptionSums(1e-7)
    for part in np.split(ys, 100):
        sums.add(part)
    assert sums.score() == pytest.approx(scores.inception_score(ys), rel=1e-13)
    held = [value for value in vars(sums).values() if isinstance(value, np.ndarray)]
    assert [array.shape for array in held] == [(11,)]


def test_a_batch_of_other_classes_and_no_examples():
    sums = InceptionSums(1e-7)
    with pytest.raises(ValueError, match='needs at least one example'):
        sums.score()
    sums.add(probabilities(3, classes=5))
    with pytest.raises(ValueError, match=r'shape \(3, 4\): expected \(N, 5\)'):
        sums.add(probabilities(3, classes=4))


@pytest.mark.parametrize('changes', [
    {'n': -1}, {'p': np.zeros((2, 2))}, {'p': np.zeros(4, 'f4')}, {'p': np.array('text')}])
def test_what_are_no_sums_is_refused(tmp_path, changes):
    sums = InceptionSums(1e-7)
    sums.add(probabilities(3))
    serializers.save_npz(tmp_path / 'sums.npz', sums)
    np.savez(tmp_path / 'sums.npz', **{**np.load(tmp_path / 'sums.npz'), **changes})
    with pytest.raises(ValueError, match='expected one float64 a class'):
        serializers.load_npz(tmp_path / 'sums.npz', InceptionSums(1e-7))
