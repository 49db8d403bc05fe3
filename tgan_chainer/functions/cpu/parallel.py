"""Threads for the CPU kernels: one pool, one thread of BLAS in each worker.

NumPy releases the GIL inside copies and matrix products, so Python threads are enough. A kernel is
cut into tasks by its shapes alone, each task writes memory of its own, and sums over tasks are
taken afterwards in a fixed order: results have the same bits for every number of threads and
whatever the timing.
"""
import concurrent.futures
import contextlib
import functools
import math
import os
import threading

import numpy as np
import threadpoolctl

from tgan_chainer.errors import ConfigError

# One parallel region at a time: BLAS has one number of threads for the whole process.
_region = threading.Lock()
_local = threading.local()
_CPUS = os.cpu_count() or 1    # a system call, which takes as long as a small kernel

# Bytes of a line of the cache, at which workspace memory begins: no vector is then in two of them.
_LINE = 64
# Bytes of the largest array that is kept: of more, as C3D's of 48 clips, fresh memory costs little.
_MOST_KEPT = 1 << 28
TASK_ELEMENTS = 1 << 17    #: Elements that make a task, where a kernel is one pass through them.


def num_threads():
    """Number of threads of a kernel: ``TGAN_NUM_THREADS``, or the number of CPUs.

    Raises:
        ConfigError: ``TGAN_NUM_THREADS`` is not a positive integer.
    """
    text = os.environ.get('TGAN_NUM_THREADS')
    if text is None:
        return _CPUS
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f'TGAN_NUM_THREADS is {text!r}; expected a positive integer.')
    return int(text)


def run(task, items):
    """Call ``task(item)`` for every item, on all threads of the kernels, and wait.

    Items are handed out in order, so put long ones first. An exception of a task is raised here,
    after all threads have stopped.
    """
    items = list(items)
    queue = iter(items)
    extra = min(num_threads(), len(items)) - 1    # the calling thread works too

    def drain():
        for item in queue:    # next() of a list iterator is atomic: every item is taken once
            task(item)

    with _region, single_threaded_blas():
        helpers = [_pool(num_threads()).submit(drain) for _ in range(extra)]
        try:
            drain()
        finally:
            # A helper that has no processor yet is not waited for: everything is taken.
            errors = [helper.exception() for helper in helpers if not helper.cancel()]
        for error in filter(None, errors):
            raise error


def run_elementwise(function, arrays, *numbers):
    """Call a kernel with the same parts of all arrays, on all threads."""
    arrays = [array.reshape(-1) for array in arrays]
    # NumPy, too, takes a Python number in the precision of the array.
    numbers = [arrays[0].dtype.type(number) for number in numbers]
    run(lambda part: function(*(a[slice(*part)] for a in arrays), *numbers),
        cuts(arrays[0].size, TASK_ELEMENTS))


def cuts(length, step):
    """(start, stop) pairs that cut range(length) into pieces of `step`, the last one shorter."""
    return [(i, min(i + step, length)) for i in range(0, length, step)]


def split(length, parts):
    """Cut range(length) into at most `parts` (start, stop) pairs of nearly equal length."""
    return cuts(length, -(-length // min(parts, length)))


def workspace(name, shape, dtype):
    """An uninitialised array of this thread's memory `name`, valid until the name is used again.

    The memory is kept between calls: fresh memory costs a page fault every 4 KiB, and a reused
    block is still in the cache. Large arrays are not kept, which would hold what is needed once.
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    buffers = _local.__dict__ if size <= _MOST_KEPT else {}
    if name not in buffers or buffers[name].nbytes < size:
        memory = np.empty(size + _LINE, np.uint8)
        buffers[name] = memory[-memory.ctypes.data % _LINE:]
    return buffers[name][:size].view(dtype).reshape(shape)


@functools.cache
def _blas_libraries():
    return threadpoolctl.ThreadpoolController().select(user_api='blas').lib_controllers


@contextlib.contextmanager
def single_threaded_blas():
    """A context in which BLAS, in the whole process, has one thread.

    Of more, each waits for the others in every small product and every step of a factorisation: on
    a machine with other work that takes many times what one thread takes.
    """
    # threadpoolctl's own context manager inspects every library anew; this costs a microsecond.
    before = [(library, count) for library in _blas_libraries()
              if (count := library.get_num_threads()) != 1]
    try:
        for library, _ in before:
            library.set_num_threads(1)
        yield
    finally:
        for library, count in before:
            library.set_num_threads(count)


@functools.cache
def _pool(threads):
    return concurrent.futures.ThreadPoolExecutor(threads, thread_name_prefix='tgan-kernel')


def _forget_threads():
    # Threads do not survive a fork, and the lock may have been held by one of them.
    global _region
    _region = threading.Lock()
    _pool.cache_clear()


os.register_at_fork(after_in_child=_forget_threads)
