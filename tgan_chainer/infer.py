"""Make videos with trained generators (authors' infer.py)."""
from pathlib import Path

import chainer

from tgan_chainer.commands.infer import main
from tgan_chainer.io import pictures
from tgan_chainer.io.progress import chunk_progress
from tgan_chainer.models.sampling import make_video
from tgan_chainer.results import category_part, open_generators


def infer(args):
    """Write the videos that the flags ask for, and print where.

    Args:
        args (argparse.Namespace): See :func:`tgan_chainer.commands.infer.parse_args`.

    Raises:
        TGANError: See :func:`tgan_chainer.results.open_generators`; or a file cannot be written.
    """
    fsgen, vgen, names, labels, stem = open_generators(args)
    videos, _, _ = make_video(fsgen, vgen, args.n * max(1, len(names)), labels=labels,
                              progress=chunk_progress)
    videos = pictures.infer_pixels(chainer.get_device('@numpy').send(videos))
    videos = pictures.enlarge(videos, args.scale)
    for path in write_videos(videos, names, Path(args.out_dir, stem), args):
        print(path)


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
