"""The inception score of examples that come in batches: sums are kept, and no example."""
import chainer
import numpy as np

# A softmax over 101 classes in float32 sums to 1 within 1e-6; this finds logits and percentages.
_SUM_TOLERANCE = 1e-3


class InceptionSums:
    """exp of the mean over examples of sum_c p log(p + eps) - p log(mean p + eps), in float64.

    The second term needs nothing of an example but its share of the mean: sums of p log(p + eps)
    and of p are all there is to keep.

    Args:
        eps (float): Added to probabilities inside the logarithms.

    Attributes:
        n (int): Examples so far.
    """

    def __init__(self, eps):
        self.eps = eps
        self.n = 0
        self._p = np.zeros(0)
        self._p_log_p = 0.0

    def add(self, ys):
        """Add examples: array (N, classes) of probabilities, on any device.

        Raises:
            ValueError: ``ys`` has another shape, or a row of it is no probability distribution.
        """
        ys = _checked(ys, len(self._p))
        xp = chainer.backend.get_array_module(ys)
        p = chainer.get_device('@numpy').send(ys.sum(axis=0))
        self._p = self._p + p if self.n else p
        self._p_log_p += float((ys * xp.log(ys + self.eps)).sum())
        self.n += len(ys)

    def score(self):
        """The score of all examples so far -> float.

        Raises:
            ValueError: There is none.
        """
        if not self.n:
            raise ValueError('a score needs at least one example')
        mean = self._p / self.n
        return float(np.exp(self._p_log_p / self.n - (mean * np.log(mean + self.eps)).sum()))

    def serialize(self, serializer):
        """Save the sums, or load them.

        Raises:
            ValueError: What is loaded are no sums.
        """
        # The number of classes is the file's: there is no array of its size yet to read into.
        reading = isinstance(serializer, chainer.Deserializer)
        self.n = serializer('n', self.n)
        self._p = serializer('p', None if reading else self._p)
        self._p_log_p = serializer('p_log_p', self._p_log_p)
        if self.n < 0 or self._p.ndim != 1 or self._p.dtype != np.float64:
            raise ValueError(f'sums of {self.n} examples, of {self._p.dtype} {self._p.shape}: '
                             'expected one float64 a class')


def _checked(ys, n_classes):
    """``ys`` in float64."""
    xp = chainer.backend.get_array_module(ys)
    if ys.ndim != 2 or 0 in ys.shape or n_classes not in (0, ys.shape[1]):
        raise ValueError(f'class probabilities of shape {ys.shape}: expected '
                         f'(N, {n_classes or "classes"})')
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
    return ys
