"""A process that answers requests, as :mod:`parity.serving` says."""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from parity.check import NotRunError
from tgan_chainer.errors import TGANError


class WorkerError(TGANError):
    """A worker cannot be started, raised an error, or ended."""


def environment():
    """This process's variables, but for those that would mislead another interpreter."""
    found = {key: value for key, value in os.environ.items() if not key.startswith('PYTHON')}
    # Chainer's caffe_pb2, which C3D imports, is of a protobuf whose faster readers refuse it.
    return found | {'PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION': 'python'}


def interpreter(path):
    """The interpreter of a flag, from wherever it is started; this one without."""
    path = path or sys.executable
    return os.path.abspath(path) if os.sep in path else path


class Worker:
    """A process that answers requests; it ends with this object, when its stdin does.

    Messages call it by its ``name``; its ``description`` is what it said of itself. At its start
    and at every request a NotRunError if it cannot work here, a WorkerError if it fails or ended.
    """

    def __init__(self, name, command, environment):
        self._name = name
        self._log = tempfile.TemporaryFile('a+')    # noqa: SIM115 -- as long as the process
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
                text=True, env=environment, cwd=Path(__file__).parents[1])
        except OSError as error:
            raise WorkerError(f'cannot start {command[0]} ({error.strerror})') from None
        self.description = self._receive()

    @property
    def alive(self):
        """Whether the process can take another request."""
        return self._process.poll() is None

    def run(self, work, args):
        """One repetition of a work -> its answer."""
        return self._ask({'work': work, 'args': args})

    def forget(self):
        """Give the memory of all works back."""
        self._ask({})

    def _ask(self, request):
        with contextlib.suppress(BrokenPipeError):    # it ended: the answer says so
            self._process.stdin.write(json.dumps(request) + '\n')
            self._process.stdin.flush()
        return self._receive()

    def _receive(self):
        line = self._process.stdout.readline()
        if not line:
            status = self._process.wait()
            self._log.seek(0)
            lines = self._log.read().strip().splitlines() or ['it printed nothing']
            raise WorkerError(f'{self._name} ended with exit code {status}: {lines[-1]}')
        try:
            answer = json.loads(line)
        except ValueError:
            raise WorkerError(f'{self._name} answered {line!r}, expected a line of JSON') from None
        if 'unavailable' in answer:
            raise NotRunError(answer['unavailable'])
        if 'error' in answer:
            raise WorkerError(f'{self._name}: {answer["error"]}')
        return answer

    def close(self):
        """End the process now."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:    # it does not listen
            self._process.kill()
            self._process.wait()
