import types

import numpy as np

from benchmarks import recipe


class Event:
    """Records when it was recorded, on a clock that the calls themselves move."""

    def __init__(self, log):
        self.log = log

    def record(self):
        self.log.append('record')
        self.at = len(self.log)

    def synchronize(self):
        self.log.append('synchronize')


def test_on_a_gpu_events_time_the_device_and_the_host_draws():
    log = []
    cupy = types.SimpleNamespace(
        asarray=lambda array: ('on the GPU', array), random=types.SimpleNamespace(),
        get_default_memory_pool=lambda: types.SimpleNamespace(total_bytes=lambda: 12345),
        cuda=types.SimpleNamespace(
            Event=lambda: Event(log),
            get_elapsed_time=lambda start, end: 1000.0 * (end.at - start.at)))
    clock, peak = recipe.chainer_device(cupy)
    assert clock(lambda: log.append('kernel') or 'done') == (2.0, 'done')
    assert log == ['record', 'kernel', 'record', 'synchronize']
    assert peak() == 12345
    np.random.seed(1)
    where, drawn = cupy.random.uniform(-1, 1, (2, 3))
    assert where == 'on the GPU'
    np.testing.assert_array_equal(drawn, np.random.RandomState(1).uniform(-1, 1, (2, 3)))
