"""Runs checks, on several processes with one thread each, and says how far it is."""
import multiprocessing
import os
from concurrent import futures
from contextlib import nullcontext
from unittest import mock

from parity import backend
from parity.check import Outcome, Verdict
from parity.checks import registry
from tgan_chainer.io.progress import counted

MARKS = {Verdict.PASSED: 'OK', Verdict.FAILED: 'NOT OK', Verdict.NOT_RUN: 'not run'}
"""How a verdict is printed."""

# One thread; and float32 stays float32: cuBLAS and cuDNN read the last one when they are loaded.
_ENVIRONMENT = {'OPENBLAS_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1', 'MKL_NUM_THREADS': '1',
                'TGAN_NUM_THREADS': '1', 'NVIDIA_TF32_OVERRIDE': '0'}


def run(checks, jobs=None, kernels=None, gpu=-1):
    """Run checks -> list of Outcome in their order; progress is on stderr.

    Those of the registry run in ``jobs`` processes, by default one a core, four at most; any others
    here. ``kernels`` and ``gpu`` as in :func:`parity.backend.use`.
    """
    backend.use(kernels, gpu)
    jobs = jobs or min(4, len(os.sched_getaffinity(0)))
    outcomes, costs = {}, {check.name: check.cost for check in checks}

    def finish(outcome):
        outcomes[outcome.name] = outcome
        end(f'{MARKS[outcome.verdict]:<8}{outcome.name}', costs[outcome.name])

    groups, here = {}, []
    for check in checks:
        if registry().get(check.name) is check:
            groups.setdefault(check.group or check.name, []).append(check)
        else:
            here.append(check)
    groups = sorted(groups.values(), key=lambda group: -sum(check.cost for check in group))
    # Workers read the environment when they start, which is at the first submissions.
    with (mock.patch.dict(os.environ, _ENVIRONMENT),
          counted(len(costs), sum(costs.values())) as end,
          _pool(jobs, kernels, gpu) if groups else nullcontext() as pool):
        tasks = {pool.submit(_run_group, names): names    # the longest first
                 for names in ([check.name for check in group] for group in groups)}
        for check in here:
            finish(check.run())
        for task in futures.as_completed(tasks):
            try:
                found = task.result()
            except futures.BrokenExecutor as error:    # it died, for want of memory perhaps
                found = [Outcome(name=name, error=str(error)) for name in tasks[task]]
            for outcome in found:
                finish(outcome)
    return [outcomes[check.name] for check in checks]


def _pool(jobs, *settings):
    # Not forked: BLAS and Chainer hold threads and locks.
    return futures.ProcessPoolExecutor(jobs, multiprocessing.get_context('spawn'), backend.use,
                                       settings)


def _run_group(names):
    return [registry()[name].run() for name in names]
