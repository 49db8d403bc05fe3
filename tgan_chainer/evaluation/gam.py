"""The generative adversarial metric (Im et al. 2016): two systems judge each other's videos.

r_samples = acc(D_A on G_B's fakes) / acc(D_B on G_A's fakes), above 1 in favour of A (paper
Table 3), counts where r_test = acc(D_A on test) / acc(D_B on test) is about 1 (FACTS §6). What the
paper does not say is decided under the name `gam-v1`.
"""
import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import chainer
import numpy as np

from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.device import get_device
from tgan_chainer.errors import ConfigError, DataError
from tgan_chainer.evaluation import ledger
from tgan_chainer.evaluation.sources import GeneratedVideos, RealVideos, open_result
from tgan_chainer.io.progress import progress
from tgan_chainer.models.sampling import first_generator
from tgan_chainer.random_streams import RandomState

NEAR_ONE = 1.1
"""r_test counts as about 1 between 1 / 1.1 and 1.1: one critic sees at most a tenth more."""

CONFIDENCE = 0.95
RESAMPLES = 2000    #: Of the bootstrap.


def best_threshold(real, fake):
    """The threshold of best balanced accuracy; scores above it count as real.

    It is one of the scores, so that it moves with them under any growing function, or -inf; the
    lowest of equally good ones. A ValueError if one is NaN.
    """
    real, fake = (np.sort(scores) for scores in (real, fake))
    if np.isnan(real[-1]) or np.isnan(fake[-1]):
        raise ValueError('a score is NaN')
    candidates = np.concatenate([[-np.inf], np.unique(np.concatenate([real, fake]))])
    # In integers: rounding would choose among equally good ones.
    recognised = ((real.size - np.searchsorted(real, candidates, 'right')) * fake.size
                  + np.searchsorted(fake, candidates, 'right') * real.size)
    return float(candidates[np.argmax(recognised)])


def balanced_accuracy(real, fake, threshold):
    """Mean of the shares of real scores above and of fake scores not above a threshold."""
    return float(np.mean(real > threshold) + np.mean(fake <= threshold)) / 2


def winner(r_samples, r_test):
    """'A' or 'B' by r_samples where r_test is about 1 (:data:`NEAR_ONE`), else 'tie'."""
    if not 1 / NEAR_ONE <= r_test <= NEAR_ONE or math.isnan(r_samples) or r_samples == 1:
        return 'tie'
    return 'A' if r_samples > 1 else 'B'


@np.errstate(divide='ignore', invalid='ignore')
def interval(a, b, seed, paired):
    """Bootstrap interval of mean(a) / mean(b), by percentiles -> [low, high].

    ``a`` and ``b`` say which videos each critic recognised: if ``paired``, of the same videos,
    which are then resampled together.
    """
    rs = np.random.RandomState(seed)
    if paired:
        outcomes = np.array([a & b, a & ~b, ~a & b, ~a & ~b]).mean(axis=1)
        both, only_a, only_b, _ = rs.multinomial(len(a), outcomes, RESAMPLES).T
        of_a, of_b = both + only_a, both + only_b
    else:
        of_a, of_b = (rs.binomial(len(hits), hits.mean(), RESAMPLES) for hits in (a, b))
    ratios = (of_a / len(a)) / (of_b / len(b))
    known = ratios[~np.isnan(ratios)]
    if not known.size:
        return [math.nan, math.nan]
    tail = 100 * (1 - CONFIDENCE) / 2
    # Without interpolation, which would make NaN of infinite ratios.
    return [float(bound) for bound in np.percentile(known, (tail, 100 - tail), method='nearest')]


class Scores(NamedTuple):
    """What the critic of one system says, higher for more real; arrays (N,)."""

    natural: float | None      #: Its threshold; None is the best one of the calibration.
    own_fakes: np.ndarray      #: Of the calibration: its own generator's videos,
    real: np.ndarray           #: and real ones.
    other_fakes: np.ndarray    #: Of the battle: the opponent's videos,
    test: np.ndarray           #: and other real ones.


@np.errstate(divide='ignore', invalid='ignore')    # inf where only b is 0, NaN where both are
def judge(a, b, seed, held_out):
    """The outcome from both critics' Scores -> r_samples, ledger.Battle; seed of the bootstrap."""
    fakes, tests, critics = [], [], []
    for scores in (a, b):
        threshold = (best_threshold(scores.real, scores.own_fakes) if scores.natural is None
                     else scores.natural)
        fakes.append(scores.other_fakes <= threshold)
        tests.append(scores.test > threshold)
        critics.append(ledger.CriticRecord(
            threshold=threshold, calibrated=scores.natural is None,
            calibration_accuracy=balanced_accuracy(scores.real, scores.own_fakes, threshold),
            on_fakes=fakes[-1].mean(), on_test=tests[-1].mean()))
    r_samples, r_test = (float(x.mean() / y.mean()) for x, y in (fakes, tests))
    return r_samples, ledger.Battle(
        critics=critics, r_test=r_test, winner=winner(r_samples, r_test),
        interval=interval(*fakes, seed, paired=False),
        test_interval=interval(*tests, seed, paired=True), confidence=CONFIDENCE,
        calibration=len(a.real), held_out=held_out)


class Contestant(NamedTuple):
    """A system in a battle."""

    name: str
    source: GeneratedVideos    #: Of its videos.
    critic: Callable           #: From videos (n, C, T, H, W) to scores (n,), :func:`critic_scores`.
    natural: float | None      #: See :class:`Scores`.


def battle(a, b, real, counts, random_state, batchsize=16):
    """Let two :class:`Contestant` make videos of one size and score them -> Scores of A, of B.

    Both draw from the same seed, so that a system meets itself on the same videos.

    Args:
        real: Function -> new source of real videos.
        counts (tuple): Videos of each kind for the calibration, and for the battle.
        random_state (RandomState): Seeds the global generators.
    """
    sources = {a.name: a.source, b.name: b.source, 'the data set': real()}
    shapes = {name: source.make(source.draw(1)).shape[1:] for name, source in sources.items()}
    if len(set(shapes.values())) > 1:
        raise ConfigError('both critics can judge videos of one size only, found '
                          + ', '.join(f'{shape} of {name}' for name, shape in shapes.items())
                          + ' (channels, frames, rows, columns)')
    settings = counts, random_state, batchsize
    (own_a,), (fakes_a,) = _scores(a.source, ([a.critic], [b.critic]), f'of {a.name}', *settings)
    (own_b,), (fakes_b,) = _scores(b.source, ([b.critic], [a.critic]), f'of {b.name}', *settings)
    both = a.critic, b.critic
    (real_a, real_b), (test_a, test_b) = _scores(real(), (both, both), 'real videos', *settings)
    return (Scores(a.natural, own_a, real_a, fakes_b, test_a),
            Scores(b.natural, own_b, real_b, fakes_a, test_b))


def _scores(source, critics, what, counts, random_state, batchsize):
    """Score the first counts[0] videos by critics[0], the next by critics[1] -> [(critics, n)]."""
    random_state.seed_all()
    scores = []
    with progress(total=sum(counts), unit='video', desc=what) as bar:
        for judges, count in zip(critics, counts, strict=True):
            found = []
            for start in range(0, count, batchsize):
                videos = source.make(source.draw(min(batchsize, count - start)))
                found.append([critic(videos) for critic in judges])
                bar.update(len(videos))
            scores.append(np.concatenate(found, axis=1))
    return scores


def critic_scores(vdis, sign, videos):
    """D of videos (n, C, T, H, W) -> scores (n,) in main memory, higher for more real.

    Test mode, since in train mode a score depends on what else is in the batch. Of a pair of scores
    the sum counts, as in the loss. ``sign`` is -1 where D was trained to give fakes the higher one.
    """
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        scores = vdis(videos)
    pair = scores if isinstance(scores, tuple) else (scores,)
    return chainer.get_device('@numpy').send(
        sign * sum(score.array.reshape(len(videos)) for score in pair))


def open_contestant(result_dir, iteration, device):
    """The three networks of a result folder, of no conditional system -> Contestant, Subject."""
    subject = open_result(result_dir, iteration, device, roles=('fsgen', 'vgen', 'vdis'))
    source = subject.source(0)
    if first_generator(*source).n_categories:
        raise ConfigError(f'{result_dir}: a conditional critic judges videos with labels, of which '
                          'the metric knows nothing; give systems without categories')
    sign, natural = subject.experiment.updater.cls.critic_scale
    critic = functools.partial(critic_scores, subject.vdis, sign)
    name = f'{result_dir} iter:{subject.system.iteration}'
    return Contestant(name, source, critic, natural), subject


def parse_args(argv=None):
    """Flags of the command."""
    parser = flags.parser_of('gam', 'Let two systems A and B judge each other: the generative '
                             'adversarial metric. Above 1, A wins.')
    flags.add(parser, 'result_dir', nargs=2, required=True, metavar=('A', 'B'))
    flags.add(parser, 'iter', nargs=2, metavar=('A', 'B'), default=(None, None))
    flags.add_gpu(parser, -1)
    flags.add(parser, 'seed', help='of all that is drawn (default: 0)')
    parser.add_argument('--n', type=flags.positive, default=1000,
                        help='fakes of each system, and real videos, of the battle (default: 1000)')
    parser.add_argument('--calibration', type=flags.positive, default=1000, metavar='N',
                        help='as many others to choose thresholds by (default: 1000)')
    parser.add_argument('--test', nargs='+', metavar='ARG=PATH', default=[],
                        help='held-out real videos: arguments of the data set that are to be '
                        'others than in the experiment, such as '
                        'dataset_path=data/moving_mnist_heldout.npy. Without it the real videos '
                        'are those of the training')
    parser.add_argument('--batchsize', type=flags.positive, default=16,
                        help='videos made and scored at once (default: 16)')
    flags.add(parser, 'ledger')
    return parser.parse_args(argv)


def _run(args):
    device = get_device(args.gpu)
    (a, of_a), (b, of_b) = (
        open_contestant(*which, device) for which in zip(args.result_dir, args.iter, strict=True))
    part = real_part(of_a.experiment, of_b.experiment, args.test)
    dataset, n_videos = part.build(), args.n + args.calibration
    if len(dataset) < n_videos:
        raise DataError(f'{part.name} {part.args} has {len(dataset)} videos, expected at least '
                        f'{n_videos}, for the calibration and the battle; lower --n or '
                        '--calibration')
    scores = battle(a, b, lambda: RealVideos(dataset, device, args.seed),
                    (args.calibration, args.n), RandomState(args.seed, device), args.batchsize)
    trained_on = [of.experiment.dataset.args for of in (of_a, of_b)]
    r_samples, outcome = judge(*scores, args.seed, held_out=part.args not in trained_on)
    measurement = ledger.measurement(
        [r_samples], args.command_line, device, metric='GAM', systems=[of_a.system, of_b.system],
        protocol='gam-v1', samples=args.n, dataset=ledger.describe_dataset(part), seeds=[args.seed],
        weights={}, battle=outcome)
    print(*describe(measurement, a.name, b.name), sep='\n')
    print(f'wrote {ledger.write(args.ledger or of_a.out / "ledger", measurement)}')


def real_part(of_a, of_b, changes):
    """The data set whose videos are real in the battle -> config.Part.

    ``changes`` are 'ARGUMENT=PATH' of A's; it must be B's, too, or there are some.
    """
    part, other = of_a.dataset, of_b.dataset
    if not changes and (part.name, part.args) != (other.name, other.args):
        raise ConfigError(f'A was trained on {part.name} {part.args}, B on {other.name} '
                          f'{other.args}: say by --test which videos test both')
    paths = [name for name in ledger.arguments(part) if name.endswith('path')]
    args = dict(part.args)
    for change in changes:
        name, equals, path = change.partition('=')
        if name not in paths or not equals:
            raise ConfigError(f'--test {change}: expected ARGUMENT=PATH with an argument of '
                              f'{part.name}: {", ".join(paths)}')
        args[name] = path
    return part.model_copy(update={'args': args, 'where': '--test'})


def describe(measurement, *names):
    """Yield the lines that say what a battle came to."""
    battle, samples = measurement.battle, measurement.samples
    for letter, name, critic in zip('AB', names, battle.critics, strict=True):
        rule = (f'best of {battle.calibration} real and {battle.calibration} fake'
                if critic.calibrated else 'natural')
        yield f'{letter}: {name}'
        yield (f'   threshold {critic.threshold:g} ({rule}; balanced accuracy '
               f'{critic.calibration_accuracy:.4f})')
        yield (f"   recognises {critic.on_fakes:.4f} of {samples} fakes of the other's, "
               f'{critic.on_test:.4f} of {samples} real videos')
    if not battle.held_out:
        yield "the real videos come from the training's data (see --test)"
    for name, value, (low, high), about in (
            ('r_test   ', battle.r_test, battle.test_interval,
             f', about 1 is {1 / NEAR_ONE:.3f} to {NEAR_ONE:.3f}'),
            ('r_samples', measurement.value, battle.interval,
             f' ({battle.confidence:.0%} bootstrap)')):
        yield f'{name} {value:.4f} [{low:.4f}, {high:.4f}]{about}'
    yield f'winner: {battle.winner}'


main = command('gam', parse_args, _run)
