"""Timing and counting; a GPU is an imitation that knows what it was asked."""
import types

import chainer
import numpy as np
import pytest

from benchmarks.device_clock import TO_GPU, TO_HOST, DeviceClock


def test_on_the_cpu():
    clock = DeviceClock(chainer.get_device('@numpy'))
    seconds, result = clock.time(lambda: sum(range(1000)))
    assert 0 < seconds < 1 and result == 499500
    assert clock.count(lambda: 'done') == ({}, 'done')
    assert 10 << 20 < clock.peak() < 64 << 30
    assert not clock.on_gpu


class Event:
    """Records when it was recorded, on a clock that the calls themselves move."""

    def __init__(self, log):
        self.log = log

    def record(self):
        self.log.append('record')
        self.at = len(self.log)

    def synchronize(self):
        self.log.append('synchronize')


class Array:
    def get(self):
        return 'on the host'

    def set(self, values):
        pass


@pytest.fixture
def cupy():
    log = []
    return types.SimpleNamespace(
        log=log, ndarray=Array, array=lambda values: Array(), asarray=lambda values: Array(),
        get_default_memory_pool=lambda: types.SimpleNamespace(total_bytes=lambda: 12345),
        cuda=types.SimpleNamespace(
            Event=lambda: Event(log),
            get_elapsed_time=lambda start, end: 1000.0 * (end.at - start.at)))


def test_on_a_gpu_events_time_the_device(cupy):
    clock = DeviceClock(types.SimpleNamespace(xp=cupy))
    assert clock.time(lambda: cupy.log.append('kernel') or 'done') == (2.0, 'done')
    assert cupy.log == ['record', 'kernel', 'record', 'synchronize']
    assert clock.peak() == 12345


def test_copies_are_counted(cupy):
    clock = DeviceClock(types.SimpleNamespace(xp=cupy))
    before = cupy.asarray, Array.get

    def work():
        array = cupy.asarray(np.zeros(1))
        cupy.array(array)    # on the GPU already
        array.set(np.ones(1))
        return [array.get(), array.get()]

    counts, result = clock.count(work)
    assert counts == {TO_HOST: 2, TO_GPU: 2, 'kernel launches': None}
    assert result == ['on the host'] * 2
    assert (cupy.asarray, Array.get) == before
