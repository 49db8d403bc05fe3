"""Inception score."""
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
