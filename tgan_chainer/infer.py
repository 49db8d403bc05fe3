"""Make videos with trained generators (authors' infer.py)."""
import functools
import itertools
from pathlib import Path

import chainer

from tgan_chainer.commands.infer import main
from tgan_chainer.errors import ConfigError
from tgan_chainer.io import pictures
from tgan_chainer.io.progress import chunk_progress
from tgan_chainer.models.sampling import (
    draw_labels,
    draw_z_slow,
    first_generator,
    make_interpolated_video,
    make_video,
)
from tgan_chainer.results import CATEGORIES, category_part, open_generators, read_categories


def infer(args):
    """Write the videos that the flags of :mod:`.commands.infer` ask for, and print where."""
    if args.video:
        pictures.require_av()
    videos, names, stem, _ = sample(args)
    for path in write_videos(videos, names, Path(args.out_dir, stem), args):
        print(path)


def interpolate(args):
    """Write videos with frames between those of G0: a strip of each, and a movie of all."""
    pictures.require_av()
    videos, names, stem, _ = sample(args, args.between)
    every = args.between + 1
    stem = Path(args.out_dir, f'{stem}_between-{args.between}')
    movie, strips = pictures.named_movie(videos, names), pictures.frame_borders(videos, every)
    fps = min(pictures.FPS * every, 50)    # more, and browsers slow a GIF down
    for path in itertools.chain(
            pictures.save_movies(f'{stem}{category_part(args)}', movie, fps),
            pictures.save_strips(stem, strips, names, pictures.columns_of(every))):
        print(path)


def sample(args, between=None):
    """The videos that the flags ask for.

    With ``between``, z_fast is interpolated linearly: so many frames stand between any two that G0
    gives (paper Figure 6, FACTS §7).

    Returns:
        uint8 (N, C, T, H, W); names of the flags' categories; the stem of
        :func:`tgan_chainer.results.output_stem`; and, where categories were drawn that have names,
        that of each video, or else None.

    Raises:
        ConfigError: They are to be interpolated, and the system has no z_fast.
    """
    fsgen, vgen, names, labels, stem = open_generators(args)
    n, first, rows = args.n * max(1, len(names)), first_generator(fsgen, vgen), None
    if between is None:
        z_slow = draw_z_slow(first, n)
        if labels is None and first.n_categories:
            labels = draw_labels(first, n)
            if Path(args.result_dir, CATEGORIES).exists():
                categories = read_categories(args.result_dir, first.n_categories)
                rows = [categories[label] for label in labels.tolist()]
        videos, _, _ = make_video(fsgen, vgen, n, z_slow, labels=labels, progress=chunk_progress)
    elif fsgen is None:
        raise ConfigError(f'{args.result_dir}: {type(vgen).__name__} makes whole videos from one '
                          'latent vector; there is no vector of a frame to interpolate. Give a '
                          'result folder of a system with G0')
    else:
        videos = make_interpolated_video(fsgen, vgen, n, between, labels, functools.partial(
            chunk_progress, unit='frame'))
    videos = pictures.infer_pixels(chainer.get_device('@numpy').send(videos))
    return pictures.enlarge(videos, args.scale), names, stem, rows


def write_videos(videos, names, stem, args):
    """Write uint8 ``videos`` (N, C, T, H, W) as the flags ask -> paths of what was written.

    With ``names`` of categories, each has as many videos as the others, one after another.
    """
    if args.video:
        yield from pictures.save_movies(f'{stem}{category_part(args)}',
                                        pictures.named_movie(videos, names))
    if args.images:
        yield from pictures.save_strips(stem, videos, names)


if __name__ == '__main__':
    raise SystemExit(main())
