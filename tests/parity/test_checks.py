import os

import pytest

from parity import report, runner
from parity.check import Verdict
from parity.checks import LAYERS, registry


@pytest.fixture(scope='session')
def outcome_of(request):
    """Function from the name of a check to its outcome.

    All run at once, on every core, as by the command; but under xdist, which is several sessions,
    each runs alone.
    """
    if 'PYTEST_XDIST_WORKER' in os.environ:
        return lambda name: registry()[name].run()
    asked = [item.callspec.params['name'] for item in request.session.items
             if item.originalname == 'test_check']
    outcomes = runner.run([registry()[name] for name in asked])
    return {outcome.name: outcome for outcome in outcomes}.__getitem__


@pytest.mark.parametrize('name', [
    pytest.param(name, marks=pytest.mark.slow if check.cost >= 4 else [])
    for name, check in registry().items()])
def test_check(name, outcome_of):
    outcome = outcome_of(name)
    if outcome.verdict is Verdict.NOT_RUN:
        pytest.skip(outcome.why_not_run)
    assert outcome.verdict is Verdict.PASSED, report.text([outcome])


def test_every_layer_and_every_updater_has_checks():
    assert {name.split('/')[0] for name in registry()} == LAYERS.keys() - {'upstream'}
    for updater in ('svc', 'svc1', 'parallel_svc', 'clip', 'svc_shuffle', 'lsgan'):
        for version in ('2.0.2', '7.8.1') if updater != 'lsgan' else ('7.8.1',):
            assert f'trajectories/small-{updater}-b4-f64/chainer-{version}' in registry()
