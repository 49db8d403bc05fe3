import pytest

from benchmarks import race as module
from benchmarks import sides
from benchmarks.__main__ import parse
from benchmarks.flops import Cost
from benchmarks.race import COPY_FLOOR, FLOOR, Racer, race
from benchmarks.sides import NotRunError, WorkerError


def racers(*sides, **kwargs):
    return [Racer(f'the {side}', side, 'work', {}, **kwargs) for side in sides]


def test_sides_take_turns_after_one_repetition_that_does_not_count(quick, monkeypatch):
    quick.add('ours', [9.0, 1.0, 2.0])
    quick.add('authors', [9.0, 3.0, 8.0])
    monkeypatch.setattr(module.time, 'sleep', quick.log.append)
    quick.pause = 0.5
    quick.worker('ours')
    outcome = race(quick, racers('ours', 'authors'))
    assert outcome.costs == {'the ours': [1.0, 2.0], 'the authors': [3.0, 8.0]}
    assert outcome.ratios() == {'the authors': (5.5 / 1.5, 3, 4)}
    assert outcome.data['answers']['the ours'][0] == {'seconds': 1.0, 'peak': 100.0}
    assert (outcome.not_run, outcome.errors, outcome.verdict) == ([], [], 'measured')
    # What an earlier race left is forgotten; every second round goes backwards, after pauses.
    assert quick.log == ['ours forgets', 'ours', 'authors',
                         0.5, 'ours', 0.5, 'authors', 0.5, 'authors', 0.5, 'ours']


def test_who_is_not_there_is_listed_and_who_breaks_is_a_failure(quick):
    quick.add('ours', [1.0] * 3)
    quick.add('authors', [2.0] * 3, fails=True)
    outcome = race(quick, racers('ours', 'torch', 'authors'))
    assert outcome.not_run == [('the torch', 'no torch here')]
    assert outcome.errors == ['the authors: authors broke']
    assert list(outcome.costs) == ['the ours']
    assert outcome.verdict == 'failed'


def test_nothing_is_measured_without_the_first(quick):
    with pytest.raises(NotRunError, match='no ours here'):
        race(quick, racers('ours', 'authors'))
    quick = type(quick)('--quick')
    quick.add('ours', [], fails=True)
    with pytest.raises(WorkerError, match='ours broke'):
        race(quick, racers('ours'))


@pytest.mark.parametrize('found, theirs, difference', [
    ({'found': {'a': 1.0, 'b': -0.01}}, {'found': {'a': 1.0, 'b': -0.011}},
     'found: b is -0.011, ours -0.01'),
    ({'found': {'a': 1.0}}, {'found': {'a': float('nan')}}, 'found: a is nan, ours 1'),
    ({'found': {'a': 1.0, 'b': 2.0}}, {'found': {'a': 1.0}},
     r"found: it has \['a'\], ours \['a', 'b'\]"),
    ({'found after update': {'a': 4.0}}, {'found after update': {'a': 1.0}},
     'found after update: a is 1, ours 4')])
def test_who_computes_something_else_is_a_failure(quick, found, theirs, difference):
    quick.add('ours', [1.0] * 3, **found)
    quick.add('authors', [1.0] * 3, **theirs)
    outcome = race(quick, racers('ours', 'authors'))
    assert list(outcome.costs) == ['the ours']
    with pytest.raises(AssertionError, match=f'does not compute the same: {difference}'):
        raise AssertionError(*outcome.errors)


@pytest.mark.parametrize('slack, difference, same', [
    (1, 2e-5, True), (1, 1e-3, False), (4, 1e-3, True), (4, 2e-3, False)])
def test_rounding_and_another_task_are_no_difference(quick, slack, difference, same):
    quick.slack = slack
    for name, off in (('ours', 0), ('authors', difference)):
        quick.add(name, [1.0] * 3, found={'a': 1.0 + off, 'b': off},
                  **{'found after update': {'a': 1.0 + 100 * off}})
    quick.add('torch', [1.0] * 3)
    assert same != bool(race(quick, [*racers('ours', 'authors'),
                                     *racers('torch', task='loading')]).errors)


def test_the_floor_is_the_time_of_as_many_products(full):
    # Three to warm up; then the work, the product and the copy, backwards, and so on.
    full.add('ours', [9.0] * 3 + [8.0, 2.0, 3.0, 6.0, 4.0, 8.0] * 2)
    rows = [Cost('D c0', products=2 * 10 ** 9, inside=2048 ** 3 // 2, floats=2048 ** 2)]
    outcome = race(full, racers('ours'), rows)
    # The product takes as many multiplications as two of the work's, the copy twice the bytes.
    assert outcome.costs == {'the ours': [8.0, 8.0, 8.0, 8.0], FLOOR: [1.0, 2.0, 1.0, 2.0],
                             COPY_FLOOR: [1.5, 3.0, 1.5, 3.0]}
    assert outcome.data['arithmetic'] == {'GFLOP': 4, 'GFLOP without padding': 2048 ** 3 / 1e9,
                                          'GB': 4 * 2048 ** 2 / 1e9}


def test_tf32_is_for_both_sides_or_neither_and_rounds_more(monkeypatch):
    monkeypatch.setattr(sides, 'Worker', lambda _, command, environment: environment)
    for flags, slack, variables in ((['--gpu', '0'], 4, {'NVIDIA_TF32_OVERRIDE': '0'}), (
            ['--gpu', '0', '--tf32'], 10, {'CUPY_TF32': '1',
                                           'TORCH_ALLOW_TF32_CUBLAS_OVERRIDE': '1'})):
        session = sides.Session(parse(flags))
        assert session.slack == slack
        for side in ('ours', 'torch'):
            assert variables.items() <= session.start(side).items()


