"""A process that feeds one reader, and the watch over it."""
import contextlib
import ctypes
import faulthandler
import gc
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

from tgan_chainer.errors import TGANError
from trust.fuzz.targets import TARGETS
from trust.processes import cpu_seconds

SECONDS = 2.0
"""Processor time that an input may take."""

MEMORY_BYTES = 2 ** 28
"""What an input may add to the peak of the memory in use, the address space to that before."""

# What a worker that does not even answer its alarm may take: of the processor, and, where it takes
# none, of time. The second is long, since a busy machine may let it wait.
_HANG_CPU_SECONDS, _HANG_SECONDS = 10, 600
_RESERVE_BYTES = 2 ** 29    # of addresses: what is asked for is not always used

# What no reader does, by names of Python's audit events: run something, or move files about.
_FORBIDDEN = ('os.system', 'os.exec', 'os.posix_spawn', 'os.fork', 'os.forkpty', 'os.kill',
              'subprocess.Popen', 'socket.', 'shutil.', 'pickle.find_class', 'os.chmod',
              'os.symlink', 'os.link', 'ctypes.dlopen', 'pty.spawn', 'urllib.Request')


class _TooSlow(BaseException):
    """Not an Exception, which a reader may turn into its own."""


class Tally(ctypes.Structure):
    """What became of the inputs; lies in memory that worker and watch share."""

    _fields_ = [('next', ctypes.c_longlong), ('accepted', ctypes.c_longlong),
                ('refused', ctypes.c_longlong), ('slowest', ctypes.c_double),
                ('grown', ctypes.c_longlong)]


def make_input(name, seed, index, seeds):
    """Input number ``index`` of a target -> bytes, the same in every process."""
    return TARGETS[name].make(random.Random(f'{name}/{seed}/{index}'), seeds)


def run(name, seed, n_inputs, report):
    """Feed ``n_inputs`` to a target -> :class:`Tally`.

    Args:
        report (callable): (index, what is wrong), for every failure.
    """
    context = multiprocessing.get_context('fork')
    tally = context.Value(Tally, lock=False)
    failures = context.SimpleQueue()
    while tally.next < n_inputs:
        process = context.Process(target=_work, args=(name, seed, n_inputs, tally, failures))
        process.start()
        ended_by = _watch(process, tally)
        while not failures.empty():
            report(*failures.get())
        if ended_by:
            report(tally.next, ended_by)
            tally.next += 1
    return tally


def _watch(process, tally):
    """Wait for a worker -> None, or how the input of now ended or blocked it."""
    seen, since = -1, None
    while process.is_alive():
        process.join(0.2)
        now = time.monotonic(), cpu_seconds(process.pid)
        if tally.next != seen:
            seen, since = tally.next, now
        elif now[0] - since[0] > _HANG_SECONDS or now[1] - since[1] > _HANG_CPU_SECONDS:
            process.kill()
            process.join()
            return (f'no answer for {now[0] - since[0]:.0f} seconds, of which '
                    f'{now[1] - since[1]:.0f} on the processor')
    return f'the process ended with code {process.exitcode}' if process.exitcode else None


def _work(name, seed, n_inputs, tally, failures):
    """Go on from ``tally.next``, until the end or a failure that needs a new process."""
    warnings.simplefilter('ignore')
    target = TARGETS[name]
    seeds = target.seeds()
    shared = '/dev/shm' if os.access('/dev/shm', os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix='trust-fuzz-', dir=shared))
    faulthandler.disable()    # a crash is told by the process that watches
    try:
        path = folder / target.file
        path.parent.mkdir(exist_ok=True)
        read = target.prepare(folder)
        # Fills caches and buffers, too, which are none of an input's own doing.
        outcomes = [_attempt(read, path, content) for content in seeds]
        if 'accepted' not in outcomes:
            failures.put((-1, f'no seed is accepted: {outcomes}'))
        _limit_addresses()
        guard = _Guard(folder, target.allowed)
        signal.signal(signal.SIGPROF, _too_slow)
        while tally.next < n_inputs:
            problem = _feed(name, seed, seeds, read, path, tally, guard)
            if problem:
                failures.put((tally.next, problem))
            tally.next += 1
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _feed(name, seed, seeds, read, path, tally, guard):
    """Feed the next input -> None, or what is wrong."""
    content = make_input(name, seed, tally.next, seeds)
    before, peak = time.process_time(), _peak()
    with guard:
        outcome = _attempt(read, path, content)
    tally.slowest = max(tally.slowest, time.process_time() - before)
    grown = _peak() - peak
    tally.grown = max(tally.grown, grown)
    if guard.seen:
        return f'what no reader does: {guard.seen}'
    if grown > MEMORY_BYTES:
        return f'the memory in use grew by {grown / 2 ** 20:.0f} MB'
    if outcome == 'accepted':
        tally.accepted += 1
    elif outcome == 'refused':
        tally.refused += 1
    else:
        return outcome
    return None


def _attempt(read, path, content):
    """'accepted', 'refused', or the traceback of what is neither."""
    path.write_bytes(content)
    try:
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        try:
            read()
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
        return 'accepted'
    except TGANError as error:
        told = path.name.split('.')[0] in str(error) or path.parent.name in str(error)
        return 'refused' if told else f'a message that names no file: {error}'
    except (Exception, _TooSlow):
        return traceback.format_exc()


def _too_slow(number, frame):
    raise _TooSlow(f'more than {SECONDS} seconds')


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _limit_addresses():
    gc.collect()
    in_use = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY_BYTES + _RESERVE_BYTES,) * 2)


class _Guard(contextlib.AbstractContextManager):
    """Sees, while it is entered, what the process does that a reader has no reason for.

    Args:
        folder: Where files may be made.
        allowed (tuple): Events that are allowed all the same.

    Attributes:
        seen (str or None): The first such thing.
    """

    def __init__(self, folder, allowed):
        self.folder = str(folder)
        self._allowed = allowed
        self.seen = None
        self._on = False
        # Modules that are loaded when they are first needed, and what the kernel tells.
        self._readable = (self.folder, sys.prefix, sys.base_prefix, '/proc/self/',
                          str(Path(__file__).parents[2]), '/usr/lib', '/usr/share/zoneinfo')
        sys.addaudithook(self._hear)

    def __enter__(self):
        self.seen, self._on = None, True
        return self

    def __exit__(self, *exception):
        self._on = False

    def _hear(self, event, arguments):
        if not self._on or self.seen or event in self._allowed:
            return
        if event.startswith(_FORBIDDEN):
            self.seen = f'{event} {arguments!r:.200}'
        elif event == 'open' and isinstance(arguments[0], str | bytes):
            path = os.path.abspath(os.fsdecode(arguments[0]))
            if not path.startswith(self._readable) or (
                    _writes(*arguments[1:]) and not path.startswith(self.folder)):
                self.seen = f'open {path}'


def _writes(mode, flags):
    return bool(flags & (os.O_WRONLY | os.O_RDWR)) and not str(mode).startswith('r')
