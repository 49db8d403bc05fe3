"""What a check found: one comparison a tensor, one check a stage."""
import enum
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np


class Verdict(enum.Enum):
    """How a check ended. What could not run is never counted as passed."""

    PASSED = 'passed'
    FAILED = 'failed'
    NOT_RUN = 'not run'


class NotRunError(Exception):
    """A check cannot run here; the message says what it would need."""


class Tolerance(NamedTuple):
    """Largest relative difference that passes, and why; see :mod:`parity.tolerances`."""

    value: float
    reason: str


@dataclass(frozen=True)
class Comparison:
    """One of our tensors against a reference.

    Attributes:
        stage (str): Where in TGAN it belongs, such as 'D' or 'update 12'.
        tensor (str): Its name there, such as 'vdis/c0'.
        shape (tuple): Shape of the whole tensor.
        max_abs (float): Largest absolute difference.
        max_rel (float): ``max_abs`` relative to the largest magnitude of the reference, or to the
            scale that the check gave.
        tolerance (float): Largest ``max_rel`` that passes; 0 asks for equality.
        reason (str): Why this tolerance.
        reference (str): What it is held against, such as 'recording train-... (Chainer 2.0.2)'.
        histogram (tuple): Counts of the absolute differences by power of ten, see
            :func:`error_histogram`; empty where there is nothing to count.
    """

    stage: str
    tensor: str
    shape: tuple
    max_abs: float
    max_rel: float
    tolerance: float
    reason: str
    reference: str
    histogram: tuple = ()

    @property
    def verdict(self):
        """PASSED or FAILED; a difference that is NaN fails."""
        return Verdict.PASSED if self.max_rel <= self.tolerance else Verdict.FAILED


@dataclass(frozen=True)
class Result:
    """The outcome of one named check.

    Attributes:
        name (str): Name of the check, such as 'forward/small-train-f64/chainer-2.0.2'.
        layer (str): One of the layers of docs/parity.md, such as 'forward'.
        comparisons (tuple of Comparison): What was compared.
        why_not_run (str or None): Why the check could not run.
        error (str or None): What our code raised instead of a result; a failure.
        text (str): Lines to print beneath, such as the notes' traces.
        data (dict): Figures for the report: JSON-serializable.
        excluded (tuple of str): Tensors that were recorded and left out of the comparison.
        seconds (float): How long it took.
    """

    name: str = ''
    layer: str = ''
    comparisons: tuple = ()
    why_not_run: str | None = None
    error: str | None = None
    text: str = ''
    data: dict = field(default_factory=dict)
    excluded: tuple = ()
    seconds: float = 0.0

    @property
    def verdict(self):
        """NOT_RUN with a reason; FAILED with an error, a failed comparison or none at all."""
        if self.why_not_run:
            return Verdict.NOT_RUN
        passed = [comparison.verdict is Verdict.PASSED for comparison in self.comparisons]
        return Verdict.PASSED if passed and all(passed) and not self.error else Verdict.FAILED

    @property
    def worst(self):
        """The comparison nearest to its tolerance, or furthest beyond; None without any."""
        return max(self.comparisons, key=_badness, default=None)


def _badness(comparison):
    """Share of the tolerance that is used; what failed ranks above whatever passed."""
    if comparison.verdict is Verdict.FAILED:
        return np.inf
    return comparison.max_rel / (comparison.tolerance or 1)


ERROR_DECADES = tuple(range(-18, 1))
"""Exponents of ten that bound the bins of :func:`error_histogram`."""


def error_histogram(ours, theirs):
    """Counts of |ours - theirs|: first the zeros, then by decade from 1e-18 to 1."""
    difference = np.abs(np.subtract(ours, theirs, dtype=np.float64)).ravel()
    exponent = np.floor(np.log10(difference[difference > 0]))
    exponent = np.clip(exponent, ERROR_DECADES[0], ERROR_DECADES[-1])
    counts = [int((exponent == decade).sum()) for decade in ERROR_DECADES]
    return (int((difference == 0).sum()), *counts)


def compare(stage, tensor, ours, theirs, tolerance, reason, reference, shape=None, scale=None):
    """Compare two arrays (or numbers) of one shape -> :class:`Comparison`.

    A difference of shapes is a failed comparison, not an error.

    Args:
        tolerance, reason: A :class:`Tolerance`, unpacked.
        shape (tuple or None): Shape of the whole tensor, where ``ours`` is a part of it.
        scale (float or None): What the difference is relative to; by default the largest
            magnitude in ``theirs``, or 1 where all of it is zero.
    """
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    shape = ours.shape if shape is None else tuple(shape)
    if ours.shape != theirs.shape:
        reason = f'shape {ours.shape} against {theirs.shape}; {reason}'
        return Comparison(stage, tensor, shape, np.inf, np.inf, tolerance, reason, reference)
    difference = np.abs(np.subtract(ours, theirs, dtype=np.float64))
    max_abs = float(np.max(difference, initial=0))
    if scale is None:
        scale = float(np.max(np.abs(theirs), initial=0)) or 1.0
    return Comparison(stage, tensor, shape, max_abs, max_abs / float(scale), tolerance, reason,
                      reference, error_histogram(ours, theirs))


def match(stage, tensor, ours, theirs, reason, reference, shape=()):
    """Compare what is equal or is not, such as hashes or texts -> :class:`Comparison`."""
    error = 0.0 if ours == theirs else np.inf
    if error:
        reason = f'{ours!r} against {theirs!r}; {reason}'
    return Comparison(stage, tensor, tuple(shape), error, error, 0.0, reason, reference)
