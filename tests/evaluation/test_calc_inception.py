import numpy as np
import pytest

from reference import recordings
from reference.oracle import scores
from tgan_chainer.evaluation.calc_inception import EPS, calc_inception


# The authors' code sums in float32: 6e-8 a term, and correlated; 8e-7 was seen.
@pytest.mark.parametrize('version', recordings.CHAINERS)
@pytest.mark.parametrize('i', range(5))
def test_recorded_scores(version, i):
    recording = recordings.load('inception-seed0', version)
    ys = recording.arrays[f'ys{i}']
    assert calc_inception(ys) == pytest.approx(recording.meta['scores'][i], rel=5e-6)
    assert calc_inception(ys) == pytest.approx(scores.inception_score(ys), rel=1e-13)


def test_bounds():
    assert calc_inception(np.full((7, 10), 0.1)) == pytest.approx(1, abs=1e-12)
    # Sure of each, all equally often: the number of classes, but for eps in the logarithm.
    assert calc_inception(np.eye(101)) == pytest.approx(101, rel=101 * EPS)


@pytest.mark.parametrize('shape', [(3,), (0, 4), (4, 0), (2, 3, 4)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r'expected \(N, classes\)'):
        calc_inception(np.ones(shape))


@pytest.mark.parametrize('row', [[0.5, 0.6], [50, 50], [-0.5, 1.5], [np.nan, 1], [np.inf, 0]])
def test_rows_that_are_no_distribution_are_refused(row):
    with pytest.raises(ValueError, match='row 1 of the class probabilities'):
        calc_inception(np.array([[0.5, 0.5], row]))
