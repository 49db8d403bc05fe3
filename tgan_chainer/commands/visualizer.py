"""Turn a preview image back into movies (the authors' visualizer.py, FACTS §11)."""
from pathlib import Path

from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.errors import DataError
from tgan_chainer.io import pictures


def visualize(args):
    """Write the frames 0.png, ... and the movies out.avi and out.mov of a sheet; print their paths.

    The sheet's ``rows`` videos of ``cols`` frames are played in a grid; with one channel only its
    luminance is shown. The folder has its name without the suffix.
    """
    pictures.require_av()
    sheet_path, width, rows, cols = Path(args.preview_png), args.W, args.rows, args.cols
    folder = sheet_path.with_suffix('')
    if folder == sheet_path:
        raise DataError(f'{sheet_path}: a name without a suffix would be the name of the folder '
                        'for its movies, too. Call it .png')
    sheet = pictures.read_png(sheet_path, args.C)
    if sheet.shape[1] == cols * width + pictures.NAMES_WIDTH:    # of a conditional system
        sheet = sheet[:, :cols * width]
    videos = pictures.split_sheet(sheet, args.H, width)
    found = (len(videos), videos.shape[2])
    if found != (rows, cols):
        raise DataError(
            f'{sheet_path} holds {found[0]} videos of {found[1]} frames of {width}x{args.H} pixels '
            f'(width x height), expected {rows} of {cols}. If those are its frames, give '
            f'--rows {found[0]} --cols {found[1]}; if not, their size by --H and --W')
    frames = pictures.tile_movie(pictures.enlarge(videos, args.scale))
    for number, frame in enumerate(frames):
        pictures.save_png(folder / f'{number}.png', frame)
    for path in (folder / 'out.avi', folder / 'out.mov'):
        pictures.save_movie(path, frames)
        print(f'{path}: {rows} videos, {cols} frames')


def parse_args(argv=None):
    """Flags of the command (FACTS §10)."""
    parser = flags.parser_of('visualizer', 'Turn a preview image of a training back into movies.')
    parser.add_argument('--preview_png', required=True,
                        help='PNG sheet of videos: a row each, frames side by side')
    parser.add_argument('--C', type=int, choices=(1, 3), default=3,
                        help='channels: 3 for colour, 1 for grey (3)')
    for flag, default, meaning in (('H', 64, 'height of a frame in pixels'),
                                   ('W', 64, 'width of a frame in pixels'),
                                   ('rows', 100, 'videos in the image, a row each'),
                                   ('cols', 16, 'frames of each video, side by side')):
        parser.add_argument(f'--{flag}', type=flags.positive, default=default,
                            help=f'{meaning} (%(default)s)')
    flags.add(parser, 'scale')
    return parser.parse_args(argv)


main = command('visualizer', parse_args, visualize)
