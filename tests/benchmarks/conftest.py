"""Workers that are not there: answers by name, and a log of who was asked."""
from types import SimpleNamespace

import pytest

from benchmarks.__main__ import parse
from benchmarks.sides import NotRunError, Session, WorkerError


class FakeWorker(SimpleNamespace):
    """Answers like a worker; that it was asked is in ``log``, which all workers share."""

    alive = True
    description = {}

    def run(self, work, args):
        self.log.append(self.name)
        if self.fails:
            raise WorkerError(f'{self.name} broke')
        seconds = next(self.seconds)
        return {'seconds': seconds, 'peak': 100 * seconds, **self.found}

    def forget(self):
        self.log.append(f'{self.name} forgets')

    def close(self):
        self.log.append(f'{self.name} ends')


class FakeSession(Session):
    """A session of fake workers, which ``add`` makes."""

    def __init__(self, *flags):
        super().__init__(parse(['--repeats', '2', *flags]))
        self.pause = 0
        self.log, self.fakes = [], {}

    def add(self, name, seconds, fails=False, **found):
        self.fakes[name] = FakeWorker(
            name=name, log=self.log, seconds=iter(seconds), found=found, fails=fails)

    def start(self, name):
        if name not in self.fakes:
            raise NotRunError(f'no {name} here')
        return self.fakes[name]


@pytest.fixture
def quick():
    return FakeSession('--quick')


@pytest.fixture
def full():
    return FakeSession('--repeats', '4')
