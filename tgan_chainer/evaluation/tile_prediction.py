"""A movie of the videos that C3D is surest of (authors' evaluation/tile_prediction.py).

Of each of 100 batches the video of the highest class probability is kept::

    python evaluation/tile_prediction.py --result_dir results/... --gpu 0
"""
import argparse
from pathlib import Path

import chainer
import numpy as np

from tgan_chainer import files, pictures
from tgan_chainer.command import run_command
from tgan_chainer.device import count_gpus, get_device
from tgan_chainer.evaluation import calc_inception
from tgan_chainer.evaluation.classifier import load_classifier
from tgan_chainer.evaluation.subjects import open_result
from tgan_chainer.extensions.random_state import RandomState
from tgan_chainer.progress import progress


def surest(source, classify, batchsize, chunk=None):
    """The video of a batch whose largest class probability is the largest.

    Args:
        source: Source of videos, see :mod:`.samples`.
        classify: Function from videos (n, C, T, H, W) to probabilities (n, classes).
        batchsize (int): Videos in the batch.
        chunk (int or None): Videos that are classified at once; None is a batch.

    Returns:
        The video (C, T, H, W) in main memory, its class, and the probability.
    """
    videos = source.make(source.draw(batchsize))
    chunk = chunk or batchsize
    to_host = chainer.get_device('@numpy').send
    probabilities = np.concatenate([to_host(classify(videos[start:start + chunk]))
                                    for start in range(0, batchsize, chunk)])
    which, category = np.unravel_index(probabilities.argmax(), probabilities.shape)
    return to_host(videos[which]), int(category), float(probabilities[which, category])


def main(argv=None):
    """Run the command; returns its exit code."""
    return run_command(_run, parse_args(argv))


def parse_args(argv=None):
    """Flags of the command (FACTS §10); ``--n`` and ``--c3d`` are ours."""
    parser = argparse.ArgumentParser(
        prog='tile_prediction.py', description='Show the videos that C3D is surest of, one of each '
        'batch, in a grid.')
    parser.add_argument('--result_dir', required=True, help='result folder of train.py')
    parser.add_argument('--iter', type=int,
                        help='iteration of the snapshot (default: 100000, or else the newest)')
    parser.add_argument('--gpu', type=int,
                        help='GPU to use, -1 for the CPU (default: GPU 0 if there is one)')
    parser.add_argument('--out_dir', default='infer', help='where to write (default: infer)')
    parser.add_argument('--seed', type=calc_inception.seed_number, default=0,
                        help='seed of z_slow (default: 0)')
    parser.add_argument('--batchsize', type=int, default=48, help='videos a batch (default: 48)')
    parser.add_argument('--n', type=int, default=100, help='batches, each of which shows one video '
                        '(default: 100)')
    calc_inception.add_classifier_flags(parser)
    args = parser.parse_args(argv)
    for name in ('n', 'batchsize'):
        if getattr(args, name) < 1:
            parser.error(f'--{name} {getattr(args, name)}: expected at least 1')
    return args


def _run(args):
    device = get_device(args.gpu if args.gpu is not None else (0 if count_gpus() else -1))
    device.use()
    subject = open_result(args.result_dir, args.iter, device)
    subject.check_colour()
    protocol = calc_inception.protocol_name('tgan-v1', args.interpolation)
    classifier = load_classifier(args.c3d, args.mean, protocol, device)
    RandomState(args.seed, device).seed_all()
    source, chunk = subject.source(args.seed), calc_inception.chunk_size(device)
    shown = [surest(source, classifier, args.batchsize, chunk)
             for _ in progress(range(args.n), unit='batch')]
    videos, categories, probabilities = zip(*shown, strict=True)
    frames = pictures.tile_movie(pictures.infer_pixels(np.stack(videos)))
    name = Path(args.result_dir).resolve().name
    stem = Path(args.out_dir, f'{name}_prediction_seed-{args.seed}')
    for path in pictures.save_movies(stem, frames):
        print(path)
    predictions = stem.with_name(f'{stem.name}.json')
    files.write_json(predictions, [{'class': category, 'probability': probability}
                                   for category, probability
                                   in zip(categories, probabilities, strict=True)])
    print(predictions)


if __name__ == '__main__':
    raise SystemExit(main())
