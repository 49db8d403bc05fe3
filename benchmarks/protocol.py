"""The worker's end of a line protocol: a request a line on stdin, an answer a line on stdout.

Stands alone and keeps to the syntax of Python 3.6: workers run on interpreters of their own.

Requests and answers are JSON. The first line that a worker writes describes it, or is
``{"unavailable": reason}``. Then, one by one:

    {"do": "prepare", "key": K, "work": NAME, "args": {...}}    -> {"facts": {...}}
    {"do": "run", "key": K}       one repetition                -> {"seconds": [...], ...}
    {"do": "forget", "key": K}                                  -> {}
    {"do": "peak"}                memory, so far                -> {"bytes": N}

or ``{"error": text}``, or ``{"unavailable": reason}`` of a work that cannot run there.
"""
import gc
import json
import os
import resource
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


def peak_memory():
    """The most memory this process has had, in bytes."""
    try:
        with open('/proc/self/status') as file:
            line, = (line for line in file if line.startswith('VmHWM:'))
        return int(line.split()[1]) * 1024
    except (OSError, ValueError):
        # Not asked first: where a process was started by a large one, it counts that one's.
        unit = 1 if sys.platform == 'darwin' else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def serve(environment, works, peak=peak_memory):
    """Serve requests until stdin ends.

    Args:
        environment: Called without arguments -> what this side is, for the first line.
        works (dict): Name -> function (**args) -> object with ``facts`` and with ``run()``, one
            repetition, whose result has 'seconds'.
        peak: Called without arguments -> bytes.
    """
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)    # whatever else is printed goes to stderr

    def send(message):
        answers.write(json.dumps(message) + '\n')
        answers.flush()

    def prepare(key, work, args):
        prepared.pop(key, None)
        prepared[key] = works[work](**args)
        return {'facts': prepared[key].facts}

    def forget(key):
        prepared.pop(key, None)
        gc.collect()
        return {}

    prepared = {}
    actions = {'prepare': prepare, 'run': lambda key: prepared[key].run(), 'forget': forget,
               'peak': lambda: {'bytes': peak()}}
    first = _answered(environment)
    send(first)
    if 'unavailable' in first or 'error' in first:
        return
    for line in sys.stdin:
        request = json.loads(line)
        send(_answered(actions[request.pop('do')], **request))


def _answered(function, **args):
    try:
        return function(**args)
    except UnavailableError as reason:
        return {'unavailable': str(reason)}
    except Exception as error:    # the code of a side may raise anything
        traceback.print_exc()
        sys.stderr.flush()
        return {'error': f'{type(error).__name__}: {" ".join(str(error).split())}'}
