import random
import threading

import chainer
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


class Numbers(DrawnDataset, chainer.dataset.DatasetMixin):
    """Examples (i, a number of NumPy's stream, one of Python's); notes which threads load."""

    def __init__(self):
        self.threads = []

    def __len__(self):
        return N

    def draw(self, i, streams):
        return streams.numpy.randint(1 << 30), streams.python.randint(0, 1 << 30)

    def load(self, i, drawn):
        self.threads.append(threading.current_thread().name)
        return int(i), *drawn

    @property
    def loaded_ahead(self):
        return sum(name.startswith('prefetch') for name in self.threads)


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
    """Makes a PrefetchIterator of Numbers that is finalized in the end."""
    made = []

    def make(*args, dataset=None, **kwargs):
        made.append(PrefetchIterator(Numbers() if dataset is None else dataset, *args, **kwargs))
        return made[-1]

    yield make
    for iterator in made:
        iterator.finalize()


def run(iterator, n, between=lambda k: None):
    """n batches, with the state of the iterator and of the streams after each."""
    history = []
    for k in range(n):
        batch = iterator.next()
        history.append((batch, iterator.epoch, iterator.current_position, iterator.is_new_epoch,
                        iterator.epoch_detail, iterator.previous_epoch_detail,
                        Streams().get_states()))
        between(k)
    return history


DRAWS = {'none': lambda: None, 'numpy': np.random.rand, 'python': random.random}


@given(draws=st.lists(st.sampled_from([*DRAWS]), min_size=12, max_size=12),
       batch_size=st.integers(1, 25), shuffle=st.booleans(), n_threads=st.sampled_from([1, 3]))
@example(['none'] * 12, 3, True, 3)
@example(['none'] * 12, 23, False, 1)
@example(['numpy'] * 12, 3, True, 1)
@example(['python'] * 12, 3, True, 1)
@settings(max_examples=60, deadline=None)
def test_batches_and_states_are_those_of_a_serial_iterator(draws, batch_size, shuffle, n_threads):
    """Also where others draw in between, and also in a snapshot."""
    histories, datasets = [], []
    for cls, kwargs in ((SerialIterator, {}), (PrefetchIterator, {'n_threads': n_threads})):
        seed()
        iterator = cls(Numbers(), batch_size, shuffle=shuffle, **kwargs)
        history = run(iterator, 12, lambda k: DRAWS[draws[k]]())
        histories.append((history, {key: np.asarray(value).tobytes() for key, value
                                    in serializers.npz.serialize(iterator).items()}))
        datasets.append(iterator.dataset)
        iterator.finalize()
    assert histories[1] == histories[0]
    if 'none' not in draws:
        assert datasets[1].loaded_ahead == 0
    if set(draws) == {'none'}:
        # All but the first two batches: whether others draw in between is known after the second.
        assert datasets[1].loaded_ahead >= 10 * batch_size


def test_another_share_goes_on_with_the_epoch_alone(prefetching, tmp_path):
    iterator = prefetching(4)
    run(iterator, 6)    # in the third pass
    serializers.save_npz(tmp_path / 'it.npz', iterator)
    share = Numbers()
    share.__class__ = type('Share', (Numbers,), {'__len__': lambda self: N // 2})
    other = prefetching(4, dataset=share)
    other.loads_order = False
    serializers.load_npz(tmp_path / 'it.npz', other)
    other.begin_pass()
    assert (other.epoch, other.current_position) == (2, 0)
    batch = [example[0] for example in other.next() + other.next()]
    assert sorted(batch[:N // 2]) == list(range(N // 2)) and other.epoch == 3


def test_the_next_batch_is_loaded_before_it_is_asked_for(prefetching):
    dataset, loaded = Numbers(), threading.Semaphore(0)
    load = dataset.load

    def load_and_tell(i, drawn):
        if threading.current_thread() is not threading.main_thread():
            loaded.release()
        return load(i, drawn)

    dataset.load = load_and_tell
    run(prefetching(3, dataset=dataset), 2)
    for _ in range(3):
        assert loaded.acquire(timeout=60)


@pytest.mark.parametrize('between', [lambda k: None, lambda k: np.random.rand()])
def test_a_resumed_run_goes_on_as_if_nothing_had_happened(prefetching, tmp_path, between):
    iterator = prefetching(3)
    run(iterator, 5, between)
    serializers.save_npz(tmp_path / 'it.npz', iterator)
    saved = Streams().get_states()
    expected = run(iterator, 9, between)

    other = prefetching(3)
    run(other, 4)       # is ahead of itself when the snapshot is loaded
    serializers.load_npz(tmp_path / 'it.npz', other)
    Streams().set_states(saved)
    assert run(other, 9, between) == expected


def test_a_snapshot_loaded_at_the_same_states_discards_what_was_loaded_ahead(
        prefetching, tmp_path):
    iterator = prefetching(3)
    serializers.save_npz(tmp_path / 'it.npz', iterator)
    run(iterator, 4)
    serializers.load_npz(tmp_path / 'it.npz', iterator)
    states = Streams().get_states()
    batch = iterator.next()
    serial = SerialIterator(Numbers(), 3)
    serializers.load_npz(tmp_path / 'it.npz', serial)
    Streams().set_states(states)
    assert batch == serial.next()


@pytest.mark.parametrize('shuffle', [True, False])    # which decides whether a reset draws
def test_reset_begins_anew(prefetching, shuffle):
    iterator = prefetching(3, shuffle=shuffle)
    run(iterator, 4)
    states = Streams().get_states()
    iterator.reset()
    batches = run(iterator, 4)
    Streams().set_states(states)
    assert batches == run(SerialIterator(Numbers(), 3, shuffle=shuffle), 4)


def test_without_repeat_it_ends_where_a_serial_iterator_does(prefetching):
    expected = [*SerialIterator(Numbers(), 4, repeat=False)]
    seed()
    iterator = prefetching(4, repeat=False)
    assert [*iterator] == expected
    assert iterator.epoch == 1
    with pytest.raises(StopIteration):
        iterator.next()
    iterator.finalize()    # as in the end again, which does no harm


def test_another_kind_of_dataset():
    with pytest.raises(TypeError, match='list is no DrawnDataset'):
        PrefetchIterator([1, 2, 3], 2)


def test_an_example_that_cannot_be_loaded_is_an_error_of_its_batch(prefetching):
    dataset = Numbers()
    load = dataset.load

    def fail(i, drawn):
        if i == 7:
            raise DataError('example 7 is damaged')
        return load(i, drawn)

    dataset.load = fail
    iterator = prefetching(1, dataset=dataset, shuffle=False)
    assert [batch[0][0] for batch, *_ in run(iterator, 7)] == list(range(7))
    with pytest.raises(DataError, match='example 7 is damaged'):
        iterator.next()
    assert iterator.dataset.loaded_ahead
