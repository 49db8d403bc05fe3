"""The count of functions in docs/decisions.md."""
import pytest

from benchmarks import recipe
from benchmarks.count_functions import count, kind_of


def test_counts_of_the_document(request):
    authors, ours = (count(algorithm, 2, recipe.QUICK) for algorithm in ('authors', 'ours'))
    document = (request.config.rootpath / 'docs' / 'decisions.md').read_text()
    for kind in authors.counts:
        assert f'| {kind} | {authors.counts[kind]} | {ours.counts[kind]} |' in document
    assert f'| all | {authors.counts.total()} | {ours.counts.total()} |' in document


def test_one_backward_pass_through_the_critic_is_less_work():
    authors, ours = (count(algorithm, 2, recipe.QUICK) for algorithm in ('authors', 'ours'))
    assert all(ours.counts[kind] <= authors.counts[kind] for kind in authors.counts)
    assert ours.nbytes.total() < authors.nbytes.total()


def test_every_function_is_of_a_kind():
    assert kind_of('ReLUGrad2') == 'activations'
    with pytest.raises(KeyError, match='Sigmoid belongs to none of the kinds'):
        kind_of('Sigmoid')
