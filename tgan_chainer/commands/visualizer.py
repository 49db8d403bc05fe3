"""Turn a preview image back into movies (the authors' visualizer.py, FACTS §11).

A training writes its previews as sheets: one row for each video, its frames side by side. This
command plays the rows in a grid. It writes the movie and its frames into a folder that is called as
the sheet, without the suffix::

    python visualizer.py --preview_png results/.../preview/image_img_00005000.png
"""
import argparse
import sys
from pathlib import Path

from tgan_chainer.commands.run import positive, run_command
from tgan_chainer.errors import DataError
from tgan_chainer.io import pictures

MOVIE_SUFFIXES = ('.avi', '.mov')


def visualize(sheet_path, height, width, channels, rows, cols):
    """Write the frames 0.png, ... and the movies out.avi and out.mov of a sheet; print the folder.

    Args:
        sheet_path (str or os.PathLike): PNG laid out as :func:`pictures.frame_sheet` does. What is
            written goes into the folder of this name without its suffix.
        height (int): Rows of one frame in pixels.
        width (int): Columns of one frame in pixels.
        channels (int): 3, or 1 to show the luminance only.
        rows (int): Videos in the sheet.
        cols (int): Frames of each.

    Raises:
        DataError: The sheet cannot be read, is of another size than ``rows`` videos of ``cols``
            frames have, or has no suffix to take off; or a file cannot be written.
    """
    sheet_path = Path(sheet_path)
    folder = sheet_path.with_suffix('')
    if folder == sheet_path:
        raise DataError(f'{sheet_path}: a name without a suffix would be the name of the folder '
                        'for its movies, too. Call it .png')
    videos = pictures.split_sheet(pictures.read_png(sheet_path, channels), height, width)
    found = (len(videos), videos.shape[2])
    if found != (rows, cols):
        raise DataError(
            f'{sheet_path} holds {found[0]} videos of {found[1]} frames of {width}x{height} pixels '
            f'(width x height), expected {rows} of {cols}. If those are its frames, give '
            f'--rows {found[0]} --cols {found[1]}')
    frames = pictures.tile_movie(videos)
    for number, frame in enumerate(frames):
        pictures.save_png(folder / f'{number}.png', frame)
    for suffix in MOVIE_SUFFIXES:
        path = folder / f'out{suffix}'
        pictures.save_movie(path, frames)
        print(f'{path}: {rows} videos, {cols} frames')


def main(argv=None):
    """Run the command.

    Args:
        argv (list of str): Arguments; those of the process when it is None.

    Returns:
        int: Exit code, see :func:`tgan_chainer.commands.run.run_command`.
    """
    args = _parser().parse_args(argv)
    return run_command(
        visualize, args.preview_png, args.H, args.W, args.C, args.rows, args.cols)


def _parser():
    parser = argparse.ArgumentParser(
        prog='tgan visualizer',
        description='Turn a preview image of a training back into movies.')
    parser.add_argument('--preview_png', required=True,
                        help='PNG sheet of videos: a row each, frames side by side')
    parser.add_argument('--C', type=int, choices=(1, 3), default=3,
                        help='channels: 3 for colour, 1 for grey (3)')
    for flag, default, meaning in (('--H', 64, 'height of a frame in pixels'),
                                   ('--W', 64, 'width of a frame in pixels'),
                                   ('--rows', 100, 'videos in the image, a row each'),
                                   ('--cols', 16, 'frames of each video, side by side')):
        parser.add_argument(flag, type=positive, default=default, help=f'{meaning} ({default})')
    return parser


if __name__ == '__main__':
    sys.exit(main())
