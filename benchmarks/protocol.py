"""The worker's end of a line protocol: a request a line on stdin, an answer a line on stdout.

Stands alone and keeps to the syntax of Python 3.6: workers run on interpreters of their own.

Requests and answers are JSON. The first line that a worker writes describes it, or is
``{"unavailable": reason}``. Then, one by one:

    {"work": NAME, "args": {...}}    one repetition -> {"seconds": S, "peak": bytes so far, ...}
    {}                               forget all works -> {}

or ``{"error": text}``. A work is prepared by its first repetition and kept.
"""
import gc
import json
import os
import sys
import time
import traceback


class UnavailableError(Exception):
    """This cannot run here; the message says why, and what to do."""


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


def serve(environment, works, peak=peak_memory):
    """Serve requests until stdin ends, or Ctrl-C, which the process that asks tells the user of.

    Args:
        environment: Called without arguments -> what this side is, with 'python'.
        works (dict): Name -> function (**args) -> function () of one repetition, whose result has
            'seconds'.
        peak: Called without arguments -> bytes.
    """
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)    # whatever else is printed goes to stderr
    prepared = {}

    def send(message):
        answers.write(json.dumps(message) + '\n')
        answers.flush()
        return message

    def answer(request, line):
        if not request:
            prepared.clear()
            gc.collect()
            return {}
        if line not in prepared:
            prepared[line] = works[request['work']](**request['args'])
        return dict(prepared[line](), peak=peak())

    try:
        if 'python' in send(_answered(environment)):
            for line in sys.stdin:
                send(_answered(answer, json.loads(line), line))
    except KeyboardInterrupt:
        pass


def _answered(function, *args):
    try:
        return function(*args)
    except UnavailableError as reason:
        return {'unavailable': str(reason)}
    except Exception as error:    # the code of a side may raise anything
        traceback.print_exc()
        sys.stderr.flush()
        return {'error': f'{type(error).__name__}: {" ".join(str(error).split())}'}
