"""A movie of the videos that C3D is surest of (authors' evaluation/tile_prediction.py)."""
from pathlib import Path

import chainer
import numpy as np

from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.device import get_device
from tgan_chainer.errors import DataError
from tgan_chainer.evaluation import scoring_flags
from tgan_chainer.evaluation.protocols import EPS
from tgan_chainer.evaluation.sources import open_result
from tgan_chainer.io import files, pictures
from tgan_chainer.io.progress import progress
from tgan_chainer.random_streams import RandomState
from tgan_chainer.results import output_stem


def surest(source, classify, batchsize):
    """The video of a batch that stands out most, by the authors' rule (FACTS §11).

    It is the first of the largest exp(p log(p + 1e-7) - p log(mean p + 1e-7)) over all classes and
    videos, with the mean over the batch: sure of a class that is rare in the rest of the batch.
    ``classify`` makes of videos (n, C, T, H, W) probabilities (n, classes). Returned are the video
    (C, T, H, W) in main memory, that class, and its probability.
    """
    videos = source.make(source.draw(batchsize))
    to_host = chainer.get_device('@numpy').send
    p = to_host(classify(videos))
    gain = np.exp(p * np.log(p + EPS) - p * np.log(p.mean(axis=0) + EPS))
    which, category = np.unravel_index(gain.argmax(), gain.shape)
    return to_host(videos[which]), int(category), float(p[which, category])


def parse_args(argv=None):
    """Flags of the command (FACTS §10); ``--n``, ``--c3d`` and ``--rehearsal`` are ours."""
    parser = flags.parser_of('tile-prediction', 'Show the videos that C3D is surest of, one of '
                             'each batch, in a grid.')
    flags.add(parser, 'result_dir', required=True)
    flags.add(parser, 'iter')
    flags.add_gpu(parser)
    flags.add(parser, 'out_dir', 'seed', 'scale')
    parser.add_argument('--batchsize', type=flags.positive,
                        help='videos a batch (default: 48; in a rehearsal 2)')
    parser.add_argument('--n', type=flags.positive, help='batches, each of which shows one video '
                        '(default: 100; in a rehearsal 4)')
    scoring_flags.add_classifier_flags(parser)
    args = parser.parse_args(argv)
    args.batchsize, args.n = (given or usual for given, usual in zip(
        (args.batchsize, args.n), (2, 4) if args.rehearsal else (48, 100), strict=True))
    return args


def _run(args):
    pictures.require_av()
    device = get_device(args.gpu)
    subject = open_result(args.result_dir, args.iter, device)
    subject.check_colour(args.rehearsal)
    name = output_stem(args, subject.system.iteration)    # also of infer.py's movies
    stem = Path(args.out_dir, f'{name}_rehearsal' if args.rehearsal else name)
    movie, predictions = (stem.with_name(f'{stem.name}{suffix}') for suffix in ('.avi', '.json'))
    if movie.exists() and not predictions.exists():
        raise DataError(f'{movie} is there, but no {predictions.name} beside it, so it is another '
                        "command's, such as infer.py's; give another --out_dir")
    classifier = scoring_flags.open_classifier(args, device)
    RandomState(args.seed, device).seed_all()
    source = subject.source(args.seed)
    videos, categories, probabilities = zip(*(
        surest(source, classifier, args.batchsize)
        for _ in progress(range(args.n), unit='batch')), strict=True)
    videos = pictures.enlarge(pictures.infer_pixels(np.stack(videos)), args.scale)
    marked = {'rehearsal': True} if args.rehearsal else {}
    files.write_json(predictions, [
        {'class': category, 'probability': probability, **marked}
        for category, probability in zip(categories, probabilities, strict=True)])
    for path in (*pictures.save_movies(stem, pictures.tile_movie(videos)), predictions):
        print(classifier.label(path))


main = command('tile-prediction', parse_args, _run)
