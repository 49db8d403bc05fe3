"""Make videos with trained generators (authors' infer.py)."""
import functools
import itertools
from pathlib import Path

import chainer

from tgan_chainer import results
from tgan_chainer.commands.infer import main
from tgan_chainer.device import get_device
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


def infer(args):
    """Write what the flags of `tgan infer` or `tgan interpolate` ask for, and print where."""
    if args.video:
        pictures.require_av()
    videos, names, stem, _ = sample(args)
    strips, columns, fps, stem = videos, None, pictures.INFER_FPS, Path(args.out_dir, stem)
    if args.between:
        every = args.between + 1
        strips, columns = pictures.frame_borders(videos, every), pictures.columns_of(every)
        fps = min(pictures.FPS * every, 50)    # more, and browsers slow a GIF down
    for path in itertools.chain(
            pictures.save_movies(f'{stem}{results.category_part(args)}', pictures.name_rows(
                pictures.tile_movie(videos, args.n if names else None), names), fps)
            if args.video else (),
            pictures.save_strips(stem, strips, names, columns) if args.images else ()):
        print(path)


def sample(args):
    """The videos that the flags ask for, by networks on the device that they name, seeded.

    With ``args.between``, z_fast is interpolated linearly: so many frames stand between any two
    that G0 gives (paper Figure 6, FACTS §7).

    Returns:
        uint8 (N, C, T, H, W), ``args.n`` of each category that the flags name; the categories'
        names; the stem of :func:`.results.output_stem`, and what is between; and, where categories
        were drawn that have names, that of each video, or else None. To interpolate without z_fast
        is a ConfigError, as is a category of a system that has none.
    """
    device = get_device(args.gpu)
    device.use()
    folder = results.experiment_file(args.result_dir).parent
    iteration = results.choose_iteration(folder, args.iter)
    fsgen, vgen, _ = results.load_system(folder, iteration, device, ('fsgen', 'vgen'))
    first, names, labels, rows = first_generator(fsgen, vgen), [], None, None
    if args.categories:
        if not first.n_categories:
            raise ConfigError(f'--category: the system in {args.result_dir} is not conditional; '
                              'leave the flag out')
        known = results.read_categories(folder, first.n_categories)
        chosen = results.find_categories(args.categories, known)
        names = [known[label] for label in chosen]
        labels = device.xp.asarray(chosen, 'i').repeat(args.n)
    device.xp.random.seed(args.seed)
    n = args.n * max(1, len(names))
    if not args.between:
        z_slow = draw_z_slow(first, n)
        if labels is None and first.n_categories:
            labels = draw_labels(first, n)
            if (folder / results.CATEGORIES).exists():
                categories = results.read_categories(folder, first.n_categories)
                rows = [categories[label] for label in labels.tolist()]
        videos, _, _ = make_video(fsgen, vgen, n, z_slow, labels=labels, progress=chunk_progress)
    elif fsgen is None:
        raise ConfigError(f'{args.result_dir}: {type(vgen).__name__} makes whole videos from one '
                          'latent vector; there is no vector of a frame to interpolate. Give a '
                          'result folder of a system with G0')
    else:
        videos = make_interpolated_video(
            fsgen, vgen, n, args.between, labels, functools.partial(chunk_progress, unit='frame'))
    videos = pictures.infer_pixels(chainer.get_device('@numpy').send(videos))
    stem = results.output_stem(args, iteration) + (
        f'_between-{args.between}' if args.between else '')
    return pictures.enlarge(videos, args.scale), names, stem, rows


if __name__ == '__main__':
    raise SystemExit(main())
