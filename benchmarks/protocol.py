"""Clocks and memory of the workers.

Stands alone and keeps to the syntax of Python 3.6: workers run on interpreters of their own.
"""
import time


def time_on_host(function):
    """Call ``function()`` -> (seconds, what it returned)."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def time_on_device(new_event, milliseconds, function):
    """The same with a GPU's seconds, between two events of its stream.

    ``new_event()`` makes one, ``milliseconds(start, end)`` is the time between two.
    """
    start, end = new_event(), new_event()
    start.record()
    result = function()
    end.record()
    end.synchronize()
    return milliseconds(start, end) / 1000, result


def chainer_device(xp):
    """For NumPy or CuPy as ``xp`` -> function that times a call, and one that gives peak memory.

    On a GPU the networks' latent vectors are drawn on the host from now on, as PyTorch's side draws
    them: CuPy's generator has a stream of its own, and then no two losses would agree.
    """
    if not hasattr(xp, 'cuda'):
        return time_on_host, peak_memory
    import numpy
    xp.random.uniform = lambda *args: xp.asarray(numpy.random.uniform(*args))
    return (lambda function: time_on_device(xp.cuda.Event, xp.cuda.get_elapsed_time, function),
            lambda: xp.get_default_memory_pool().total_bytes())


def peak_memory():
    """The most memory this process has had, in bytes."""
    with open('/proc/self/status') as file:
        line, = (line for line in file if line.startswith('VmHWM:'))
    return int(line.split()[1]) * 1024
