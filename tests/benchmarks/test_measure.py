"""Series, ratios and turns."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import measure
from benchmarks.measure import Comparison, Series, ratio, take_turns

COSTS = st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=9)


def series(*costs):
    return Series(tuple((cost,) for cost in costs), (1.0,))


def test_cost_of_a_repetition_is_weighted():
    found = Series(((1.0, 6.0), (2.0, 2.0)), (0.8, 0.2))
    assert found.costs == pytest.approx([2.0, 2.0])
    assert found.scaled(3).costs == pytest.approx([6.0, 6.0])
    assert found.scaled(3).raw == found.raw


def test_another_number_of_measurements_is_an_error():
    with pytest.raises(ValueError):
        _ = Series(((1.0,),), (0.8, 0.2)).costs


def test_ratio_of_medians_and_spread_by_round():
    found = ratio(series(4, 6, 5), series(2, 2, 1))
    assert (found.median, found.low, found.high) == (5 / 2, 2, 5)


def test_an_even_number_of_rounds():
    assert ratio(series(4, 6), series(1, 1)).median == 5


@given(COSTS, st.data())
def test_the_median_lies_in_the_spread(ours, data):
    theirs = data.draw(st.lists(st.floats(1e-6, 1e6), min_size=len(ours), max_size=len(ours)))
    found = ratio(series(*theirs), series(*ours))
    # But for the rounding of one division.
    assert found.low * (1 - 1e-12) <= found.median <= found.high * (1 + 1e-12)


@given(COSTS)
def test_a_side_is_once_itself(costs):
    found = ratio(series(*costs), series(*costs))
    assert (found.median, found.low, found.high) == (1, 1, 1)


def test_the_first_side_measures_the_others():
    comparison = Comparison('w', {'a': series(2), 'b': series(6), 'c': series(1)}, {})
    assert comparison.baseline == 'a'
    assert {name: r.median for name, r in comparison.ratios().items()} == {'b': 3, 'c': 0.5}


def test_turns():
    calls = []

    def function(name):
        return lambda: (calls.append(name), len(calls))[1]

    found = take_turns({'a': function('a'), 'b': function('b')}, 3)
    assert calls == ['a', 'b', 'a', 'b', 'a', 'b']
    assert found == {'a': [1, 3, 5], 'b': [2, 4, 6]}


def test_a_pause_before_every_turn(monkeypatch):
    log = []
    monkeypatch.setattr(measure.time, 'sleep', log.append)
    take_turns({'a': lambda: log.append('a'), 'b': lambda: log.append('b')}, 2, pause=0.5)
    assert log == [0.5, 'a', 0.5, 'b'] * 2
