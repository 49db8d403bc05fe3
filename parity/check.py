"""What a check is, and what it finds: one comparison a tensor."""
import dataclasses
import enum
import fnmatch
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tgan_chainer.errors import TGANError


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
    """One of our tensors against a reference."""

    stage: str        #: Where in TGAN it belongs, such as 'D' or 'gradients'.
    tensor: str       #: Its name there, such as 'vdis/c0'.
    shape: tuple      #: Of the whole tensor.
    max_abs: float    #: Largest absolute difference.
    max_rel: float    #: The same relative to the reference's largest magnitude, or another scale.
    tolerance: float    #: Largest ``max_rel`` that passes; 0 asks for equality.
    reason: str       #: Why this tolerance.
    reference: str    #: What it is held against, such as 'recording train-... (Chainer 2.0.2)'.

    @property
    def verdict(self):
        """PASSED or FAILED; a difference that is NaN fails."""
        return Verdict.PASSED if self.max_rel <= self.tolerance else Verdict.FAILED


class Comparisons(list):
    """Comparisons with one reference, see :class:`Comparison`."""

    def __init__(self, reference):
        super().__init__()
        self.reference = reference

    def close(self, stage, tensor, ours, theirs, tolerance, shape=None, scale=None):
        """Compare two arrays (or numbers); a difference of shapes is one, not an error.

        The difference is relative to ``scale``, by default the largest magnitude in ``theirs``, or
        1 where all of it is zero. ``shape`` is the whole tensor's, where ``ours`` is a part of it.
        """
        ours, theirs = np.asarray(ours), np.asarray(theirs)
        max_abs = max_rel = np.inf
        reason = f'shape {ours.shape} against {theirs.shape}; {tolerance.reason}'
        if ours.shape == theirs.shape:
            difference = np.abs(np.subtract(ours, theirs, dtype=np.float64))
            max_abs, reason = float(np.max(difference, initial=0)), tolerance.reason
            if scale is None:
                scale = np.max(np.abs(theirs), initial=0) or 1.0
            max_rel = max_abs / float(scale)
        self.append(Comparison(stage, tensor, tuple(ours.shape if shape is None else shape),
                               max_abs, max_rel, tolerance.value, reason, self.reference))

    def equal(self, stage, tensor, ours, theirs, reason, shape=()):
        """Compare what is equal or is not, such as hashes or strings."""
        error = 0.0
        if ours != theirs:
            error, reason = np.inf, f'{ours!r} against {theirs!r}; {reason}'
        self.append(Comparison(stage, tensor, tuple(shape), error, error, 0.0, reason,
                               self.reference))

    def recorded(self, stage, ours, theirs, tolerance, of_norm=None):
        """Compare a whole array with a Stage, what was recorded of it: a sample, and its norm."""
        self.close(stage, theirs.name, ours.ravel()[::theirs.stride], theirs.values, tolerance,
                   ours.shape)
        self.close(stage, f'norm of all {theirs.name}', np.linalg.norm(ours.ravel().astype('d')),
                   theirs.l2, of_norm or tolerance)


@dataclass(frozen=True)
class Outcome:
    """How a named check came out."""

    name: str = ''              #: Of the check, such as 'forward/small-train-f64/chainer-2.0.2'.
    comparisons: tuple = ()
    why_not_run: str | None = None
    error: str | None = None    #: What our code raised; a failure.
    text: str = ''              #: Lines to print beneath, such as the notes' traces.
    excluded: tuple = ()        #: Tensors that were recorded and left out of the comparison.
    seconds: float = 0.0

    @classmethod
    def of(cls, found):
        """What a check function returned, as an outcome."""
        return found if isinstance(found, cls) else cls(comparisons=found)

    @property
    def layer(self):
        """The first part of the name."""
        return self.name.split('/')[0]

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
        return max(self.comparisons, default=None, key=lambda each: np.inf if (
            each.verdict is Verdict.FAILED) else each.max_rel / (each.tolerance or 1))


@dataclass(frozen=True)
class Check:
    """A named check."""

    name: str             #: 'LAYER/WHAT/WHICH', such as 'forward/small-b2-train-f64/chainer-2.0.2'.
    function: Callable    #: -> :class:`Comparisons`, or :class:`Outcome` without a name.
    args: tuple = ()      #: Of the function.
    cost: float = 1.0     #: Seconds it takes on one core, roughly; long ones start first.
    group: str = ''       #: Checks of one group share work, and so run in one process, in turn.

    def run(self, **limits):
        """Run it -> Outcome, which has what it raises; ``updates=2`` makes some checks shorter."""
        start = time.perf_counter()
        try:
            outcome = Outcome.of(self.function(*self.args, **limits))
        except NotRunError as reason:
            outcome = Outcome(why_not_run=str(reason))
        except Exception:    # a fault of ours may raise anything, and is a failure of the check
            outcome = Outcome(error=traceback.format_exc())
        return dataclasses.replace(outcome, name=self.name, seconds=time.perf_counter() - start)


def choose(kind, names, patterns, hint='--list prints the names'):
    """Those of the names that have one of the patterns as a part, or match it; all without any.

    A TGANError for a pattern that matches none; ``kind`` is what the names are of.
    """
    matching = {pattern: {name for name in names if pattern in name
                          or fnmatch.fnmatch(name, pattern)} for pattern in patterns or '*'}
    for pattern, found in matching.items():
        if not found:
            raise TGANError(f'no {kind} matches {pattern}; {hint}')
    return [name for name in names if any(name in found for found in matching.values())]
