"""Make videos with trained generators (authors' infer.py)."""
from pathlib import Path
from urllib.parse import quote

import chainer
import numpy as np

from tgan_chainer.commands.infer import main
from tgan_chainer.io import pictures
from tgan_chainer.io.progress import chunk_progress
from tgan_chainer.models.sampling import make_video
from tgan_chainer.results import open_generators


def infer(args):
    """Write the videos that the flags ask for, and print where.

    Args:
        args (argparse.Namespace): See :func:`tgan_chainer.commands.infer.parse_args`.

    Raises:
        TGANError: See :func:`tgan_chainer.results.open_generators`; or a file cannot be written.
    """
    fsgen, vgen, names, labels = open_generators(args)
    videos, _, _ = make_video(fsgen, vgen, args.n * max(1, len(names)), labels=labels,
                              progress=chunk_progress)
    videos = pictures.infer_pixels(chainer.get_device('@numpy').send(videos))
    for path in write_videos(videos, names, args):
        print(path)


def write_videos(videos, names, args):
    """Write uint8 ``videos`` (N, C, T, H, W) as the flags ask -> paths of what was written.

    With ``names`` of categories, each has as many videos as the others, one after another.
    """
    stem = f'{Path(args.result_dir).resolve().name}_seed-{args.seed}'
    out_dir = Path(args.out_dir)
    if args.video:
        yield from pictures.save_movies(
            out_dir / stem, pictures.tile_movie(videos, rows=len(names) or None))
    if args.images:
        yield from write_strips(out_dir / stem, videos, names)


def write_strips(stem, videos, names):
    """Write each of uint8 ``videos`` (N, C, T, H, W) as a picture of its frames -> their paths.

    A picture of a grey video has one channel, as the authors' have (FACTS §11).
    """
    each = len(videos) // max(1, len(names))
    for i, video in enumerate(videos):
        # Quoted: a category may be called by what a file may not.
        category = f'_{quote(names[i // each], safe="")}' if names else ''
        path = Path(f'{stem}{category}_{i % each}.png')
        sheet = pictures.frame_sheet(video[np.newaxis])
        pictures.save_png(path, sheet[..., 0] if len(video) == 1 else sheet)
        yield path


if __name__ == '__main__':
    raise SystemExit(main())
