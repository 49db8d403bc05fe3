"""Who takes part, who is left out and why, and what comes of it."""
import pytest

from benchmarks import flops
from benchmarks.measure import Comparison, Series
from benchmarks.race import Contestant, everyone, race, sgemm, show_better_torch, with_floor
from benchmarks.registry import Result
from benchmarks.sides import NotRunError, SideError


def contestants(*sides, **kwargs):
    return [Contestant(side, f'the {side}', side, 'work', {}, **kwargs) for side in sides]


def test_sides_take_turns_after_one_repetition_that_does_not_count(session, fakes):
    fakes.add('ours', [[9.0], [1.0], [2.0]])
    fakes.add('chainer', [[9.0], [3.0], [8.0]])
    result = race(session, 'w', contestants('ours', 'chainer'))
    comparison, = result.comparisons
    assert comparison.series['chainer'].raw == ((3.0,), (8.0,))
    assert comparison.ratios()['chainer'].high == 4
    assert comparison.labels == {'ours': 'the ours', 'chainer': 'the chainer'}
    assert fakes.log == [
        ('prepare', 'ours'), ('run', 'ours'), ('prepare', 'chainer'), ('run', 'chainer'),
        ('run', 'ours'), ('run', 'chainer'), ('run', 'ours'), ('run', 'chainer'),
        ('forget', 'chainer'), ('forget', 'ours')]
    assert (result.not_run, result.errors) == ((), ())
    assert result.data == {'facts': {'ours': {'size': 1}, 'chainer': {'size': 1}}}


def test_who_is_not_there_is_listed_and_nothing_fails(session, fakes):
    fakes.add('ours', [[1.0]] * 3)
    result = race(session, 'w', contestants('ours', 'torch'))
    assert result.not_run == (('the torch', 'no torch here'),)
    assert (result.errors, result.verdict) == ((), 'measured')


@pytest.mark.parametrize('where', ['prepare', 'run'])
def test_who_breaks_is_a_failure_and_the_others_are_measured(session, fakes, where):
    fakes.add('ours', [[1.0]] * 3)
    fakes.add('torch', [[1.0]] * 3, fails_at=where)
    fakes.add('chainer', [[2.0]] * 3)
    result = race(session, 'w', contestants('ours', 'torch', 'chainer'))
    assert result.errors == ('the torch: torch broke',)
    assert list(result.comparisons[0].series) == ['ours', 'chainer']


def test_nothing_is_measured_without_the_first(session, fakes):
    fakes.add('chainer', [[1.0]])
    with pytest.raises(NotRunError, match='no ours here'):
        race(session, 'w', contestants('ours', 'chainer'))
    fakes.add('ours', [[1.0]], fails_at='run')
    with pytest.raises(SideError, match='ours broke'):
        race(session, 'w', contestants('ours', 'chainer'))


@pytest.mark.parametrize('theirs, difference', [
    ({'a': 1.0, 'b': -0.011}, 'found: b is -0.011, ours -0.01'),
    ({'a': float('nan'), 'b': -0.01}, 'found: a is nan, ours 1'),
    ({'a': 1.0}, r"found: it has \['a'\], ours \['a', 'b'\]")])
def test_who_computes_something_else_is_a_failure(session, fakes, theirs, difference):
    fakes.add('ours', [[1.0]] * 3, {'a': 1.0, 'b': -0.01})
    fakes.add('torch', [[1.0]] * 3, theirs)
    result = race(session, 'w', contestants('ours', 'torch'))
    assert list(result.comparisons[0].series) == ['ours']
    error, = result.errors
    with pytest.raises(AssertionError, match=difference):
        raise AssertionError(error)


def test_rounding_is_no_difference(session, fakes):
    fakes.add('ours', [[1.0]] * 3, {'a': 1.0, 'b': 0.0}, {'a': 1.0})
    fakes.add('torch', [[1.0]] * 3, {'a': 1.00002, 'b': 0.00002}, {'a': 1.001})
    assert not race(session, 'w', contestants('ours', 'torch')).errors


def test_another_update_is_a_difference(session, fakes):
    fakes.add('ours', [[1.0]] * 3, {'a': 1.0}, {'a': 4.0})
    fakes.add('torch', [[1.0]] * 3, {'a': 1.0}, {'a': 1.0})
    error, = race(session, 'w', contestants('ours', 'torch')).errors
    assert 'found after update: a is 1, ours 4' in error


def test_tasks_are_compared_apart(session, fakes):
    fakes.add('ours', [[1.0]] * 3, {'a': 1.0})
    fakes.add('loader', [[1.0]] * 3)
    both = [*contestants('ours'), *contestants('loader', task='loading')]
    assert not race(session, 'w', both).errors


def test_everyone(session):
    assert [c.side for c in everyone(session, 'work', {})] == [
        'ours', 'chainer', 'torch', 'upstream', 'ours']
    assert [c.name for c in everyone(session, 'work', {}, upstream=False)] == [
        'ours', 'chainer', 'torch', 'sgemm']


def test_the_better_variant_of_pytorch_is_shown():
    series = {name: Series(((seconds,),), (1.0,)) for name, seconds in (
        ('ours', 1), ('torch', 5), ('torch-like-ours', 4), ('upstream', 9))}
    assert show_better_torch(Comparison('w', series, {})).hidden == {'torch'}


def test_the_floor_is_the_time_of_as_many_products(session):
    rows = [flops.Row('D c0', forward=4 * 10 ** 9, input_gradient=0, weight_gradient=0,
                      inside=2 * 512 ** 3)]
    product = sgemm(session)
    assert product.args == {'width': 512}
    series = {'ours': Series(((8.0,), (8.0,)), (1.0,)), 'sgemm': Series(((2.0,), (4.0,)), (1.0,))}
    result = with_floor(session, Result(comparisons=(Comparison(
        'w', series, {'ours': 'ours', 'sgemm': product.label}),)), rows)
    comparison, = result.comparisons
    assert list(comparison.series) == ['ours', 'floor']
    assert comparison.labels['floor'] == 'sgemm floor'
    assert comparison.ratios()['floor'].low == pytest.approx(2 / 8)
    assert comparison.ratios()['floor'].high == pytest.approx(4 / 8)
    arithmetic = result.data['arithmetic']
    assert arithmetic['GFLOP'] == 4
    assert arithmetic['GFLOP without padding'] == pytest.approx(0.268435456)
    assert arithmetic['sgemm GFLOP/s'] == pytest.approx([0.134217728, 0.067108864])
