"""That the suite can fail: each deliberate fault is caught by the check that the table names."""
import pytest

from parity.checks import LAYERS, registry
from parity.mutations import MUTATIONS, planted


@pytest.mark.parametrize('mutation', MUTATIONS, ids=lambda mutation: mutation.fault)
def test_is_caught(mutation):
    outcome = mutation.run()
    assert outcome.verdict.value == 'failed'
    # Else the fault would be in the mutation, which the check must not be praised for.
    assert bool(outcome.error) == mutation.raises, outcome.error


@pytest.mark.parametrize('check, updates', sorted({
    (mutation.check, mutation.updates) for mutation in MUTATIONS if mutation.updates}))
def test_the_shortened_check_passes_without_a_fault(check, updates):
    assert registry()[check].run(updates=updates).verdict.value == 'passed'


def test_a_fault_follows_the_code():
    with (pytest.raises(ValueError, match="config has 0 times 'such code'"),
          planted('config', 'such code', '')):
        pass


def test_faults_are_of_every_layer_that_computes():
    assert len({mutation.fault for mutation in MUTATIONS}) == len(MUTATIONS) >= 51
    assert {mutation.check.split('/')[0] for mutation in MUTATIONS} == LAYERS.keys() - {
        'upstream', 'claims'}
