"""The sides of a comparison: worker processes that time one repetition when they are asked to."""
import contextlib
import os
import subprocess
import sys
from pathlib import Path

from benchmarks import recipe
from parity.check import NotRunError
from parity.worker import Worker, WorkerError, environment, interpreter

HERE = Path(__file__).parent
STAND_IN = HERE.parent / 'tests' / 'parity' / 'stand_in'

OURS, AUTHORS, TORCH = 'ours', 'authors', 'torch'
"""Names of the worker processes."""

_THREAD_VARIABLES = ('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS', 'MKL_NUM_THREADS',
                     'NUMBA_NUM_THREADS', 'TGAN_NUM_THREADS')


@contextlib.contextmanager
def busy_neighbours(n):
    """Have ``n`` other processes compute all the while; they end with this one, however it ends."""
    program = f'import os\nwhile os.getppid() == {os.getpid()}: pass'
    neighbours = [subprocess.Popen([sys.executable, '-c', program]) for _ in range(n)]
    try:
        yield neighbours
    finally:
        for neighbour in neighbours:
            neighbour.kill()
            neighbour.wait()


_TF32 = {True: {'CUPY_TF32': '1', 'TORCH_ALLOW_TF32_CUBLAS_OVERRIDE': '1'},
         False: {'NVIDIA_TF32_OVERRIDE': '0'}}    # PyTorch's convolutions take it by default


class Session(contextlib.ExitStack):
    """The options of a run, and its workers, started when first needed and ended with it.

    Attributes:
        size (dict): Of the networks, one of :data:`benchmarks.recipe.SIZES`.
        slack (float): By how much sides may differ more than on the CPU: on a GPU they run other
            algorithms (Winograd, FFT), and TF32 keeps 10 bits of a factor.
    """

    def __init__(self, options):
        super().__init__()
        self.options = options
        self.size = recipe.SIZES[options.size[0]]
        self.slack = 10 if options.tf32 else 4 if options.gpu >= 0 else 1
        # Seconds before each turn: idle threads of a BLAS spin for some 30 ms.
        self.pause = 0.05
        self._workers, self._not_run = {}, {}

    @property
    def descriptions(self):
        """{name of a worker that was started: what it said of itself}."""
        return {name: worker.description for name, worker in self._workers.items()}

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
            TORCH: [interpreter(options.torch_python), str(HERE / 'torch_worker.py'), gpu],
            AUTHORS: [interpreter(options.python), str(HERE / 'upstream_worker.py'),
                      os.path.abspath(options.upstream or STAND_IN), gpu]}[name]
        variables = dict(os.environ) if name == OURS else environment()
        variables.pop('TGAN_CPU_KERNELS', None)    # our side has ours
        return Worker(' '.join(command), command, variables | dict.fromkeys(
            _THREAD_VARIABLES, str(options.threads)) | _TF32[options.tf32])

    def require_what_was_asked_for(self):
        """Start the sides that flags name, so that a mistake in them shows at once."""
        for name, flag in ((AUTHORS, self.options.upstream or self.options.python),
                           (TORCH, self.options.torch_python)):
            try:
                if flag:
                    self.worker(name)
            except NotRunError as reason:
                raise WorkerError(str(reason)) from None

    def forget(self):
        """Have all workers give the memory of their works back."""
        for worker in self._workers.values():
            if worker.alive:
                worker.forget()
