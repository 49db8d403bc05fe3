"""Workers that are not there: answers by name, and a log of who was asked what."""
import dataclasses

import pytest

from benchmarks.registry import Session
from benchmarks.sides import NotRunError, Options, SideError


class FakeWorker:
    """Answers like a worker; what it was asked stands in ``log``, which all workers share."""

    alive = True

    def __init__(self, name, log, seconds, found, later, fails_at):
        self.name, self.log = name, log
        self.seconds, self.fails_at = iter(seconds), fails_at
        self.found = {'found': found or {}, 'found after update': later or {}}

    def prepare(self, key, work, **args):
        self._ask('prepare', key)
        return {'size': 1}

    def run(self, key):
        self._ask('run', key)
        return {'seconds': next(self.seconds), **self.found}

    def forget(self, key):
        self._ask('forget', key)

    def peak(self):
        return next(self.seconds)[0]

    def close(self):
        pass

    def _ask(self, what, key):
        self.log.append((what, self.name))
        if what == self.fails_at:
            raise SideError(f'{self.name} broke')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@dataclasses.dataclass
class FakeSides:
    """Fake workers by name; an entry that is a text says why there is none."""

    workers: dict
    log: list = dataclasses.field(default_factory=list)

    def worker(self, name):
        worker = self.workers.get(name, f'no {name} here')
        if isinstance(worker, str):
            raise NotRunError(worker)
        return worker

    def start(self, name):
        self.log.append(('start', name))
        return self.worker(name)

    def add(self, name, seconds, found=None, later=None, fails_at=None):
        self.workers[name] = FakeWorker(name, self.log, seconds, found, later, fails_at)


@pytest.fixture
def fakes():
    """Sides without workers; ``add`` makes them."""
    return FakeSides({})


@pytest.fixture
def session(fakes):
    """A run of two rounds with small networks on fake workers."""
    return Session(Options(quick=True, repeats=2), fakes)
