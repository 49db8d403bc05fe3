"""One work on several sides, in turns."""
import contextlib
import dataclasses
from dataclasses import dataclass, field

from benchmarks import flops
from benchmarks.measure import Comparison, Series, take_turns
from benchmarks.registry import Result
from benchmarks.sides import CHAINER, OURS, TORCH, UPSTREAM, NotRunError, SideError

TOLERANCE = 3e-4
"""Largest difference of what two sides compute, relative to the largest figure: float32 sums in
another order, divided by the standard deviations of batches; 5e-5 was seen. Another network or loss
differs in the first digit."""

TOLERANCE_AFTER_UPDATE = 1e-2
"""The same of losses after an update: RMSprop's first step is of one size for every gradient, so
rounding turns the signs of small ones; 8e-4 was seen. Without an update the loss of WGAN is another
by a factor."""


@dataclass(frozen=True)
class Contestant:
    """A side of a comparison.

    Attributes:
        name (str): Its name in the comparison.
        label (str): How a reader knows it.
        side (str): The worker it runs in, see :mod:`benchmarks.sides`.
        work (str): What the worker is asked to prepare.
        args (dict): With these arguments.
        weights (tuple of float): See :class:`benchmarks.measure.Series`.
        task (str): Contestants of one task must compute the same.
    """

    name: str
    label: str
    side: str
    work: str
    args: dict = field(hash=False)
    weights: tuple = (1.0,)
    task: str = ''


def sgemm(session):
    """A product of square matrices, for :func:`with_floor`, which shows what the machine can do."""
    return Contestant('sgemm', 'sgemm', OURS, 'sgemm',
                      {'width': 512 if session.options.quick else 2048}, task='sgemm')


def everyone(session, work, args, upstream=True):
    """The usual contestants of a work: ours, Chainer's kernels, PyTorch, the checkout, sgemm.

    Args:
        session (Session): Decides how large a product of matrices is.
        work (str), args (dict): What each is asked to prepare.
        upstream (bool): Whether the authors' checkout has it.
    """
    contestants = [Contestant('ours', 'ours', OURS, work, args),
                   Contestant('chainer', "Chainer's kernels", CHAINER, work, args),
                   Contestant('torch', 'PyTorch eager', TORCH, work, args),
                   Contestant('upstream', "authors' checkout", UPSTREAM, work, args)]
    return [*contestants[:None if upstream else -1], sgemm(session)]


def race(session, what, contestants):
    """Let the contestants repeat their work in turns -> Result with one comparison.

    Each warms up by one repetition, which also shows whether it computes what the first one of its
    task does; one that cannot run, or fails, or computes something else, is left out.

    Args:
        session (Session): Where the workers are.
        what (str): Name of the comparison.
        contestants (list of Contestant): The first is what the others are measured by.

    Raises:
        NotRunError, SideError: The first one cannot run, or fails; or one fails in its turn.
    """
    ready, not_run, errors, answers, tasks = {}, [], [], {}, {}
    with contextlib.ExitStack() as stack:
        for contestant in contestants:
            try:
                turn = stack.enter_context(_prepared(session, what, contestant))
                answers[contestant.name] = turn()
            except (NotRunError, SideError) as error:
                if contestant is contestants[0]:
                    raise
                problems = not_run if isinstance(error, NotRunError) else errors
                problems.append((contestant.label, str(error)))
                continue
            answer = answers[contestant.name]
            difference = _difference(tasks.setdefault(contestant.task, answer), answer)
            if difference:
                errors.append((contestant.label, f'does not compute the same: {difference}'))
            else:
                ready[contestant] = turn
        found = take_turns({contestant.name: turn for contestant, turn in ready.items()},
                           session.options.repeats, session.pause)
    series = {c.name: Series(tuple(tuple(answer['seconds']) for answer in found[c.name]), c.weights)
              for c in ready}
    comparison = Comparison(what, series, {c.name: c.label for c in ready})
    data = {key: {name: answer[key] for name, answer in answers.items() if answer.get(key)}
            for key in ('facts', 'counts')}
    return Result(
        comparisons=(show_better_torch(comparison),), not_run=tuple(not_run),
        errors=tuple(f'{label}: {error}' for label, error in errors),
        data={key: found for key, found in data.items() if found})


@contextlib.contextmanager
def _prepared(session, what, contestant):
    """A work that is ready in its worker, as a function of one repetition -> its answer."""
    worker, key = session.sides.worker(contestant.side), f'{what}/{contestant.name}'
    try:
        facts = worker.prepare(key, contestant.work, **contestant.args)
        yield lambda: {**worker.run(key), 'facts': facts}
    finally:
        if worker.alive:
            worker.forget(key)


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


def show_better_torch(comparison):
    """Hide PyTorch's slower variant from readers; the JSON keeps both."""
    variants = [name for name in comparison.series if name.startswith('torch')]
    slower = sorted(variants, key=lambda name: comparison.series[name].median)[1:]
    return dataclasses.replace(comparison, hidden=frozenset(slower))


def with_floor(session, result, rows):
    """Have products of matrices stand for the time that the arithmetic takes at the best rate.

    Args:
        session (Session): As for :func:`sgemm`.
        result (Result): Of a :func:`race` in which :func:`sgemm` took part.
        rows (list of benchmarks.flops.Row): The arithmetic of the work.
    """
    comparison, = result.comparisons
    flop, inside = flops.total(rows)
    product = 2 * sgemm(session).args['width'] ** 3
    series, labels = dict(comparison.series), dict(comparison.labels)
    products = series.pop('sgemm')
    series['floor'] = products.scaled(inside / product)
    labels['floor'] = labels.pop('sgemm') + ' floor'
    arithmetic = {'GFLOP': flop / 1e9, 'GFLOP without padding': inside / 1e9,
                  'sgemm GFLOP/s': [product / seconds / 1e9 for seconds in products.costs]}
    return dataclasses.replace(
        result, comparisons=(dataclasses.replace(comparison, series=series, labels=labels),),
        data={**result.data, 'arithmetic': arithmetic})
