"""Turn a preview picture back into movies (the authors' visualizer.py, FACTS §10).

A training writes its previews as sheets: one row for each video, its frames side by side. This
command plays the rows in a grid and writes the movie beside the sheet, as GIF and as MP4::

    python -m tgan_chainer.visualizer --preview_png results/.../preview/image_img_00005000.png
"""
import argparse
import sys
from pathlib import Path

from tgan_chainer import pictures
from tgan_chainer.command import run_command

MOVIE_SUFFIXES = ('.gif', '.mp4')


def visualize(sheet_path, height, width, channels, rows, cols):
    """Write the movies of a sheet beside it, under its name with another suffix, and print them.

    Args:
        sheet_path (str or os.PathLike): PNG laid out as :func:`pictures.frame_sheet` does, with any
            number of videos and of frames.
        height (int): Rows of one frame in pixels.
        width (int): Columns of one frame in pixels.
        channels (int): 3, or 1 to show the luminance only.
        rows (int): Rows of videos in the movies.
        cols (int): Columns of videos in the movies.

    Raises:
        DataError: The sheet cannot be read or does not hold whole frames, or a movie cannot be
            written.
    """
    videos = pictures.split_sheet(pictures.read_png(sheet_path, channels), height, width)
    frames = pictures.tile_movie(videos, rows, cols)
    shown = min(len(videos), rows * cols)
    for suffix in MOVIE_SUFFIXES:
        path = Path(sheet_path).with_suffix(suffix)
        pictures.save_movie(path, frames)
        print(f'{path}: {shown} of {len(videos)} videos, {len(frames)} frames')


def main(argv=None):
    """Run the command.

    Args:
        argv (list of str): Arguments; those of the process when it is None.

    Returns:
        int: Exit code, see :func:`tgan_chainer.command.run_command`.
    """
    args = _parser().parse_args(argv)
    return run_command(
        visualize, args.preview_png, args.H, args.W, args.C, args.rows, args.cols)


def _parser():
    parser = argparse.ArgumentParser(
        prog='visualizer', description='Turn a preview picture of a training back into movies.')
    parser.add_argument('--preview_png', required=True,
                        help='PNG sheet of videos: a row each, frames side by side')
    parser.add_argument('--C', type=int, choices=(1, 3), default=3,
                        help='channels: 3 for colour, 1 for grey (3)')
    for flag, default, meaning in (('--H', 64, 'height of a frame in pixels'),
                                   ('--W', 64, 'width of a frame in pixels'),
                                   ('--rows', 10, 'rows of videos in the movie'),
                                   ('--cols', 10, 'columns of videos in the movie')):
        parser.add_argument(flag, type=_positive, default=default, help=f'{meaning} ({default})')
    return parser


def _positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'must be at least 1, got {number}')
    return number


if __name__ == '__main__':
    sys.exit(main())
