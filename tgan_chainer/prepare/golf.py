"""Make the table of the golf videos that training reads, from the folder of their images.

The videos of Vondrick et al. (2016) are published as images, FOLDER/0001.jpg, ..., each a strip
of frames below each other. The table has a row for each run of successive images in a folder.
"""
import functools
import os
from pathlib import Path

from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.datasets.checks import require_place
from tgan_chainer.datasets.golf_dataset import FILE_NAME, open_strip
from tgan_chainer.datasets.published import obtain
from tgan_chainer.datasets.tables import require_csv, write_table
from tgan_chainer.errors import DataError
from tgan_chainer.io.progress import progress
from tgan_chainer.prepare.workers import map_in_order

ROOT = 'data/golf'


def make_golf(table_path, root_path=ROOT, n_frames=16, workers=None, overwrite=False):
    """Look at all images and write the table of those that can be used, as GolfDataset reads it.

    Args:
        table_path: `.csv` file to write; with `overwrite` it may exist.
        root_path: Folder of the images, to which the paths in the table are relative.
        n_frames: Frames that an image must have at least.
        workers: Processes that look; None is the number of cores.

    Returns:
        Rows of the table, images in it, and a list: why each other image cannot be used.

    Raises:
        DataError: The file exists or cannot be written; there is no image that can be used.
    """
    require_csv(table_path)
    require_place(table_path, overwrite)
    pictures, rows, skipped = find_pictures(root_path), [], []
    look = functools.partial(_look_at, root_path=root_path, n_frames=n_frames)
    reasons = progress(map_in_order(look, pictures, workers), total=len(pictures), unit='image')
    for (path, number), reason in zip(pictures, reasons, strict=True):
        if reason:
            skipped.append(reason)
        elif rows and rows[-1][::2] == [path, number - 1]:
            rows[-1][2] = number
        else:
            rows.append([path, number, number])
    if not rows:
        raise DataError(f"'{root_path}' has no image that can be used of {len(pictures)}, the "
                        f'first: {skipped[0]}')
    path, start, end = zip(*rows, strict=True)
    write_table(table_path, {'path': path, 'start': start, 'end': end})
    return len(rows), len(pictures) - len(skipped), skipped


def find_pictures(root_path):
    """Images below a folder -> sorted list of (path, number), path being relative to it."""
    pictures = sorted(
        (path.parent.relative_to(root_path).as_posix(), int(path.stem))
        for path in Path(root_path).rglob('*.jpg') if path.stem.isascii()
        and path.stem.isdecimal() and FILE_NAME.format(int(path.stem)) == path.name)
    if not pictures:
        raise DataError(f"'{root_path}' has no images of the golf data set, expected folders of "
                        '0001.jpg, 0002.jpg, ...; unpack the data set there, or name its place '
                        f"with --root. It is in {obtain('golf')}")
    return pictures


def _look_at(picture, root_path, n_frames):
    """Why an image cannot be used, or None."""
    path, number = picture
    try:
        with open_strip(os.path.join(root_path, path, FILE_NAME.format(number)), n_frames) as image:
            image[0].load()
    except DataError as error:
        return str(error)
    return None


def parse_args(argv=None):
    """Flags of the command."""
    parser = flags.parser_of('make-golf', 'Make the table of the golf videos of Vondrick et al. '
                             '(2016) that training reads, after a look at all images.')
    parser.add_argument('--root', default=ROOT, help='folder of the images, root_path in '
                        'experiments (default: %(default)s)')
    parser.add_argument('--out', default='data/golf_pd.csv',
                        help='table to write (default: %(default)s)')
    parser.add_argument('--n_frames', type=flags.positive, default=16, metavar='N',
                        help='frames an image must have at least (default: %(default)s)')
    flags.add(parser, 'workers', 'overwrite')
    return parser.parse_args(argv)


def _make(args):
    n_rows, n_pictures, skipped = make_golf(
        args.out, args.root, args.n_frames, args.workers, args.overwrite)
    if skipped:
        print(f'left out {len(skipped)} images:', *skipped, sep='\n  ')
    print(f'wrote {n_rows} rows for {n_pictures} images to {args.out}')


main = command('make-golf', parse_args, _make)
