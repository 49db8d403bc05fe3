"""Readers of files get what an enemy would write, and read it or refuse it with a message.

They may take neither more than 2 seconds nor 256 MB for it, run nothing, and open no other file.
"""
import contextlib
import faulthandler
import functools
import gc
import mmap
import multiprocessing
import os
import re
import resource
import signal
import subprocess
import sys
import traceback
import warnings
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.robustness import hostile
from tests.robustness.targets import ROOT, TARGETS, Target, harmful_archives
from tgan_chainer.errors import DataError, TGANError

SECONDS = 2.0    # of the processor for a file, before the system ends the reader's process
BLOCKED_SECONDS = 600    # not using the processor; long, since a busy machine may let it wait
MEMORY_BYTES = 2 ** 28    # that a file may add to the peak of the memory in use
RESERVE_BYTES = 2 ** 29    # of addresses: what is asked for is not always used

# What no reader does, by names of Python's audit events: run something, or move files about.
FORBIDDEN = ('os.system', 'os.exec', 'os.posix_spawn', 'os.fork', 'os.kill', 'os.chmod',
             'os.symlink', 'os.link', 'subprocess.Popen', 'socket.', 'shutil.',
             'pickle.find_class', 'ctypes.dlopen', 'pty.spawn', 'urllib.Request')

# Modules that are loaded when they are first needed, and what the kernel tells.
READABLE = (sys.prefix, sys.base_prefix, str(ROOT), '/proc/self/', '/usr/lib',
            '/usr/share/zoneinfo')


@contextlib.contextmanager
def feeder(target, folder):
    """A function that has a file of a content read -> 'read', 'refused', or what is wrong.

    In a process of its own, in a folder; in a new one when it ended.
    """
    context, process, pipe = multiprocessing.get_context('fork'), None, None

    def feed(content):
        nonlocal process, pipe
        if process is None or not process.is_alive():
            pipe, theirs = context.Pipe()
            process = context.Process(target=_serve, args=(target, folder, theirs, pipe))
            process.start()
            theirs.close()
        try:
            pipe.send_bytes(content)
            return pipe.recv()
        except (EOFError, ConnectionError):
            process.join()
            return f'the process ended with code {process.exitcode}'
    yield feed
    process.kill()
    process.join()


def _serve(target, folder, pipe, other_end):
    other_end.close()
    warnings.simplefilter('ignore')
    faulthandler.disable()    # the other process tells of a crash
    path, seen = folder / target.file, []
    path.parent.mkdir(exist_ok=True, parents=True)
    sys.addaudithook(functools.partial(_hear, seen, str(folder), target.allowed))
    for content in target.whole():    # fills caches and buffers, which are no file's own doing
        _attempt(target.read, path, content)
    gc.collect()
    in_use = int(Path('/proc/self/statm').read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY_BYTES + RESERVE_BYTES,) * 2)
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
    if event.startswith(FORBIDDEN) and event not in allowed:
        seen.append(f'{event} {arguments!r:.200}')
    elif event == 'open' and isinstance(arguments[0], str | bytes):
        path, (mode, flags) = os.path.abspath(os.fsdecode(arguments[0])), arguments[1:]
        writes = flags & (os.O_WRONLY | os.O_RDWR) and not str(mode).startswith('r')
        if not path.startswith(folder if writes else (folder, *READABLE)):
            seen.append(f'open {path}')


@pytest.mark.parametrize('name', TARGETS)
def test_reads_or_refuses(name, tmp_path, robustness):
    target, outcomes = TARGETS[name], Counter()
    whole = target.whole()
    n_inputs = -(-(1000 * robustness or 60) // target.share)    # rounded up
    with feeder(target, tmp_path) as feed:
        assert 'read' in map(feed, whole)
        for harm, content in (target.harmful | harmful_archives(whole[0])).items():
            assert feed(content) == 'refused', harm

        # Without the flag these are the same inputs each time.
        @settings(max_examples=n_inputs, deadline=None, derandomize=not robustness,
                  suppress_health_check=[*HealthCheck])
        @given(hostile.damaged(whole) | target.inputs(whole))
        def hold(content):
            outcome = feed(content)
            outcomes[outcome] += 1
            assert outcome in ('read', 'refused')
        hold()
    print(f'{name}: {dict(outcomes)}')    # pytest -rP shows it


def refuse(path='another file'):
    raise DataError(f'{path} is bad')


def take_memory():
    # Not from the heap: after other tests it has that much to give without growing.
    with mmap.mmap(-1, 2 ** 29) as memory:
        memory[::mmap.PAGESIZE] = b'1' * (len(memory) // mmap.PAGESIZE)


BAD = {
    'IndexError': [].pop,
    'a message that names no file: another': refuse,
    'memory in use grew|Cannot allocate memory': take_memory,
    # Not in Python, which looks for signals.
    f'ended with code -{signal.SIGPROF}': lambda: re.match('(a|aa)+$', 'a' * 50 + 'b'),
    f'ended with code -{signal.SIGSEGV}': lambda: os.kill(os.getpid(), signal.SIGSEGV),
    f'ended with code -{signal.SIGALRM}': signal.pause,
    'open /etc/hostname': lambda: open('/etc/hostname').close(),
    'open .*harmed': lambda: open('harmed', 'w').close(),
    'subprocess.Popen': lambda: subprocess.run(['true']),
    'os.system': lambda: os.system('true')}


@pytest.mark.parametrize('message', BAD)
def test_what_a_bad_reader_does_is_found(message, tmp_path, monkeypatch):
    def read(path):
        {b'bad': BAD[message], b'refused': lambda: refuse(path), b'whole': int}[path.read_bytes()]()
    # Long where time is not what is tested: a busy machine takes its own for 300 MB.
    for name, code, short, long in (('SECONDS', signal.SIGPROF, 0.2, 10),
                                    ('BLOCKED_SECONDS', signal.SIGALRM, 1, 60)):
        monkeypatch.setitem(globals(), name, short if f'-{code}' in message else long)
    monkeypatch.chdir(tmp_path)
    with feeder(Target('x', lambda: [b'whole'], None, read), tmp_path / 'files') as feed:
        assert feed(b'whole') == 'read'
        assert re.search(message, feed(b'bad'))
        assert feed(b'refused') == 'refused'    # it, or its successor, goes on
