"""The inception score (Salimans et al. 2016) of videos, as the authors compute it."""
import chainer

EPS = 1e-7
"""Added to probabilities inside the logarithms."""

# A softmax over 101 classes in float32 sums to 1 within 1e-6; this finds logits and percentages.
_SUM_TOLERANCE = 1e-3


def calc_inception(ys):
    """exp of the mean over examples of sum_c p log(p + eps) - p log(mean p + eps); one split.

    Args:
        ys: Array (N, classes) on any device: each example's class probabilities.

    Returns:
        float from 1 (all examples alike) to the number of classes (sure of each example, and all
        classes equally often). Computed in float64.

    Raises:
        ValueError: ``ys`` has another shape, or a row of it is no probability distribution.
    """
    xp = chainer.backend.get_array_module(ys)
    if ys.ndim != 2 or 0 in ys.shape:
        raise ValueError(f'class probabilities of shape {ys.shape}: expected (N, classes)')
    ys = ys.astype(xp.float64, copy=False)
    sums = ys.sum(axis=1)
    # Written so that NaN is refused, too.
    bad = ~((ys >= 0).all(axis=1) & (xp.abs(sums - 1) <= _SUM_TOLERANCE))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f'row {row} of the class probabilities has values from {float(ys[row].min()):g} to '
            f'{float(ys[row].max()):g} that sum to {float(sums[row]):g}: expected probabilities '
            'from 0 to 1 that sum to 1 (softmax, not fc8)')
    mean = ys.mean(axis=0)
    divergence = (ys * (xp.log(ys + EPS) - xp.log(mean + EPS))).sum(axis=1)
    return float(xp.exp(divergence.mean()))
