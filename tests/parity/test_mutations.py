"""That the suite can fail: each deliberate fault is caught by the check that the table names."""
import pytest

from parity.checks import registry
from parity.mutations import MUTATIONS, fresh, markdown
from parity.result import Verdict


@pytest.mark.parametrize('mutation', MUTATIONS, ids=lambda mutation: mutation.fault)
def test_is_caught(mutation):
    result = mutation.run()
    assert result.verdict is Verdict.FAILED
    # Else the fault would be in the mutation, which the check must not be praised for.
    assert bool(result.error) == mutation.raises, result.error


@pytest.mark.parametrize('check, limits', sorted({
    (mutation.check, tuple(mutation.limits.items())) for mutation in MUTATIONS if mutation.limits}))
def test_the_shortened_check_passes_without_a_fault(check, limits):
    with fresh():
        assert registry()[check].run(**dict(limits)).verdict is Verdict.PASSED


def test_there_are_enough():
    assert len(MUTATIONS) >= 20
    assert len({mutation.fault for mutation in MUTATIONS}) == len(MUTATIONS)


def test_every_layer_that_computes_has_one():
    layers = {mutation.check.split('/')[0] for mutation in MUTATIONS}
    assert layers == {'state', 'forward', 'gradients', 'trajectories', 'data', 'metrics', 'oracle',
                      'shapes'}


def test_the_documentation_is_current(docs):
    assert (docs / 'mutations.md').read_text() == markdown()
