"""Results of every kind, for the tests of reports, which run no check of the registry."""
from pathlib import Path

import pytest

from parity.registry import Check
from parity.result import NotRunError, Result, compare, match

TOLERANCE = (1e-6, 'rounding <of> float32')


def _pass():
    return Result(
        comparisons=(compare('G0', 'fsgen/dc0', [1.0, 2.0], [1.0, 2.0 + 1e-9], *TOLERANCE, 'made'),
                     match('G0', 'keys', 'same', 'same', 'equal or not', 'made')),
        text='debug 1: (16, 100, 1)', excluded=('vdis.c1.b',),
        data={'losses': {'vdis/loss_dis': {'recorded': [1.0, 0.5, 0.25],
                                           'ours': [1.0, 0.5 + 1e-13, 0.25]}},
              'spectra': {'c0': {'before': [2.0, 0.5], 'after': [1.0, 0.5],
                                 'recorded largest': 1.0}}})


def _differ():
    return Result(comparisons=(compare('D', 'vdis/c0', [1.0], [2.0], *TOLERANCE, 'made'),))


def _raise():
    raise ValueError('no such <layer>')


def _miss():
    raise NotRunError('needs a file & time')


def _claim():
    return Result(why_not_run='nothing measured', data={'claims': {
        'caption': 'inception score', 'columns': ('paper', 'measured <here>'),
        'rows': [('TGAN, SVC', '11.85 ± 0.07', 'not measured')]}})


@pytest.fixture
def checks():
    """A check that passes, one that finds a difference, one that raises, two that do not run."""
    found = [Check('trajectories/small-svc-b4-f64/chainer-2.0.2', _pass),
             Check('trajectories/small-svc-b4-f64/chainer-7.8.1', _pass),
             Check('forward/differs', _differ), Check('forward/raises', _raise),
             Check('metrics/misses', _miss), Check('claims/table4', _claim)]
    return {check.name: check for check in found}


@pytest.fixture
def results(checks):
    """Their results."""
    return [check.run() for check in checks.values()]


@pytest.fixture
def docs():
    """Folder of the documentation."""
    return Path(__file__).resolve().parents[2] / 'docs'
