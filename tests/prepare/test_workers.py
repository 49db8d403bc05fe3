import os
import signal
import subprocess
import sys

import pytest

from tgan_chainer.errors import DataError
from tgan_chainer.prepare.workers import map_in_order


def fail_at_three(task):
    if task == 3:
        raise DataError('task 3 failed')
    return task


def die_at_three(task):
    if task == 3:
        os._exit(1)
    return task


@pytest.mark.parametrize('n_workers, n_begun', [(1, 4), (2, 8)])
def test_an_error_comes_in_its_turn_and_few_tasks_are_begun_before(n_workers, n_begun):
    begun = []

    def tasks():
        for task in range(100):
            begun.append(task)
            yield task

    results = map_in_order(fail_at_three, tasks(), n_workers)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(DataError, match='task 3 failed'):
        next(results)
    assert len(begun) == n_begun


def test_a_worker_that_is_killed():
    assert [*map_in_order(die_at_three, range(3))] == [0, 1, 2]    # as many as there are cores
    with pytest.raises(DataError, match='a worker process was killed.*fewer --workers'):
        [*map_in_order(die_at_three, range(9), 2)]


def test_workers_end_with_a_parent_that_is_killed():
    script = ('import os, signal, time\n'
              'from tgan_chainer.prepare.workers import map_in_order\n'
              'for done, _ in enumerate(map_in_order(time.sleep, [0] * 40, 2)):\n'
              '    if done == 30:\n'
              '        os.kill(os.getpid(), signal.SIGKILL)\n')
    # They have its standard output, too, so that this waits for the end of all.
    ended = subprocess.run([sys.executable, '-c', script], stdout=subprocess.PIPE, timeout=60)
    assert ended.returncode == -signal.SIGKILL
