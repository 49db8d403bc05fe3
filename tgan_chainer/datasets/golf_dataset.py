"""The golf videos of Vondrick et al. (2016)."""
import contextlib
import functools
import os

import numpy as np
from PIL import Image

from tgan_chainer.datasets.checks import require_file, require_rows, telling_damage
from tgan_chainer.datasets.drawing import DrawnDataset, draw_offset, normalize
from tgan_chainer.datasets.tables import read_table
from tgan_chainer.errors import DataError

SOURCE_SIZE = 128  # height and width of a stored frame, in pixels
FRAME_SIZE = 64    # of a frame of an example
FILE_NAME = '{:04d}.jpg'    #: Of an image, by its number.
RESTORE = 'restore it from the golf data set of Vondrick et al. (2016), or remove it from the table'


class GolfDataset(DrawnDataset):
    """Clips of golf videos, stored as images that hold the frames of a video one below the other.

    Example `i` is float32 (n_frames, 3, 64, 64) in [-1, 1), of the nearest pixels: a random offset
    in a random image of row `i`, chosen by Python's `random`, as by the authors: seed that, too.

    Args:
        n_frames: Frames a clip.
        root_path: Folder that the paths in the table are relative to.
        config_path: Table (see `tgan_chainer.datasets.tables`) with the columns `path`, `start` and
            `end`: a row stands for the images `root_path/path/%04d.jpg`, `start` to `end`, both
            included. Every image is 128 pixels wide and at least 128 * n_frames high.

    Raises:
        DataError: The table is missing, damaged, or names an image that is missing; when an
            example is read, its image is damaged or of another size.
    """

    _mirrors = False

    def __init__(self, n_frames: int, root_path: str, config_path: str):
        self.n_frames = n_frames
        self.root_path = root_path
        table = read_table(config_path, {'path': str, 'start': int, 'end': int})
        path, start, end = table.values()
        require_rows(
            table, (start >= 0) & (start <= end), config_path,
            '0 <= start <= end, the numbers of the first and the last image; correct the row')
        self._rows = list(zip(path, start.tolist(), end.tolist(), strict=True))

        @functools.cache    # one look-up for each of perhaps a million images would take longer
        def names_in(path):
            folder = os.path.join(root_path, path)
            return set(os.listdir(folder)) if os.path.isdir(folder) else set()

        for row, (path, start, end) in enumerate(self._rows):
            for number in range(start, end + 1):
                if FILE_NAME.format(number) not in names_in(path):
                    raise DataError(
                        f"found no file '{self._picture(path, number)}', which row {row} of "
                        f"'{config_path}' names; {RESTORE}, and see that root_path is right")

    def __len__(self):
        return len(self._rows)

    def draw(self, i, streams):
        path, start, end = self._rows[i]
        picture = self._picture(path, streams.python.randint(start, end))
        with open_strip(picture, self.n_frames) as (_, length):
            offset = draw_offset(length, self.n_frames, streams.numpy)
        return picture, offset, self._mirrors and streams.numpy.rand() > 0.5

    def load(self, i, drawn):
        picture, offset, mirrored = drawn
        with open_strip(picture, self.n_frames) as (strip, _):
            rows = SOURCE_SIZE * offset, SOURCE_SIZE * (offset + self.n_frames)
            clip = strip.convert('RGB').crop((0, rows[0], SOURCE_SIZE, rows[1]))
        small = clip.resize((FRAME_SIZE, FRAME_SIZE * self.n_frames), Image.Resampling.NEAREST)
        frames = np.asarray(small).reshape(self.n_frames, FRAME_SIZE, FRAME_SIZE, 3)
        return normalize(frames.transpose(0, 3, 1, 2), mirrored)

    def _picture(self, path, number):
        return os.path.join(self.root_path, path, FILE_NAME.format(number))


class GolfDatasetAugmented(GolfDataset):
    """GolfDataset with a mirroring in half of the cases."""

    _mirrors = True


@contextlib.contextmanager
def open_strip(path, n_frames):
    """Open an image of 128 pixels by 128 * length, length >= `n_frames` -> it, unread, and length.

    One that is missing, of another size or damaged, also when it is used, is a DataError.
    """
    require_file(path, RESTORE)
    with telling_damage(f"'{path}' is damaged or not an image", f'; {RESTORE}'), \
            Image.open(path) as picture:
        length, rest = divmod(picture.height, SOURCE_SIZE)
        if picture.width != SOURCE_SIZE or rest or length < n_frames:
            raise DataError(
                f"'{path}' is {picture.width} x {picture.height} pixels, expected a strip of at "
                f'least n_frames={n_frames} frames of {SOURCE_SIZE} x {SOURCE_SIZE} pixels below '
                f'each other; {RESTORE}')
        yield picture, length
