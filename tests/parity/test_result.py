import numpy as np
import pytest

from parity.registry import Check
from parity.result import NotRunError, Result, Verdict, compare, error_histogram, match

TOLERANCE = (1e-6, 'a reason')


def compared(ours, theirs, **kwargs):
    return compare('D', 'c0', ours, theirs, *TOLERANCE, 'a recording', **kwargs)


def test_relative_to_the_largest_magnitude():
    found = compared([1.0, 100.0], [1.0 + 5e-5, 100.0])
    assert found.max_abs == pytest.approx(5e-5)
    assert found.max_rel == pytest.approx(5e-7)
    assert found.verdict is Verdict.PASSED
    assert compared([1.0, 100.0], [1.0 + 5e-5, 100.0], scale=1).verdict is Verdict.FAILED


def test_zeros_are_compared_absolutely():
    assert compared([1e-7], [0.0]).verdict is Verdict.PASSED
    assert compared([1e-5], [0.0]).verdict is Verdict.FAILED


@pytest.mark.parametrize('ours', [[np.nan, 1.0], [np.inf, 1.0], [1.0], [[1.0], [1.0]]])
def test_what_cannot_be_compared_fails(ours):
    assert compared(ours, [1.0, 1.0]).verdict is Verdict.FAILED


def test_match():
    assert match('D', 'keys', [1], [1], '', '').verdict is Verdict.PASSED
    found = match('D', 'keys', [1], [2], 'equal or not', '')
    assert found.verdict is Verdict.FAILED and '[1] against [2]' in found.reason


def test_histogram_counts_zeros_and_decades():
    counts = error_histogram([0, 0, 2e-18, 3e-3, 50.0], [0, 0, 0, 0, 0])
    assert counts[0] == 2 and counts[1] == 1 and counts[-1] == 1 and sum(counts) == 5


def test_nothing_compared_is_a_failure():
    assert Result().verdict is Verdict.FAILED


def test_an_error_is_a_failure_whatever_was_compared():
    passed = compared([1.0], [1.0])
    assert Result(comparisons=(passed,)).verdict is Verdict.PASSED
    assert Result(comparisons=(passed,), error='Traceback').verdict is Verdict.FAILED


def test_worst_is_nearest_to_its_tolerance():
    near, far = compared([1 + 9e-7], [1.0]), compared([1 + 1e-7], [1.0])
    broken = compared([np.nan], [1.0])
    assert Result(comparisons=(far, near)).worst is near
    assert Result(comparisons=(near, broken, far)).worst is broken


def test_check_fills_in_name_and_layer_and_catches():
    def miss():
        raise NotRunError('needs a GPU')

    def fail():
        raise ValueError('no')

    found = Check('forward/missing', miss).run()
    assert (found.name, found.layer, found.why_not_run) == (
        'forward/missing', 'forward', 'needs a GPU')
    assert found.verdict is Verdict.NOT_RUN
    found = Check('forward/broken', fail).run()
    assert found.verdict is Verdict.FAILED and 'ValueError: no' in found.error
