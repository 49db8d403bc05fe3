"""Peak memory of a training, each side in a process of its own."""
from benchmarks.cases import step
from benchmarks.race import Outcome, take_turns
from benchmarks.sides import NotRunError

MAX_ROUNDS = 3
"""Memory hardly varies from process to process."""


def run(session):
    """All sides: as much as they had at the end of the first cycle."""
    runnable, not_run = {}, []
    for contestant in step.trainings(session, 'svc', session.size['batch']):
        try:
            session.worker(contestant.side)
            runnable[contestant.name] = lambda c=contestant: _peak(session, c)
        except NotRunError as reason:
            not_run.append((contestant.name, str(reason)))
    rounds = 1 if session.options.quick else min(session.options.repeats, MAX_ROUNDS)
    return Outcome(costs=take_turns(runnable, rounds), unit='bytes', not_run=not_run)


def _peak(session, contestant):
    worker = session.start(contestant.side)
    try:
        return worker.run(contestant.work, contestant.args)['peak']
    finally:
        worker.close()


CASES = {'memory/step': (
    'peak memory of two training steps, WGAN with singular value clipping', run)}
