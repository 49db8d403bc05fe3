"""Inception score and generative adversarial metric (GAM)."""
from typing import NamedTuple

import numpy as np

#: Added to p inside the logarithm under `tgan-v1` (authors' evaluation/calc_inception.py).
TGAN_V1_EPS = 1e-7


def inception_score(ys, eps=TGAN_V1_EPS):
    """exp(1/N sum_i sum_c p log(p + eps) - p log(p_mean + eps)) (Salimans et al. 2016; one split).

    From 1 (all rows of `ys`, (N, classes), alike) to `classes` (sure of each example, all classes
    equally often); a ValueError for what is not two-dimensional or empty.
    """
    ys = np.asarray(ys, np.float64)
    if ys.ndim != 2 or not ys.size:
        raise ValueError(f'probabilities of shape {ys.shape}: expected (N, classes)')
    p_mean = ys.mean(axis=0)
    divergence = ys * (np.log(ys + eps) - np.log(p_mean + eps))
    return float(np.exp(divergence.sum(axis=1).mean()))


def best_threshold(real, fake):
    """Threshold of best balanced accuracy on a calibration set.

    A WGAN critic has no natural zero, so the paper sets the score that separates fake from real
    well; how is not published. Ours: of the midpoints between neighbouring scores, the one with the
    largest (share of real above + share of fake not above) / 2, the lowest of equals.

    Scores are higher for more real (negate D under the vanilla objective, whose label 1 is fake).

    Returns:
        threshold, its balanced accuracy in [0.5, 1]. Where no threshold separates anything it is
        -inf (everything counts as real).

    Raises:
        ValueError: No real or no fake scores.
    """
    real, fake = (np.sort(np.asarray(scores, np.float64).ravel()) for scores in (real, fake))
    if not real.size or not fake.size:
        raise ValueError(f'{real.size} real and {fake.size} fake scores: need at least one of each')
    scores = np.unique(np.concatenate([real, fake]))
    thresholds = np.concatenate([[-np.inf], (scores[:-1] + scores[1:]) / 2])
    real_above = 1 - np.searchsorted(real, thresholds, side='right') / real.size
    fake_below = np.searchsorted(fake, thresholds, side='right') / fake.size
    balanced = (real_above + fake_below) / 2
    best = int(np.argmax(balanced))
    return float(thresholds[best]), float(balanced[best])


def accuracy_on_real(scores, threshold):
    """Share of real examples scored above the threshold."""
    return float(np.mean(np.asarray(scores) > threshold))


def accuracy_on_fake(scores, threshold):
    """Share of fakes scored not above the threshold."""
    return float(np.mean(np.asarray(scores) <= threshold))


class Gam(NamedTuple):
    """Outcome of a battle of systems A and B."""

    r_samples: float    #: acc(D_A on G_B's fakes) / acc(D_B on G_A's fakes); above 1, A wins.
    r_test: float       #: acc(D_A on test) / acc(D_B on test); the battle counts only near 1.


def gam(a_on_b_fakes, b_on_a_fakes, a_on_test, b_on_test, a_threshold, b_threshold):
    """Battle of two trained pairs (Im et al. 2016, in the GRAN code's orientation; Table 3).

    `a_on_b_fakes` are D_A's scores of G_B's fakes, higher for more real; thresholds are from
    `best_threshold` on calibration sets of their own. A ratio whose denominator is zero is inf, or
    nan if both accuracies are.
    """
    return Gam(
        _ratio(accuracy_on_fake(a_on_b_fakes, a_threshold),
               accuracy_on_fake(b_on_a_fakes, b_threshold)),
        _ratio(accuracy_on_real(a_on_test, a_threshold),
               accuracy_on_real(b_on_test, b_threshold)))


def _ratio(a, b):
    with np.errstate(divide='ignore', invalid='ignore'):
        return float(np.float64(a) / np.float64(b))
