"""Videos with frames between those that G0 gives (the paper's frame interpolation, Figure 6).

z_fast is interpolated linearly between neighbouring frames, z_slow stays, and G1 draws a frame from
every point (FACTS §7)::

    tgan interpolate --result_dir results/... --between 3
"""
import functools
import itertools
from pathlib import Path

import chainer
import numpy as np

from tgan_chainer import results
from tgan_chainer.commands.interpolate import main
from tgan_chainer.errors import ConfigError
from tgan_chainer.io import pictures
from tgan_chainer.io.progress import chunk_progress
from tgan_chainer.models.sampling import make_interpolated_video

_MAX_FPS = 50    # more, and browsers slow a GIF down


def write_interpolated(args):
    """Write the videos of :func:`interpolate`, and print where."""
    videos, names, stem = interpolate(args)
    stem = Path(args.out_dir, f'{stem}_between-{args.between}')
    fps = min(pictures.FPS * (args.between + 1), _MAX_FPS)
    movie = pictures.named_movie(videos, names)
    strips = pictures.frame_borders(videos, given_frames(videos.shape[2], args.between))
    for path in itertools.chain(
            pictures.save_movies(f'{stem}{results.category_part(args)}', movie, fps),
            pictures.save_strips(stem, strips, names, frames_a_row(args.between))):
        print(path)


def interpolate(args):
    """The videos that the flags ask for -> uint8 (N, C, T', H, W), names of categories, stem.

    The latter is that of :func:`tgan_chainer.results.output_stem`.

    Raises:
        ConfigError: The system has no z_fast.
        TGANError: See :func:`tgan_chainer.results.open_generators`.
    """
    fsgen, vgen, names, labels, stem = results.open_generators(args)
    if fsgen is None:
        raise ConfigError(f'{args.result_dir}: {type(vgen).__name__} makes whole videos from one '
                          'latent vector; there is no vector of a frame to interpolate. Give a '
                          'result folder of a system with G0')
    videos = make_interpolated_video(
        fsgen, vgen, args.n * max(1, len(names)), args.between, labels,
        progress=functools.partial(chunk_progress, unit='frame'))
    videos = chainer.get_device('@numpy').send(videos)
    return pictures.enlarge(pictures.infer_pixels(videos), args.scale), names, stem


def given_frames(n_frames, between):
    """Which of the frames of an interpolated video G0 gave -> boolean (n_frames,)."""
    return np.arange(n_frames) % (between + 1) == 0


def frames_a_row(between):
    """Frames after which an image of an interpolated video wraps: every row starts with G0's."""
    return (between + 1) * max(1, 16 // (between + 1))


if __name__ == '__main__':
    raise SystemExit(main())
