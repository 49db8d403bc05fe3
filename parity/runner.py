"""Runs checks, on several processes with one thread each, and says how far it is."""
import multiprocessing
import os
import time
from concurrent import futures
from contextlib import nullcontext
from unittest import mock

from parity import backend
from parity.checks import registry
from parity.result import Result, Verdict

MARKS = {Verdict.PASSED: 'OK', Verdict.FAILED: 'NOT OK', Verdict.NOT_RUN: 'not run'}
"""How a verdict is printed."""

# One thread; and float32 stays float32: cuBLAS and cuDNN read the last one when they are loaded.
_ENVIRONMENT = {'OPENBLAS_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1',
                'TGAN_NUM_THREADS': '1', 'NVIDIA_TF32_OVERRIDE': '0'}


def run(checks, jobs=None, progress=None, kernels=None, gpu=-1):
    """Run checks -> list of Result in their order.

    Args:
        checks: Of the registry, which other processes find by name; any others run here.
        jobs (int or None): Processes; None is a process a core, four at most.
        progress: File to write a line a check to; None for no lines.
        kernels (str or None), gpu (int): What to compute on, see :func:`parity.backend.use`.
    """
    backend.use(kernels, gpu)
    jobs = jobs or min(4, len(os.sched_getaffinity(0)))
    progress = _Progress(len(checks), progress)
    results = {}
    groups, here = _grouped(checks)
    # Workers read the environment when they start, which is at the first submissions.
    with (mock.patch.dict(os.environ, _ENVIRONMENT),
          _pool(jobs, kernels, gpu) if groups else nullcontext() as pool):
        tasks = {pool.submit(_run_group, [check.name for check in group]): group
                 for group in groups}
        for check in here:
            results[check.name] = progress.show(check.run())
        for task in futures.as_completed(tasks):
            for result in _results(task, tasks[task]):
                results[result.name] = progress.show(result)
    return [results[check.name] for check in checks]


def _pool(jobs, *settings):
    # Not forked: BLAS and Chainer hold threads and locks.
    return futures.ProcessPoolExecutor(jobs, multiprocessing.get_context('spawn'), backend.use,
                                       settings)


def _grouped(checks):
    """Groups of registered checks, the longest first; and the checks that are not registered."""
    groups, here = {}, []
    for check in checks:
        if registry().get(check.name) is check:
            groups.setdefault(check.group or check.name, []).append(check)
        else:
            here.append(check)
    longest_first = sorted(groups.values(), key=lambda group: -sum(check.cost for check in group))
    return longest_first, here


def _results(task, group):
    """What a group found; a process that died, for want of memory perhaps, found nothing."""
    try:
        return task.result()
    except futures.BrokenExecutor as error:
        return [Result(name=check.name, layer=check.layer, error=str(error)) for check in group]


def _run_group(names):
    return [registry()[name].run() for name in names]


class _Progress:
    def __init__(self, total, file):
        self.total, self.file, self.done = total, file, 0
        self.start = time.monotonic()

    def show(self, result):
        """Write a line about a result, and return it."""
        self.done += 1
        if self.file:
            print(f'[{self.done:{len(str(self.total))}}/{self.total} '
                  f'{time.monotonic() - self.start:4.0f} s] {MARKS[result.verdict]:<8}'
                  f'{result.name}', file=self.file, flush=True)
        return result
