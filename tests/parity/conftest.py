"""Outcomes of every kind, for the tests of reports, which run no check of the registry."""
from unittest import mock

import pytest

from parity.check import Check, Comparisons, NotRunError, Outcome, Tolerance

TOLERANCE = Tolerance(1e-6, 'rounding <of> float32')


def _pass():
    found = Comparisons('made')
    found.close('G0', 'fsgen/dc0', [1.0, 2.0], [1.0, 2.0 + 1e-9], TOLERANCE)
    found.equal('G0', 'keys', 'same', 'same', 'equal or not')
    return Outcome(comparisons=found, text='debug 1: (16, 100, 1)', excluded=('vdis.c1.b',))


def _differ():
    found = Comparisons('made')
    found.close('D', 'vdis/c0', [1.0], [2.0], TOLERANCE)
    found.close('D', 'vdis/c1', [1.0], [[2.0]], TOLERANCE)
    return found


@pytest.fixture
def checks():
    """A check that passes, twice, one that finds a difference, one that raises, one not run."""
    found = [Check('trajectories/small-svc-b4-f64/chainer-2.0.2', _pass),
             Check('trajectories/small-svc-b4-f64/chainer-7.8.1', _pass),
             Check('forward/differs', _differ), Check('forward/raises', mock.Mock(
                 side_effect=ValueError('no such <layer>'))),
             Check('metrics/misses', mock.Mock(
                 side_effect=NotRunError('needs a file & time')))]
    return {check.name: check for check in found}
