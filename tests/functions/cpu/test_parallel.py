import concurrent.futures
import multiprocessing
import threading

import numpy as np
import pytest
import threadpoolctl

from tgan_chainer.errors import ConfigError
from tgan_chainer.functions.cpu import parallel


def blas_threads():
    return [library['num_threads'] for library in threadpoolctl.threadpool_info()
            if library['user_api'] == 'blas']


@pytest.mark.parametrize('threads, libraries', [
    ('1', parallel._blas_libraries), ('3', parallel._blas_libraries), ('2', list)])
def test_every_item_is_done_once_with_a_known_blas_and_without(threads, libraries, monkeypatch):
    monkeypatch.setenv('TGAN_NUM_THREADS', threads)
    monkeypatch.setattr(parallel, '_blas_libraries', libraries)
    done = []
    parallel.run(done.append, range(500))
    assert sorted(done) == list(range(500))


def test_number_of_threads(monkeypatch):
    monkeypatch.setenv('TGAN_NUM_THREADS', '3')
    meeting = threading.Barrier(3, timeout=20)    # passed only by three threads at the same time
    parallel.run(lambda item: meeting.wait(), range(3))


def test_number_of_threads_is_the_number_of_cpus(monkeypatch):
    monkeypatch.delenv('TGAN_NUM_THREADS', raising=False)
    monkeypatch.setattr(parallel, '_CPUS', 7)
    assert parallel.num_threads() == 7


@pytest.mark.parametrize('text', ['', '0', '-1', 'two', '1.5'])
def test_number_of_threads_must_be_positive(text, monkeypatch):
    monkeypatch.setenv('TGAN_NUM_THREADS', text)
    with pytest.raises(ConfigError, match='TGAN_NUM_THREADS'):
        parallel.run(print, [1])


def test_blas_has_one_thread_inside_and_its_own_again_afterwards():
    with threadpoolctl.threadpool_limits(2, user_api='blas'):
        before = blas_threads()
        inside = []
        parallel.run(lambda item: inside.extend(blas_threads()), range(4))
        assert set(inside) <= {1}
        assert blas_threads() == before


def test_errors_are_raised_and_leave_the_pool_usable(monkeypatch):
    monkeypatch.setenv('TGAN_NUM_THREADS', '2')
    before = blas_threads()
    with pytest.raises(ZeroDivisionError):
        parallel.run(lambda item: 1 / item, [1, 2, 0, 3])
    assert blas_threads() == before
    done = []
    parallel.run(done.append, range(5))
    assert len(done) == 5


def test_helpers_without_a_processor_are_not_waited_for(monkeypatch):
    monkeypatch.setenv('TGAN_NUM_THREADS', '2')
    held = threading.Event()
    workers = [parallel._pool(2).submit(held.wait, 20) for _ in range(2)]
    try:
        done = []
        parallel.run(done.append, range(5))
        assert done == list(range(5))
        assert not any(worker.done() for worker in workers)
    finally:
        held.set()


def _sum_in_threads(queue):
    sums = []
    parallel.run(lambda item: sums.append(float(np.ones((50, 50)).dot(np.ones(50))[0])), range(8))
    queue.put(sum(sums))


def test_works_after_a_fork():
    parallel.run(lambda item: None, range(8))    # the threads of the parent exist now
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    with parallel._region:    # as if another thread of the parent were in a kernel
        process = context.Process(target=_sum_in_threads, args=(queue,))
        process.start()
    assert queue.get(timeout=20) == 400
    process.join(20)
    assert process.exitcode == 0


def test_workspace_is_reused_and_grows_but_large_arrays_are_not_kept(monkeypatch):
    monkeypatch.setattr(parallel, '_MOST_KEPT', 200)
    first = parallel.workspace('test', (4, 6), np.uint8)
    assert first.shape == (4, 6) and first.dtype == np.uint8
    assert np.shares_memory(first, parallel.workspace('test', (2, 3), np.float32))
    larger = parallel.workspace('test', (5, 20), np.uint16)
    assert larger.shape == (5, 20) and not np.shares_memory(first, larger)
    large = parallel.workspace('test', (201,), np.uint8)
    assert large.shape == (201,) and not np.shares_memory(larger, large)
    assert np.shares_memory(larger, parallel.workspace('test', (200,), np.uint8))
    with concurrent.futures.ThreadPoolExecutor() as other:
        theirs = other.submit(parallel.workspace, 'test', (10,), np.uint8).result()
    assert not np.shares_memory(larger, theirs)
