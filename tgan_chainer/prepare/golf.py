"""Make the table of the golf videos that training reads, from the folder of their images.

The videos of Vondrick et al. (2016) are published as images, FOLDER/0001.jpg, FOLDER/0002.jpg,
..., each a strip of frames of 128 x 128 pixels below each other. The table has a row for each run
of successive images in a folder: path, start, end (both included).
"""
import contextlib
import functools
import itertools
import os
import re
from pathlib import Path
from typing import NamedTuple

from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.datasets.checks import require_place
from tgan_chainer.datasets.golf_dataset import file_name, open_strip
from tgan_chainer.datasets.published import obtain
from tgan_chainer.datasets.tables import require_csv, write_table
from tgan_chainer.errors import DataError
from tgan_chainer.io.progress import progress
from tgan_chainer.prepare.workers import map_in_order

ROOT = 'data/golf'
OUT = 'data/golf_pd.csv'
CHUNK = 32  # images that a worker looks at in one go

_NAME = re.compile(r'(\d{4,})\.jpg', re.ASCII)


class Summary(NamedTuple):
    """What was found."""

    n_rows: int
    n_pictures: int    #: In the table.
    skipped: list      #: Why each image that is not in the table cannot be used.


def make_golf(table_path, root_path=ROOT, n_frames=16, workers=None, overwrite=False):
    """Look at all pictures and write the table of those that can be used -> Summary.

    Args:
        table_path: `.csv` file to write; with `overwrite` it may exist.
        root_path: Folder of the pictures, to which the paths in the table are relative.
        n_frames: Frames that an image must have at least.
        workers: Processes that look; None is the number of cores.

    Raises:
        DataError: The file exists or cannot be written; there is no image that can be used.
    """
    require_csv(table_path)
    require_place(table_path, overwrite)
    pictures = find_pictures(root_path)
    reasons = _look_at_all(root_path, pictures, n_frames, workers)
    skipped = [reason for reason in reasons if reason]
    if len(skipped) == len(pictures):
        raise DataError(f"'{root_path}' has no image that can be used of {len(pictures)}, the "
                        f'first: {skipped[0]}')
    good = [picture for picture, reason in zip(pictures, reasons, strict=True) if not reason]
    rows = []
    # Within a run of a folder's pictures the number grows as the place in the list does.
    for (path, _), run in itertools.groupby(
            enumerate(good), key=lambda pair: (pair[1][0], pair[1][1] - pair[0])):
        numbers = [number for _, (_, number) in run]
        rows.append((path, numbers[0], numbers[-1]))
    write_table(table_path, dict(zip(('path', 'start', 'end'), zip(*rows, strict=True),
                                     strict=True)))
    return Summary(len(rows), len(good), skipped)


def find_pictures(root_path):
    """Images below a folder -> sorted list of (path, number), path being relative to it."""
    pictures = []
    for folder, _, names in os.walk(root_path):
        path = Path(folder).relative_to(root_path).as_posix()
        for name in names:
            match = _NAME.fullmatch(name)
            if match and file_name(int(match[1])) == name:
                pictures.append((path, int(match[1])))
    if not pictures:
        raise DataError(f"'{root_path}' has no images of the golf data set, expected folders of "
                        '0001.jpg, 0002.jpg, ...; unpack the data set there, or name its place '
                        f"with --root. It is in {obtain('golf')}")
    return sorted(pictures)


def _look_at_all(root_path, pictures, n_frames, workers):
    """Why each image cannot be used, or None, by processes."""
    paths = [os.path.join(root_path, path, file_name(number)) for path, number in pictures]
    chunks = [paths[k:k + CHUNK] for k in range(0, len(paths), CHUNK)]
    look = functools.partial(_look_at, n_frames=n_frames)
    reasons = []
    with progress(total=len(paths), unit='image') as bar, \
            contextlib.closing(map_in_order(look, chunks, workers)) as results:
        for result in results:
            reasons += result
            bar.update(len(result))
    return reasons


def _look_at(paths, n_frames):
    """Why each of some images cannot be used, or None."""
    reasons = []
    for path in paths:
        try:
            with open_strip(path, n_frames) as (picture, _):
                picture.load()
            reasons.append(None)
        except DataError as error:
            reasons.append(str(error))
    return reasons


def parse_args(argv=None):
    """Flags of the command."""
    parser = flags.parser_of('make-golf', 'Make the table of the golf videos of Vondrick et al. '
                             '(2016) that training reads, after a look at all images.')
    parser.add_argument('--root', default=ROOT,
                        help='folder of the images, root_path in experiments '
                             '(default: %(default)s)')
    parser.add_argument('--out', default=OUT, help='table to write (default: %(default)s)')
    parser.add_argument('--n_frames', type=flags.positive, default=16, metavar='N',
                        help='frames an image must have at least (default: %(default)s)')
    flags.add(parser, 'workers', 'overwrite')
    return parser.parse_args(argv)


def _make(args):
    summary = make_golf(args.out, args.root, args.n_frames, args.workers, args.overwrite)
    if summary.skipped:
        print(f'left out {len(summary.skipped)} images:')
        for reason in summary.skipped:
            print(f'  {reason}')
    print(f'wrote {summary.n_rows} rows for {summary.n_pictures} images to {args.out}')


main = command('make-golf', parse_args, _make)
