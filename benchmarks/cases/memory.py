"""Peak memory of a training, each side in a process of its own."""
from benchmarks.cases import step
from benchmarks.measure import Comparison, Series, take_turns
from benchmarks.race import show_better_torch
from benchmarks.registry import Benchmark, Result
from benchmarks.sides import NotRunError

BATCH = 8
MAX_ROUNDS = 3
"""Memory hardly varies from process to process."""


def run(session):
    """All sides: as much as they had at the end of the first cycle."""
    runnable, not_run = [], []
    for contestant in step.trainings(session, 'svc', BATCH):
        try:
            session.sides.worker(contestant.side)
            runnable.append(contestant)
        except NotRunError as reason:
            not_run.append((contestant.label, str(reason)))
    found = take_turns({c.name: lambda c=c: _peak(session, c) for c in runnable},
                       1 if session.options.quick else min(session.options.repeats, MAX_ROUNDS))
    series = {name: Series(tuple((peak,) for peak in peaks), (1.0,))
              for name, peaks in found.items()}
    comparison = Comparison('memory/step', series, {c.name: c.label for c in runnable}, 'memory')
    return Result(comparisons=(show_better_torch(comparison),), not_run=tuple(not_run))


def _peak(session, contestant):
    with session.sides.start(contestant.side) as worker:
        worker.prepare('memory', contestant.work, **contestant.args)
        worker.run('memory')
        return worker.peak()


BENCHMARKS = (Benchmark('memory/step', 'peak memory of two training steps, WGAN with singular '
                        f'value clipping, batch of {BATCH}', run),)
