"""Faults inside a training: Python imports this by its name before anything else.

TRUST_FAULT is `count:FILE`, `kill:N` or `clock`; the first two are about operations on files below
TRUST_FOLDER: opening one to write it, renaming, removing, making a folder.
"""
import atexit
import itertools
import os
import signal
import sys
import time

_EVENTS = ('open', 'os.rename', 'os.remove', 'os.mkdir')


def _on_operation(folder, act):
    """Call ``act`` before each operation."""
    def hear(event, arguments):
        if event in _EVENTS and isinstance(arguments[0], str | os.PathLike):
            path = os.path.abspath(os.fspath(arguments[0]))
            reads = event == 'open' and not arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if path.startswith(folder) and not reads:
                act()
    sys.addaudithook(hear)


def _count_into(path):
    seen = itertools.count()
    _on_operation(os.environ['TRUST_FOLDER'], seen.__next__)

    def write():
        with open(path, 'w') as file:
            file.write(str(next(seen)))
    atexit.register(write)


def _kill_at(number):
    seen = itertools.count(1)

    def act():
        if next(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)
    _on_operation(os.environ['TRUST_FOLDER'], act)


def _turn_clock_back():
    """From the 30th question on ``time.time`` says 1970, then 2100, and so on.

    ``datetime`` keeps its own clock, of which only the names of folders and records are made.
    """
    asked, ask = itertools.count(), time.time
    dates = itertools.cycle((10.0, 4.1e9, 86400.0))
    time.time = lambda: ask() if next(asked) < 30 else next(dates)


_kind, _, _argument = os.environ.get('TRUST_FAULT', '').partition(':')
if _kind == 'count':
    _count_into(_argument)
elif _kind == 'kill':
    _kill_at(int(_argument))
elif _kind == 'clock':
    _turn_clock_back()
