import multiprocessing
import os
import random

import numpy as np
import pytest
from chainer.iterators import MultiprocessIterator

from tgan_chainer.datasets.drawing import DrawnDataset
from tgan_chainer.random_streams import Streams, global_streams

FORK = multiprocessing.get_context('fork')


@pytest.fixture(autouse=True)
def seeded():
    state = random.getstate()
    np.random.seed(0)
    random.seed(0)
    yield
    random.setstate(state)


class Numbers(DrawnDataset):
    """Examples (i, a number of NumPy's stream, one of Python's)."""

    def __len__(self):
        return 64

    def draw(self, i, streams):
        return streams.numpy.randint(1 << 30), streams.python.randint(0, 1 << 30)

    def load(self, i, drawn):
        return i, *drawn


def drawn_in(name, seed=None):
    """An example as a forked worker of that name draws it; it may seed itself first."""
    def work(pipe):
        if seed is not None:
            np.random.seed(seed)
            random.seed(seed)
        pipe.send(Numbers()[0])

    ours, theirs = FORK.Pipe()
    process = FORK.Process(target=work, args=(theirs,), name=name)
    process.start()
    assert ours.poll(60), 'the worker did not answer'
    example = ours.recv()
    process.join()
    return example


def test_examples_draw_from_the_global_streams():
    states = Streams().get_states()
    assert global_streams() == Streams()
    assert Streams().get_states() == states    # this process keeps its streams
    examples = Numbers()[[5, 2]]
    Streams().set_states(states)
    assert examples == [(i, np.random.randint(1 << 30), random.randint(0, 1 << 30))
                        for i in (5, 2)]


def test_states_can_be_compared_and_brought_back():
    states = Streams().get_states()
    first = np.random.randn(), random.gauss(0, 1)   # each keeps a second number for later
    between = Streams().get_states()
    assert between != states
    second = np.random.randn(), random.gauss(0, 1)
    Streams().set_states(between)
    assert (np.random.randn(), random.gauss(0, 1)) == second
    copies = Streams(np.random.RandomState(), random.Random())
    copies.set_states(states)
    assert (copies.numpy.randn(), copies.python.gauss(0, 1)) == first


@pytest.mark.filterwarnings('ignore:setDaemon:DeprecationWarning')  # Chainer's
def test_workers_draw_each_its_own_numbers_and_the_same_for_the_same_seed():
    iterator = MultiprocessIterator(Numbers(), 8, shuffle=None, n_processes=4)
    examples = [example for _ in range(16) for example in iterator.next()]
    iterator.finalize()
    assert sorted(i for i, *_ in examples) == sorted([*range(64)] * 2)
    assert len({number for _, *drawn in examples for number in drawn}) == 2 * 128
    ours = drawn_in('worker-1')
    assert drawn_in('worker-1') == ours != drawn_in('worker-2')
    np.random.seed(1)
    assert drawn_in('worker-1') != ours


def test_a_process_that_seeds_itself_or_is_no_worker_is_left_alone():
    example = drawn_in('worker-1', seed=7)
    np.random.seed(7)
    random.seed(7)
    assert Numbers()[0] == example
    reader, writer = os.pipe()
    if os.fork() == 0:    # Python seeds its own stream in every fork
        os.write(writer, str(Numbers()[0][1]).encode())
        os._exit(0)
    os.wait()
    assert int(os.read(reader, 1000)) == Numbers()[0][1]
