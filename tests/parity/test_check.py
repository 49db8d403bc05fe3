import numpy as np
import pytest

from parity.check import Comparisons, Outcome, Tolerance, Verdict


def compared(ours, theirs, scale=None):
    found = Comparisons('a recording')
    found.close('D', 'c0', ours, theirs, Tolerance(1e-6, 'a reason'), scale=scale)
    return found[0]


@pytest.mark.parametrize('ours, theirs, scale, passes', [
    ([1.0 + 5e-5, 100.0], [1.0, 100.0], None, True),    # relative to the largest magnitude
    ([1.0 + 5e-5, 100.0], [1.0, 100.0], 1, False),
    ([1e-7], [0.0], None, True), ([1e-5], [0.0], None, False),    # zeros absolutely
    ([np.nan, 1.0], [1.0, 1.0], None, False), ([np.inf, 1.0], [1.0, 1.0], None, False),
    ([1.0], [1.0, 1.0], None, False), ([[1.0], [1.0]], [1.0, 1.0], None, False)])
def test_close(ours, theirs, scale, passes):
    assert (compared(ours, theirs, scale).verdict is Verdict.PASSED) == passes


def test_equal():
    found = Comparisons('a recording')
    found.equal('D', 'keys', [1], [1], '')
    found.equal('D', 'keys', [1], [2], 'equal or not')
    assert [each.verdict for each in found] == [Verdict.PASSED, Verdict.FAILED]
    assert found[1].reason == '[1] against [2]; equal or not'


def test_outcome():
    near, far = compared([50 + 4.5e-5], [50.0]), compared([1 + 1e-7], [1.0])
    broken = compared([np.nan], [1.0])
    assert Outcome().verdict is Verdict.FAILED    # nothing was compared
    assert Outcome(comparisons=[near]).verdict is Verdict.PASSED
    assert Outcome(comparisons=[near], error='Traceback').verdict is Verdict.FAILED
    assert Outcome(comparisons=[near], why_not_run='needs a GPU').verdict is Verdict.NOT_RUN
    assert (near.max_abs, near.max_rel) == (pytest.approx(4.5e-5), pytest.approx(9e-7))
    assert Outcome(comparisons=[far, near]).worst is near
    assert Outcome(comparisons=[near, broken, far]).worst is broken
