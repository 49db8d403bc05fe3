"""How good grey videos of moving digits are, in numbers that need no download.

Ours, under the name `tgan-mm-v1`: none of the numbers compares with the paper's. Beside those of a
system stand those of real videos and of what was made of them, so that a number can be read.
"""
import collections
import itertools
import random

import chainer
import chainer.functions as F
import numpy as np

from tgan_chainer import config
from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.device import get_device
from tgan_chainer.errors import ConfigError, DataError, DivergedError
from tgan_chainer.evaluation import digit_classifier, ledger
from tgan_chainer.evaluation.inception_score import calc_inception
from tgan_chainer.evaluation.sources import open_result, stack_videos
from tgan_chainer.io.files import sha256
from tgan_chainer.models.sampling import draw_latent, first_generator, make_video
from tgan_chainer.prepare.moving_mnist import halve
from tgan_chainer.random_streams import Streams

_BINS = 256    # of brightness
_CHUNK = 64    # videos that are classified at once

Statistics = collections.namedtuple(
    'Statistics', 'distance dimensions motion cumulated bright brightest mean covariance inception')
"""What is kept of some videos. The features' mean is (64,), their covariance (64, 64)."""


def statistics(videos, classifier):
    """Statistics of videos (N, 1, 16, 32, 32) in [-1, 1], N > 1; NaN in them is a DivergedError."""
    if not np.isfinite(videos).all():
        raise DivergedError('a generated video holds a number that is not finite')
    distance, dimensions = spread(videos[:128])    # dimensions grow with their number
    counts, _ = np.histogram(videos, _BINS, (-1, 1))
    features, probabilities = classify(videos, classifier)
    return Statistics(
        distance, dimensions, motion=float(np.sqrt(np.mean(np.diff(videos, axis=2) ** 2))),
        cumulated=np.cumsum(counts) / videos.size, bright=float((videos > 0).mean()),
        brightest=float(videos.max()), mean=features.mean(axis=0),
        covariance=np.cov(features, rowvar=False), inception=calc_inception(probabilities))


def spread(videos):
    """Mean distance between two videos, and in how many dimensions they differ.

    The latter is the participation ratio of the eigenvalues of the covariance, (sum e)^2 / sum e^2:
    n if they differ equally in n directions, 0 if they do not differ.
    """
    x = videos.reshape(len(videos), -1).astype(np.float64)
    x -= x.mean(axis=0)
    gram = x @ x.T
    squares = np.diag(gram)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * gram, 0))
    # What is left of equal videos is rounding.
    dimensions = squares.sum() ** 2 / (gram ** 2).sum() if squares.mean() > 1e-12 else 0
    return distances.sum() / (len(x) * (len(x) - 1)), float(dimensions)


def classify(videos, classifier):
    """Videos (N, 1, 16, 32, 32) -> features (N, 64) in float64, probabilities (N, 55)."""
    found = []
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        for start in range(0, len(videos), _CHUNK):
            features = classifier.features(videos[start:start + _CHUNK])
            digits = F.softmax(classifier.classify(features)[0])
            found.append((features.array.astype(np.float64), digits.array))
    return tuple(map(np.concatenate, zip(*found, strict=True)))


def frechet(a, b):
    """Frechet distance of two normal distributions, given as Statistics."""
    values, vectors = np.linalg.eigh(a.covariance)
    root = vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T
    of_product = np.maximum(np.linalg.eigvalsh(root @ b.covariance @ root), 0)
    return float(((a.mean - b.mean) ** 2).sum() + np.trace(a.covariance) + np.trace(b.covariance)
                 - 2 * np.sqrt(of_product).sum())


def compare(found, real):
    """Statistics of some videos, over those of as many real ones -> ledger.QualityRecord."""
    return ledger.QualityRecord(
        distance=found.distance / real.distance, dimensions=found.dimensions / real.dimensions,
        motion=found.motion / real.motion, bright=found.bright / real.bright,
        brightness=float(np.abs(found.cumulated - real.cumulated).sum() * 2 / _BINS),
        brightest=found.brightest, frechet=frechet(found, real), inception=found.inception)


def generated_videos(fsgen, vgen, n, seed):
    """Videos (n, 1, 16, 32, 32) of generators in test mode, the same for one seed on any device.

    Nothing is drawn from global generators, so a training is left untouched. A conditional system
    draws labels from its prior.
    """
    rs, first, send = np.random.RandomState(seed), first_generator(fsgen, vgen), vgen.device.send
    z_slow = draw_latent(rs, first.latent, (n, first.z_slow_dim)).astype(np.float32)
    prior = getattr(first, 'category_prior', None)
    labels = None if prior is None else send(
        rs.choice(len(prior), n, p=chainer.get_device('@numpy').send(prior)).astype(np.int32))
    videos, _, _ = make_video(fsgen, vgen, n, send(z_slow), labels=labels)
    return fit(chainer.get_device('@numpy').send(videos), 'the generators')


def real_videos(dataset, n, seed):
    """``n`` different videos (n, 1, 16, 32, 32) of a data set; global generators are left alone.

    Other videos than :func:`fit` takes are a ConfigError; too few, or useless ones, a DataError.
    """
    if len(dataset) < n:
        raise DataError(f'quality: found {len(dataset)} real videos, expected {n}, half of them to '
                        'compare with and half as an example; lower --n, or use more')
    rs = np.random.RandomState(seed)
    streams = Streams(rs, random.Random(seed))
    examples = (dataset.load(i, dataset.draw(i, streams))
                for i in rs.permutation(len(dataset))[:n].tolist())
    videos = fit(stack_videos(list(examples)), 'the data set')
    if not ((videos > 0).any() and np.diff(videos, axis=2).any() and (videos != videos[:1]).any()):
        raise DataError('quality: the real videos are dark, do not move or are all alike, expected '
                        'Moving MNIST')
    return videos


def fit(videos, what):
    """Videos (N, 1, 16, 64, 64) or (N, 1, 16, 32, 32) -> float32 (N, 1, 16, 32, 32)."""
    shape = digit_classifier.INPUT_SHAPE
    if videos.shape[1:] == (*shape[:2], 2 * shape[2], 2 * shape[3]):
        videos = halve(videos)
    if videos.shape[1:] != shape:
        raise ConfigError(f'quality: videos of {what} are {videos.shape[1:]} (channels, frames, '
                          'rows, columns), expected grey ones of 16 frames of 32x32 or 64x64')
    return videos.astype(np.float32, copy=False)


def altered(videos, seed):
    """Yield what stands beside the numbers of a system: (name, videos), from good to bad."""
    rs = np.random.RandomState(seed)
    yield 'real', videos
    yield 'blurred', digit_classifier.blur(videos)
    yield 'frozen', np.broadcast_to(videos[:, :, :1], videos.shape)
    yield 'shuffled in time', np.stack([video[:, rs.permutation(video.shape[1])]
                                        for video in videos])
    yield 'one video', np.broadcast_to(videos[:1], videos.shape)
    yield 'noise', rs.uniform(-1, 1, videos.shape).astype(np.float32)


def parse_args(argv=None):
    """Flags of the command."""
    parser = flags.parser_of('quality', 'How good the videos of a system trained on Moving MNIST '
                             'are, beside real and spoilt ones.')
    flags.add(parser, 'result_dir', 'iter')
    parser.add_argument('--real', metavar='FILE', help='Moving MNIST file of the real videos '
                        '(default: the data set of the training); alone, only these are measured')
    parser.add_argument('--n', type=flags.in_range(2, what='videos'), default=512,
                        help='videos; of the real ones twice as many (default: 512)')
    flags.add(parser, 'seed', help='of all that is drawn (default: 0)')
    flags.add_gpu(parser, -1)
    flags.add(parser, 'ledger')
    args = parser.parse_args(argv)
    if not (args.result_dir or args.real):
        parser.error('give --result_dir, --real or both')
    return args


def _run(args):
    device = get_device(args.gpu)
    subject = open_result(args.result_dir, args.iter, device) if args.result_dir else None
    part = subject.experiment.dataset if not args.real else config.Part(
        fn='datasets/mnist_dataset.py', name='MovingMNISTDataset', cls=MovingMNISTDataset,
        args={'dataset_path': args.real}, where='--real')
    real = real_videos(part.build(), 2 * args.n, args.seed)
    classifier = digit_classifier.load_classifier()
    expected = statistics(real[:args.n], classifier)
    sets = altered(real[args.n:], args.seed)
    if subject:
        generated = generated_videos(*subject.source(args.seed), args.n, args.seed)
        sets = itertools.chain([('generated', generated)], sets)
    rows = {name: compare(statistics(videos, classifier), expected) for name, videos in sets}
    print(' ' * 16 + ''.join(f'{column:>11}' for column in ledger.QualityRecord.model_fields),
          *(f'{name:16}' + ''.join(f'{value:11.3f}' for _, value in row)
            for name, row in rows.items()), sep='\n')
    if subject:
        record = ledger.measurement(
            [rows['generated'].frechet], args.command_line, device, metric='video quality',
            systems=[subject.system], dataset=ledger.describe_dataset(part),
            protocol='tgan-mm-v1', samples=args.n, seeds=[args.seed], quality=rows,
            weights={'classifier': sha256(digit_classifier.WEIGHTS)})
        print(f'wrote {ledger.write(args.ledger or subject.out / "ledger", record)}')


main = command('quality', parse_args, _run)
