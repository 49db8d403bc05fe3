"""The sides of a comparison: worker processes that time one repetition when they are asked to."""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks import recipe
from tgan_chainer.errors import TGANError

HERE = Path(__file__).parent
STAND_IN = HERE.parent / 'tests' / 'parity' / 'stand_in'

OURS, AUTHORS, TORCH = 'ours', 'authors', 'torch'
"""Names of the worker processes."""

_TAIL_LINES = 12
_THREAD_VARIABLES = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS',
                     'NUMBA_NUM_THREADS', 'TGAN_NUM_THREADS')


class SideError(TGANError):
    """A side that was there raised an error, or its process ended."""


class NotRunError(Exception):
    """Something cannot run here; the message says why, and what to do."""


class Worker:
    """A process that answers requests (see ``protocol.py``).

    Args:
        command (list of str): What to start.
        environment (dict): Its environment; this process's by default.

    Attributes:
        description (dict): What it said of itself.

    Raises:
        NotRunError: It cannot work here.
        SideError: It cannot be started, or raised an error, or ended; as from every request.
    """

    def __init__(self, command, environment=None):
        self._log = tempfile.TemporaryFile('a+')    # noqa: SIM115 -- as long as the process
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log,
                text=True, env=environment, cwd=HERE.parent)
        except OSError as error:
            self._log.close()
            raise SideError(f'cannot start {command[0]} ({error.strerror})') from None
        self._name = ' '.join(command)
        try:
            self.description = self._receive()
        except (NotRunError, SideError):
            self.close()
            raise

    @property
    def alive(self):
        """Whether the process can take another request."""
        return self._process.poll() is None

    def run(self, work, args):
        """One repetition of a work -> its answer, with 'seconds'."""
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
            raise SideError(f'{self._name} ended with exit code {self._process.wait()}; its last '
                            f'lines:\n{self._tail()}')
        try:
            answer = json.loads(line)
        except ValueError:
            raise SideError(f'{self._name} answered {line!r}, expected a line of JSON') from None
        if 'unavailable' in answer:
            raise NotRunError(answer['unavailable'])
        if 'error' in answer:
            raise SideError(f'{self._name}: {answer["error"]}; its last lines:\n{self._tail()}')
        return answer

    def _tail(self):
        self._log.seek(0)
        lines = self._log.read().strip().splitlines() or ['it printed nothing']
        return '\n'.join(f'  {line}' for line in lines[-_TAIL_LINES:])

    def close(self):
        """End the process."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:    # it does not listen
            self._process.kill()
            self._process.wait()
        self._log.close()


class Session(contextlib.ExitStack):
    """A run: its options, and its workers, each started when it is first needed and ended with it.

    Args:
        options (argparse.Namespace): What the command line asks for.

    Attributes:
        size (dict): Of :data:`benchmarks.recipe.SIZES`.
        pause (float): Seconds before each turn: idle threads of a BLAS spin for some 30 ms.
    """

    def __init__(self, options):
        super().__init__()
        self.options = options
        self.size = recipe.SIZES[options.size]
        self.pause = 0.0 if options.quick else 0.05
        self._workers, self._not_run = {}, {}

    @property
    def descriptions(self):
        """{name of a worker that was started: what it said of itself}."""
        return {name: worker.description for name, worker in self._workers.items()}

    def batch(self, videos):
        """Videos a batch where a benchmark says ``videos``."""
        return max(2, videos // 8) if self.options.quick else videos

    def worker(self, name):
        """The worker of a side, started anew if it has ended; raises as :class:`Worker`."""
        if name in self._not_run:
            raise self._not_run[name]
        if name not in self._workers or not self._workers[name].alive:
            try:
                self._workers[name] = self.start(name)
            except NotRunError as reason:
                self._not_run[name] = reason
                raise
            self.callback(self._workers[name].close)
        return self._workers[name]

    def start(self, name):
        """A new process of a side, which the caller closes."""
        options, gpu = self.options, str(self.options.gpu)
        command = {
            OURS: [sys.executable, '-m', 'benchmarks.ours_worker', gpu],
            TORCH: [_interpreter(options.torch_python), str(HERE / 'torch_worker.py'), gpu],
            AUTHORS: [_interpreter(options.python), str(HERE / 'upstream_worker.py'),
                      os.path.abspath(options.upstream or STAND_IN), gpu]}[name]
        environment = {key: value for key, value in os.environ.items()
                       if key != 'TGAN_CPU_KERNELS'    # our side has ours
                       # A module path meant for this Python would mislead another.
                       and (name == OURS or not key.startswith('PYTHON'))}
        # Chainer's caffe_pb2, which their C3D imports, is refused by the faster readers.
        environment['PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION'] = 'python'
        return Worker(command, {
            **environment, **dict.fromkeys(_THREAD_VARIABLES, str(options.threads))})

    def require_what_was_asked_for(self):
        """Start the sides that flags name, so that a mistake in them shows at once: SideError."""
        for name, flag in ((AUTHORS, self.options.upstream or self.options.python),
                           (TORCH, self.options.torch_python)):
            try:
                if flag:
                    self.worker(name)
            except NotRunError as reason:
                raise SideError(str(reason)) from None

    def forget(self):
        """Have all workers give the memory of their works back."""
        for worker in self._workers.values():
            if worker.alive:
                worker.forget()


def _interpreter(path):
    """The interpreter of a flag, from wherever it is started; this one without."""
    path = path or sys.executable
    return os.path.abspath(path) if os.sep in path else path
