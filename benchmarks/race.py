"""A benchmark: one work on several sides, in turns."""
import dataclasses
import functools
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks import flops
from benchmarks.measure import Comparison, take_turns
from benchmarks.sides import AUTHORS, OURS, TORCH, NotRunError, SideError

TOLERANCE = 3e-4
"""Largest difference of what two sides compute, relative to the largest figure: float32 sums in
another order, divided by the standard deviations of batches; 5e-5 was seen. Another network or loss
differs in the first digit."""

TOLERANCE_AFTER_UPDATE = 1e-2
"""The same of losses after an update: RMSprop's first step is of one size for every gradient, so
rounding turns the signs of small ones; 8e-4 was seen. Without an update the loss of WGAN is another
by a factor."""

FLOOR = 'sgemm floor'
LABELS = {OURS: 'ours', AUTHORS: "authors' algorithm, Chainer's kernels",
          TORCH: "PyTorch eager, authors' algorithm"}
"""Worker -> how a reader knows its work."""


@dataclass(frozen=True)
class Outcome:
    """What a benchmark found.

    Attributes:
        name, about (str): Of the benchmark.
        comparison (Comparison or None): What was compared.
        not_run (tuple): Pairs (what, why) of what could not run here.
        errors (tuple of str): What went wrong; a failure.
        text (str): Lines to print beneath.
        data (dict): Further figures for the JSON.
        seconds (float): How long it took.
    """

    name: str = ''
    about: str = ''
    comparison: Comparison | None = None
    not_run: tuple = ()
    errors: tuple = ()
    text: str = ''
    data: dict = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def verdict(self):
        """'failed' with an error, 'not run' where nothing was measured, else 'measured'."""
        if self.errors:
            return 'failed'
        return 'measured' if self.comparison or self.text else 'not run'


@dataclass(frozen=True)
class Benchmark:
    """A named benchmark.

    Attributes:
        name (str): 'KIND/WHICH', such as 'step/svc-b8'.
        about (str): What is measured, in a line.
        function: Called with a :class:`benchmarks.sides.Session` and ``args`` -> :class:`Outcome`,
            whose name, about and seconds are filled in here.
        args (tuple): What the benchmark is of.
    """

    name: str
    about: str
    function: Callable
    args: tuple = ()

    def run(self, session):
        """Run it -> Outcome; what it raises is in the outcome."""
        start = time.perf_counter()
        try:
            outcome = self.function(session, *self.args)
        except NotRunError as reason:
            outcome = Outcome(not_run=((self.name, str(reason)),))
        except SideError as error:
            outcome = Outcome(errors=(str(error),))
        except Exception:    # a fault of ours may raise anything, and is a failure
            outcome = Outcome(errors=(traceback.format_exc(),))
        return dataclasses.replace(outcome, name=self.name, about=self.about,
                                   seconds=time.perf_counter() - start)


@dataclass(frozen=True)
class Contestant:
    """A side of a comparison.

    Attributes:
        name (str): How a reader knows it.
        side (str): The worker it runs in, see :mod:`benchmarks.sides`.
        work (str): What the worker is asked to prepare.
        args (dict): With these arguments.
        task (str): Contestants of one task must compute the same.
    """

    name: str
    side: str
    work: str
    args: dict
    task: str = ''


def everyone(work, args):
    """Our side, the authors' and PyTorch's, with the same work -> list of Contestant."""
    return [Contestant(label, side, work, args) for side, label in LABELS.items()]


def race(session, what, contestants, arithmetic=()):
    """Let the contestants repeat their work in turns -> Outcome.

    Each warms up by one repetition, which also shows whether it computes what the first one of its
    task does; one that cannot run, or fails, or computes something else, is left out.

    Args:
        session (Session): Where the workers are.
        what (str): Name of the comparison.
        contestants (list of Contestant): The first is what the others are measured by.
        arithmetic (list of benchmarks.flops.Row): Of the work; products of large matrices then
            take turns too, and stand for the time that it takes at their rate.

    Raises:
        NotRunError, SideError: The first one cannot run, or fails; or one fails in its turn.
    """
    if arithmetic:
        width = 512 if session.options.quick else 2048
        contestants = [*contestants, Contestant(FLOOR, OURS, 'sgemm', {'width': width}, FLOOR)]
    session.forget()    # what an earlier race left
    turns, tasks, not_run, errors = {}, {}, [], []
    for contestant in contestants:
        try:
            worker = session.worker(contestant.side)
            turn = functools.partial(worker.run, contestant.work, contestant.args)
            answer = turn()
        except (NotRunError, SideError) as error:
            if contestant is contestants[0]:
                raise
            problems = not_run if isinstance(error, NotRunError) else errors
            problems.append((contestant.name, str(error)))
            continue
        difference = _difference(tasks.setdefault(contestant.task, answer), answer)
        if difference:
            errors.append((contestant.name, f'does not compute the same: {difference}'))
        else:
            turns[contestant.name] = turn
    answers = take_turns(turns, session.options.repeats, session.pause)
    costs = {name: [answer['seconds'] for answer in found] for name, found in answers.items()}
    data = {'answers': answers}
    if FLOOR in costs:
        flop, inside = flops.total(arithmetic)
        product = 2 * width ** 3
        data['arithmetic'] = {'GFLOP': flop / 1e9, 'GFLOP without padding': inside / 1e9,
                              'sgemm GFLOP/s': [product / s / 1e9 for s in costs[FLOOR]]}
        costs[FLOOR] = [seconds * inside / product for seconds in costs[FLOOR]]
    return Outcome(comparison=Comparison(what, costs), not_run=tuple(not_run),
                   errors=tuple(f'{name}: {error}' for name, error in errors), data=data)


def _difference(ours, theirs):
    """What two first repetitions disagree in, or None."""
    for key, tolerance in (('found', TOLERANCE), ('found after update', TOLERANCE_AFTER_UPDATE)):
        our, their = ours.get(key, {}), theirs.get(key, {})
        if our.keys() != their.keys():
            return f'{key}: it has {sorted(their)}, ours {sorted(our)}'
        scale = max(map(abs, our.values()), default=0)
        for name in our:
            if not abs(our[name] - their[name]) <= tolerance * scale:    # NaN is a difference too
                return f'{key}: {name} is {their[name]:.6g}, ours {our[name]:.6g}'
    return None
