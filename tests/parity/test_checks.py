"""Every check of `python -m parity`."""
import os

import pytest

from parity import report, runner
from parity.checks import LAYERS, registry
from parity.result import Verdict


@pytest.fixture(scope='session')
def result_of(request):
    """Function from the name of a check to its result.

    All checks that this session asks for run at once, on every core, as the command runs them;
    but under xdist, which is several sessions, each runs alone.
    """
    if 'PYTEST_XDIST_WORKER' in os.environ:
        return lambda name: registry()[name].run()
    asked = [item.callspec.params['name'] for item in request.session.items
             if item.originalname == 'test_check']
    results = runner.run([registry()[name] for name in asked])
    return {result.name: result for result in results}.__getitem__


@pytest.mark.parametrize('name', [
    pytest.param(name, marks=pytest.mark.slow if check.cost >= 4 else [])
    for name, check in registry().items()])
def test_check(name, result_of):
    result = result_of(name)
    if result.verdict is Verdict.NOT_RUN:
        pytest.skip(result.why_not_run)
    assert result.verdict is Verdict.PASSED, report.text([result])


def test_every_layer_has_checks():
    found = {check.layer for check in registry().values()}
    assert found == LAYERS.keys() - {'upstream'}


def test_names_are_unique():
    # The registry is a dict: a second check of a name would replace the first.
    from parity.checks import forward, gradients, metrics, oracle, shapes, state
    for module in (forward, gradients, metrics, oracle, shapes, state):
        names = [check.name for check in module.CHECKS]
        assert len(names) == len(set(names)) and set(names) <= registry().keys()


@pytest.mark.parametrize('recorded, semantics', [
    (updater, version) for version in ('2.0.2', '7.8.1')
    for updater in ('svc', 'svc1', 'parallel_svc', 'clip', 'svc_shuffle')]
    + [('lsgan', '7.8.1')])
def test_every_updater_has_a_trajectory(recorded, semantics):
    assert f'trajectories/small-{recorded}-b4-f64/chainer-{semantics}' in registry()


def test_claims_are_listed_and_not_run():
    result = registry()['claims/table4'].run()
    assert result.verdict is Verdict.NOT_RUN
    assert 'TGAN, SVC' in result.text and '11.85 ± 0.07' in result.text
    assert result.text.count('not measured') == 9
