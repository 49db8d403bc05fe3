"""A process that feeds a reader, and sees what it does."""
import contextlib
import faulthandler
import functools
import gc
import multiprocessing
import os
import resource
import signal
import sys
import traceback
import warnings
from pathlib import Path

from tests.robustness.targets import ROOT
from tgan_chainer.errors import TGANError

SECONDS = 2.0
"""Processor time that a reader may take for a file, before the system ends its process."""

BLOCKED_SECONDS = 600
"""Time that it may take without using the processor; long, since a busy machine may let it wait."""

MEMORY_BYTES = 2 ** 28
"""What a file may add to the peak of the memory in use."""

_RESERVE_BYTES = 2 ** 29    # of addresses: what is asked for is not always used

# What no reader does, by names of Python's audit events: run something, or move files about.
_FORBIDDEN = ('os.system', 'os.exec', 'os.posix_spawn', 'os.fork', 'os.kill', 'os.chmod',
              'os.symlink', 'os.link', 'subprocess.Popen', 'socket.', 'shutil.',
              'pickle.find_class', 'ctypes.dlopen', 'pty.spawn', 'urllib.Request')

# Modules that are loaded when they are first needed, and what the kernel tells.
_READABLE = (sys.prefix, sys.base_prefix, str(ROOT), '/proc/self/', '/usr/lib',
             '/usr/share/zoneinfo')


@contextlib.contextmanager
def feeder(target, folder):
    """A function that has a file of a content read -> 'read', 'refused', or what is wrong.

    In a process of its own, in a folder; in a new one when it ended.
    """
    context, process, whole = multiprocessing.get_context('fork'), None, target.whole()

    def feed(content):
        nonlocal process, pipe
        if process is None or not process.is_alive():
            pipe, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(target, whole, folder, theirs, pipe))
            process.start()
            theirs.close()
        try:
            pipe.send_bytes(content)
            return pipe.recv()
        except (EOFError, ConnectionError):
            process.join()
            return f'the process ended with code {process.exitcode}'
    pipe = None
    yield feed
    process.kill()
    process.join()


def _serve(target, whole, folder, pipe, other_end):
    other_end.close()
    warnings.simplefilter('ignore')
    faulthandler.disable()    # the other process tells of a crash
    path, seen = folder / target.file, []
    path.parent.mkdir(exist_ok=True, parents=True)
    sys.addaudithook(functools.partial(_hear, seen, str(folder), target.allowed))
    for content in whole:    # fills caches and buffers, which are no file's own doing
        _attempt(target.read, path, content)
    gc.collect()
    in_use = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY_BYTES + _RESERVE_BYTES,) * 2)
    while True:    # until it is killed
        content, peak = pipe.recv_bytes(), _peak()
        seen.clear()
        outcome = _attempt(target.read, path, content)
        grown = _peak() - peak
        if seen:
            outcome = f'what no reader does: {seen[0]}'
        elif grown > MEMORY_BYTES:
            outcome = f'the memory in use grew by {grown / 2 ** 20:.0f} MB'
        pipe.send(outcome)


def _attempt(read, path, content):
    """'read', 'refused', or the traceback of what is neither."""
    path.write_bytes(content)
    # By default their signals end the process, also in code that is not Python's.
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    signal.setitimer(signal.ITIMER_REAL, BLOCKED_SECONDS)
    try:
        read(path)
        return 'read'
    except TGANError as error:
        told = path.name.split('.')[0] in str(error) or path.parent.name in str(error)
        return 'refused' if told else f'a message that names no file: {error}'
    except Exception:
        return traceback.format_exc()
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)


def _peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _hear(seen, folder, allowed, event, arguments):
    """Add to ``seen`` what is forbidden, and files that are opened elsewhere."""
    if event.startswith(_FORBIDDEN) and event not in allowed:
        seen.append(f'{event} {arguments!r:.200}')
    elif event == 'open' and isinstance(arguments[0], str | bytes):
        path, (mode, flags) = os.path.abspath(os.fsdecode(arguments[0])), arguments[1:]
        writes = flags & (os.O_WRONLY | os.O_RDWR) and not str(mode).startswith('r')
        if not path.startswith(folder if writes else (folder, *_READABLE)):
            seen.append(f'open {path}')
