import pytest

from parity import report
from parity.check import Verdict
from parity.checks import LAYERS, registry


@pytest.mark.parametrize('name', [
    pytest.param(name, marks=pytest.mark.slow if check.cost >= 4 else [])
    for name, check in registry().items()])
def test_check(name):
    outcome = registry()[name].run()
    if outcome.verdict is Verdict.NOT_RUN:
        pytest.skip(outcome.why_not_run)
    assert outcome.verdict is Verdict.PASSED, report.text([outcome])


def test_every_layer_and_every_updater_has_checks():
    assert {name.split('/')[0] for name in registry()} == LAYERS.keys() - {'upstream'}
    for updater in ('svc', 'svc1', 'parallel_svc', 'clip', 'svc_shuffle', 'lsgan'):
        for version in ('2.0.2', '7.8.1') if updater != 'lsgan' else ('7.8.1',):
            assert f'trajectories/small-{updater}-b4-f64/chainer-{version}' in registry()
