"""One work on several sides, in turns."""
import functools
import statistics
import time
from dataclasses import dataclass, field

from benchmarks import flops
from benchmarks.sides import AUTHORS, OURS, TORCH, NotRunError, WorkerError, busy_neighbours

TOLERANCE = 3e-4
"""Largest difference of what two sides compute, relative to the largest figure: float32 sums in
another order, divided by the standard deviations of batches; 5e-5 was seen. Another network or loss
differs in the first digit."""

TOLERANCE_AFTER_UPDATE = 5e-2
"""The same of losses after an update: RMSprop's first step is of one size for every gradient, so
rounding turns the signs of small ones; 2e-2 was seen. Without an update the loss of WGAN is another
by a factor."""

FLOOR, COPY_FLOOR = 'sgemm floor', 'copy floor'
LABELS = {OURS: 'ours', AUTHORS: "authors' algorithm, Chainer's kernels",
          TORCH: "PyTorch eager, authors' algorithm"}
"""Worker -> how a reader knows its work."""


@dataclass
class Finding:
    """What a benchmark found."""

    name: str = ''
    about: str = ''
    size: str = ''
    load: int = 0    #: Processes beside that kept a core busy each.
    #: Name of a side -> its cost in each round, a list of float; the first is the others' unit.
    costs: dict = field(default_factory=dict)
    unit: str = 'seconds'    #: Or 'bytes'.
    not_run: list = field(default_factory=list)    #: Pairs (what, why) of what could not run here.
    errors: list = field(default_factory=list)     #: What went wrong; a failure.
    text: str = ''                                 #: Lines to print beneath.
    data: dict = field(default_factory=dict)       #: Further figures for the JSON.

    @property
    def verdict(self):
        """'failed' with an error, 'not run' where nothing was measured, else 'measured'."""
        if self.errors:
            return 'failed'
        return 'measured' if self.costs or self.text else 'not run'

    def ratios(self):
        """What each side but the first takes in units of the first -> {name: (median, low, high)}.

        The median is the ratio of the medians; the spread is that of the ratios round by round,
        which were measured right after one another, and the median always lies in it.
        """
        unit, *_ = self.costs.values()
        return {name: (statistics.median(costs) / statistics.median(unit), min(by_round),
                       max(by_round))
                for name, costs in list(self.costs.items())[1:]
                for by_round in [[a / b for a, b in zip(costs, unit, strict=True)]]}


@dataclass(frozen=True)
class Racer:
    """A side of a comparison."""

    name: str    #: How a reader knows it.
    side: str    #: The worker it runs in, see :mod:`benchmarks.sides`.
    work: str    #: What the worker does.
    args: dict
    task: str = ''    #: Racers of one task must compute the same.
    neighbours: int = 0    #: Other processes that keep a core busy each during its turns.

    def turn(self, worker):
        """One repetition -> the worker's answer."""
        with busy_neighbours(self.neighbours):
            return worker.run(self.work, self.args)


def everyone(work, args):
    """Our side, the authors' and PyTorch's, with the same work -> list of Racer."""
    return [Racer(label, side, work, args) for side, label in LABELS.items()]


def race(session, racers, arithmetic=()):
    """Let the racers repeat their work in turns -> Finding.

    Each warms up by one repetition, which also shows whether it computes what the first one of its
    task does; one that cannot run, or fails, or computes something else, is left out.

    The first is what the others are measured by. With the ``arithmetic`` of the work, a list of
    :class:`benchmarks.flops.Cost`, products and copies of large matrices take turns too, and stand
    for the time that it takes at the rate of these.

    A NotRunError or WorkerError if the first one cannot run, or fails; or if one fails in its turn.
    """
    if arithmetic:
        # A GPU needs larger ones to be busy, and to have none of them in its cache.
        width = 512 if session.options.quick else 2048 if session.options.gpu < 0 else 8192
        racers = [*racers, *(
            Racer(floor, OURS, work, {'width': width}, floor)
            for floor, work in ((FLOOR, 'sgemm'), (COPY_FLOOR, 'copy')))]
    session.forget()    # what an earlier race left
    outcome, turns, tasks = Finding(), {}, {}
    for racer in racers:
        try:
            turn = functools.partial(racer.turn, session.worker(racer.side))
            answer = turn()
            _require_same(tasks.setdefault(racer.task, answer), answer, session.slack)
            turns[racer.name] = turn
        except (NotRunError, WorkerError) as error:
            if racer is racers[0]:
                raise
            if isinstance(error, NotRunError):
                outcome.not_run.append((racer.name, str(error)))
            else:
                outcome.errors.append(f'{racer.name}: {error}')
    answers = take_turns(turns, session.options.repeats, session.pause)
    outcome.costs = {name: [answer['seconds'] for answer in found]
                     for name, found in answers.items()}
    outcome.data = {'answers': answers}
    if FLOOR in turns and COPY_FLOOR in turns:
        flop, inside = flops.total(arithmetic)
        product = 2 * width ** 3
        moved = sum(row.bytes for row in arithmetic)
        outcome.data['arithmetic'] = {'GFLOP': flop / 1e9, 'GFLOP without padding': inside / 1e9,
                                      'GB': moved / 1e9}
        for floor, share in ((FLOOR, inside / product), (COPY_FLOOR, moved / (8 * width ** 2))):
            outcome.costs[floor] = [seconds * share for seconds in outcome.costs[floor]]
    return outcome


def _require_same(ours, theirs, slack):
    """Hold two first repetitions together; WorkerError if they disagree."""
    for key, tolerance in (('found', TOLERANCE), ('found after update', TOLERANCE_AFTER_UPDATE)):
        our, their = ours.get(key, {}), theirs.get(key, {})
        if our.keys() != their.keys():
            raise WorkerError(f'does not compute the same: {key}: it has {sorted(their)}, ours '
                            f'{sorted(our)}')
        scale = max(map(abs, our.values()), default=0)
        for name in our:
            # NaN is a difference too.
            if not abs(our[name] - their[name]) <= slack * tolerance * scale:
                raise WorkerError(f'does not compute the same: {key}: {name} is {their[name]:.6g}, '
                                f'ours {our[name]:.6g}')


def take_turns(functions, repeats, pause=0.0):
    """Call every function once a round, after a ``pause`` -> {name: list of what it returned}."""
    found = {name: [] for name in functions}
    for i in range(repeats):
        # Every second round goes backwards, so that no side always follows the same one.
        for name in list(functions)[::-1 if i % 2 else 1]:
            time.sleep(pause)
            found[name].append(functions[name]())
    return found
