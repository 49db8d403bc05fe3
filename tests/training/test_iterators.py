import random
import threading

import numpy as np
import pytest
from chainer import serializers
from chainer.iterators import SerialIterator
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tgan_chainer.datasets.drawing import DrawnDataset
from tgan_chainer.errors import DataError
from tgan_chainer.random_streams import Streams
from tgan_chainer.training.iterators import PrefetchIterator

N = 10


class Numbers(DrawnDataset):
    """Examples (i, a number of NumPy's stream, one of Python's); counts those loaded ``ahead``."""

    def __init__(self, n=N, damaged=None):
        self.n, self.damaged = n, damaged
        self.ahead = threading.Semaphore(0)

    def __len__(self):
        return self.n

    def draw(self, i, streams):
        return streams.numpy.randint(1 << 30), streams.python.randint(0, 1 << 30)

    def load(self, i, drawn):
        if threading.current_thread().name.startswith('prefetch'):
            self.ahead.release()
        if i == self.damaged:
            raise DataError(f'example {i} is damaged')
        return int(i), *drawn


@pytest.fixture(autouse=True)
def seeded():
    state = random.getstate()
    seed()
    yield
    random.setstate(state)


def seed():
    np.random.seed(0)
    random.seed(0)


@pytest.fixture
def prefetching():
    made = []
    yield lambda *args, **kwargs: made.append(PrefetchIterator(*args, **kwargs)) or made[-1]
    for iterator in made:
        iterator.finalize()


def history(cls, operations, batch_size, shuffle, repeat, **kwargs):
    """What a user sees of an iterator of Numbers and of the streams, and how much came ahead."""
    seed()
    iterator, seen = cls(Numbers(), batch_size, repeat, shuffle, **kwargs), []
    for operation in ('save', *operations):
        batch = None
        match operation:
            case 'next':
                batch = next(iterator, None)
            case 'save':
                arrays = {key: np.array(value) for key, value
                          in serializers.npz.serialize(iterator).items()}
                states = Streams().get_states()
            case 'load':
                serializers.NpzDeserializer(arrays).load(iterator)
            case 'rewind':
                Streams().set_states(states)
            case 'reset':
                iterator.reset()
            case 'numpy':
                np.random.rand()
            case 'python':
                random.random()
        seen.append((batch, iterator.epoch, iterator.current_position, iterator.is_new_epoch,
                     iterator.epoch_detail, iterator.previous_epoch_detail, Streams().get_states(),
                     {key: value.tobytes() for key, value in arrays.items()}))
    iterator.finalize()
    return seen, iterator.dataset.ahead._value


@given(operations=st.lists(st.sampled_from(['next'] * 3 + [
           'numpy', 'python', 'save', 'load', 'rewind', 'reset']), max_size=40),
       batch_size=st.integers(1, 25), shuffle=st.booleans(), repeat=st.booleans(),
       n_threads=st.sampled_from([1, 3]))
@example(['next'] * 12, 3, True, True, 3)
@example(['next'] * 12, 23, False, True, 1)
@example(['next'] * 12, 4, True, False, 1)
@example(['next', 'numpy'] * 12, 3, True, True, 1)
@example(['next', 'python'] * 12, 3, True, True, 1)
@example(['next'] * 4 + ['reset'] + ['next'] * 4, 3, False, True, 1)
@example(['next'] * 4 + ['load', 'next'], 3, True, True, 1)
@example([*['next'] * 5, 'save', *['next'] * 4, 'load', 'rewind', *['next'] * 9], 3, True, True, 1)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_it_does_what_a_serial_iterator_does(operations, batch_size, shuffle, repeat, n_threads):
    """Also where others draw between two batches, in a snapshot and from one on."""
    args = operations, batch_size, shuffle, repeat
    expected, _ = history(SerialIterator, *args)
    found, loaded_ahead = history(PrefetchIterator, *args, n_threads=n_threads)
    assert found == expected
    if repeat and operations == ['next'] * 12:
        # All but the first two batches: whether others draw in between is known after the second.
        assert loaded_ahead >= 10 * batch_size
    if {*operations[::2]} == {'next'} and {*operations[1::2]} <= {'numpy', 'python'}:
        assert loaded_ahead == 0


def test_another_share_goes_on_with_the_epoch_alone(prefetching):
    iterator, other = prefetching(Numbers(), 4), prefetching(Numbers(N // 2), 4)
    for _ in range(6):    # to the third pass
        iterator.next()
    other.loads_order = False
    serializers.NpzDeserializer({key: np.array(value) for key, value in serializers.npz.serialize(
        iterator).items()}).load(other)
    other.begin_pass()
    assert (other.epoch, other.current_position) == (2, 0)
    batch = [example[0] for example in other.next() + other.next()]
    assert sorted(batch[:N // 2]) == list(range(N // 2)) and other.epoch == 3


def test_the_next_batch_is_loaded_before_it_is_asked_for(prefetching):
    iterator = prefetching(Numbers(), 3)
    iterator.next(), iterator.next()
    for _ in range(3):
        assert iterator.dataset.ahead.acquire(timeout=60)


def test_another_kind_of_dataset():
    with pytest.raises(TypeError, match='list is no DrawnDataset'):
        PrefetchIterator([1, 2, 3], 2)


def test_an_example_that_cannot_be_loaded_is_an_error_of_its_batch(prefetching):
    iterator = prefetching(Numbers(damaged=7), 1, shuffle=False)
    assert [iterator.next()[0][0] for _ in range(7)] == list(range(7))
    with pytest.raises(DataError, match='example 7 is damaged'):
        iterator.next()
    assert iterator.dataset.ahead._value
