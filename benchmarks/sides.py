"""The sides of a comparison: worker processes that time one repetition when they are asked to."""
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tgan_chainer.errors import ConfigError, TGANError

HERE = Path(__file__).parent

OURS, CHAINER, TORCH, UPSTREAM = 'ours', 'chainer', 'torch', 'upstream'
"""Names of the worker processes."""

_TAIL_LINES = 12
_THREAD_VARIABLES = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS',
                     'NUMBA_NUM_THREADS', 'TGAN_NUM_THREADS')


class SideError(TGANError):
    """A side that was there raised an error, or its process ended."""


class NotRunError(Exception):
    """Something cannot run here; the message says why, and what to do."""


@dataclass(frozen=True)
class Options:
    """What the command line asks for.

    Attributes:
        quick (bool): Small networks, to see that everything runs.
        repeats (int): Rounds of every comparison.
        threads (int): Of every process.
        gpu (int): -1 is the CPU.
        upstream (str or None): Checkout of the authors' repository.
        python (str or None): Interpreter to run it on; this one by default.
        torch_python (str or None): Interpreter that has PyTorch; this one by default.
    """

    quick: bool = False
    repeats: int = 5
    threads: int = 1
    gpu: int = -1
    upstream: str | None = None
    python: str | None = None
    torch_python: str | None = None


def default_threads(quick=False):
    """``TGAN_NUM_THREADS``, or the number of CPUs that this process may use; 1 if ``quick``.

    Small networks gain nothing by threads, which wait for each other on a busy machine.

    Raises:
        ConfigError: ``TGAN_NUM_THREADS`` is not a positive integer.
    """
    text = os.environ.get('TGAN_NUM_THREADS')
    if text is None:
        return 1 if quick else len(os.sched_getaffinity(0))
    if not text.isdecimal() or int(text) < 1:
        raise ConfigError(f'TGAN_NUM_THREADS is {text!r}; expected a positive integer.')
    return int(text)


def _interpreter(path):
    """The interpreter of a flag, from wherever it is started; this one without."""
    if path is None:
        return sys.executable
    return os.path.abspath(path) if os.sep in path else path


class Worker:
    """A process that answers requests (see ``protocol.py``); a context manager.

    Args:
        command (list of str): What to start.
        environment (dict): Its environment; this process's by default.

    Attributes:
        description (dict): What it said of itself.

    Raises:
        NotRunError: It cannot work here.
        SideError: It cannot be started, or ended.
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

    def prepare(self, key, work, **args):
        """Have a work ready under a key -> what there is to know about it.

        Raises:
            NotRunError: It cannot run there.
            SideError: It raised an error, or the process ended; as from every other request.
        """
        return self._ask(do='prepare', key=key, work=work, args=args)['facts']

    def run(self, key):
        """One repetition -> its answer, with 'seconds'."""
        return self._ask(do='run', key=key)

    def forget(self, key):
        """Give the memory of a work back."""
        self._ask(do='forget', key=key)

    def peak(self):
        """The most memory that the process has had, in bytes."""
        return self._ask(do='peak')['bytes']

    def _ask(self, **request):
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

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Sides:
    """The workers of a run, each started when it is first needed; a context manager.

    Args:
        options (Options): Whose side is where.
    """

    def __init__(self, options):
        self.options = options
        self.descriptions = {}
        self._workers = {}
        self._not_run = {}

    def worker(self, name):
        """The worker of a side, started anew if it has ended.

        Raises:
            NotRunError: There is no such side here.
            SideError: It cannot be started.
        """
        if name in self._not_run:
            raise NotRunError(self._not_run[name])
        worker = self._workers.get(name)
        if worker is None or not worker.alive:
            if worker is not None:
                self._workers.pop(name).close()
            try:
                self._workers[name] = self.start(name)
            except NotRunError as reason:
                self._not_run[name] = str(reason)
                raise
            self.descriptions[name] = self._workers[name].description
        return self._workers[name]

    def start(self, name):
        """A new process of a side, which the caller closes.

        Raises:
            NotRunError, SideError: As :meth:`worker`.
        """
        return Worker(self._command(name), self._environment(name))

    def require_what_was_asked_for(self):
        """Start the sides that flags name, so that a mistake in them shows at once.

        Raises:
            SideError: One of them cannot run.
        """
        asked = {UPSTREAM: self.options.upstream, TORCH: self.options.torch_python}
        for name, flag in asked.items():
            if flag:
                try:
                    self.worker(name)
                except NotRunError as reason:
                    raise SideError(str(reason)) from None

    def _command(self, name):
        options = self.options
        if name in (OURS, CHAINER):
            return [sys.executable, '-m', 'benchmarks.ours_worker', str(options.gpu)]
        if name == TORCH:
            return [_interpreter(options.torch_python), str(HERE / 'torch_worker.py'),
                    str(options.gpu)]
        if not options.upstream:
            raise NotRunError("needs a checkout of the authors' repository: --upstream DIR")
        if options.gpu >= 0:
            raise NotRunError('its code is run on the CPU only: leave out --gpu')
        return [_interpreter(options.python), str(HERE / 'upstream_worker.py'),
                os.path.abspath(options.upstream)]

    def _environment(self, name):
        """This process's, with the same number of threads and the kernels of the side."""
        environment = dict(os.environ)
        if name in (TORCH, UPSTREAM):
            # A module path or options meant for this Python would mislead another.
            environment = {key: value for key, value in environment.items()
                           if not key.startswith('PYTHON')}
        environment.pop('TGAN_CPU_KERNELS', None)
        if name == CHAINER:
            environment['TGAN_CPU_KERNELS'] = 'chainer'
        threads = str(self.options.threads)
        return {**environment, **dict.fromkeys(_THREAD_VARIABLES, threads)}

    def close(self):
        """End all processes."""
        while self._workers:
            self._workers.popitem()[1].close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
