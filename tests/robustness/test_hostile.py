"""Readers of files get what an enemy would write, and read it or refuse it with a message.

They may take neither more than 2 seconds nor 256 MB for it, run nothing, and open no other file.
"""
import mmap
import os
import re
import signal
import subprocess
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings

from tests.robustness import feeder, hostile
from tests.robustness.targets import TARGETS, Target, harmful_archives
from tgan_chainer.errors import DataError


@pytest.mark.parametrize('name', TARGETS)
def test_reads_or_refuses(name, tmp_path, robustness):
    target, outcomes = TARGETS[name], Counter()
    whole = target.whole()
    n_inputs = -(-(1000 * robustness or 60) // target.share)    # rounded up
    with feeder.feeder(target, tmp_path) as feed:
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


# -- what is noticed -------------------------------------------------------------------------------

def take_memory():
    # Not from the heap: after other tests it has that much to give without growing.
    with mmap.mmap(-1, 2 ** 29) as memory:
        for start in range(0, len(memory), mmap.PAGESIZE):
            memory[start] = 1


def take_time():
    re.match('(a|aa)+$', 'a' * 50 + 'b')    # not in Python, which looks for signals


def refuse(path='another file'):
    raise DataError(f'{path} is bad')


@pytest.mark.parametrize('act, message', [
    ([].pop, 'IndexError'),
    (refuse, 'a message that names no file: another'),
    (take_memory, 'memory in use grew|Cannot allocate memory'),
    (take_time, f'ended with code -{signal.SIGPROF}'),
    (lambda: os.kill(os.getpid(), signal.SIGSEGV), f'ended with code -{signal.SIGSEGV}'),
    (signal.pause, f'ended with code -{signal.SIGALRM}'),
    (lambda: open('/etc/hostname').close(), 'open /etc/hostname'),
    (lambda: open('harmed', 'w').close(), 'open .*harmed'),
    (lambda: subprocess.run(['true']), 'subprocess.Popen'),
    (lambda: os.system('true'), 'os.system'),
], ids=['error', 'message', 'memory', 'time', 'crash', 'blocked', 'open', 'write', 'run', 'system'])
def test_what_a_bad_reader_does_is_found(act, message, tmp_path, monkeypatch):
    def read(path):
        {b'bad': act, b'refused': lambda: refuse(path), b'whole': int}[path.read_bytes()]()
    # Long where time is not what is tested: a busy machine takes its own for 300 MB.
    monkeypatch.setattr(feeder, 'SECONDS', 0.2 if act is take_time else 10)
    monkeypatch.setattr(feeder, 'BLOCKED_SECONDS', 1 if act is signal.pause else 60)
    monkeypatch.chdir(tmp_path)
    with feeder.feeder(Target('x', lambda: [b'whole'], None, read), tmp_path / 'files') as feed:
        assert feed(b'whole') == 'read'
        assert re.search(message, feed(b'bad'))
        assert feed(b'refused') == 'refused'    # it, or its successor, goes on
