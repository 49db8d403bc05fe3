"""UCF-101 (Soomro et al. 2012), from the files of `make_ucf101`."""
import functools
import math
import os
import reprlib
import signal
import subprocess
import sys

import h5py
import numpy as np

from tgan_chainer.datasets.checks import require_file, require_rows, telling_damage
from tgan_chainer.datasets.drawing import DrawnDataset, Labelled, draw_offset, normalize
from tgan_chainer.datasets.published import obtain
from tgan_chainer.datasets.tables import read_table
from tgan_chainer.errors import DataError

MAX_WIDTH = 4096  # of a stored frame, in pixels: far more than any video has
MAX_CHUNK_BYTES = 2**28  # what HDF5 unpacks at once
CENTER_LEFT = 10  # left column of the fixed crop: (85 - 64) // 2, for the authors' frames
REMAKE = 'make the h5 file and its table with tgan make-ucf101'

_PROBE_SECONDS = 20    # of the processor, so that a busy machine makes no difference
# Does with a file what is done with it here, as far as HDF5 is concerned.
_PROBE = f'''
import math, resource, sys, h5py
resource.setrlimit(resource.RLIMIT_CPU, ({_PROBE_SECONDS}, {_PROBE_SECONDS}))
with h5py.File(sys.argv[1], 'r') as file:
    sorted(file)
    image = file['image']
    image.dtype, image.is_virtual, image.external
    if max(math.prod(image.chunks or ()), math.prod(image.shape[1:])) <= {MAX_CHUNK_BYTES}:
        image[0], image[-1]
'''


class UCFDataset(DrawnDataset):
    """Clips of UCF-101, columns 10 to 10 + img_size of each frame.

    Example `i` is float32 (n_frames, 3, img_size, img_size) in [-1, 1), from a random offset in the
    video of row `i`.

    Args:
        n_frames: Frames a clip.
        h5path: h5 file with the dataset `image`, uint8 (frames, 3, img_size, W), the frames of all
            videos one after another; 64 x 85 pixels a frame in the authors' file.
        config_path: Table (see `tgan_chainer.datasets.tables`) with a row a video; its columns
            `start` and `end` (exclusive) are frames of `image`.
        img_size: Height and width of the example in pixels.

    Raises:
        DataError: A file is missing, damaged, or of another format; a video lies outside `image`
            or is shorter than `n_frames`.
    """

    _augmented = False
    _columns = {'start': int, 'end': int}

    def __init__(self, n_frames: int = 16, h5path: str = 'data/ucf101_train.h5',
                 config_path: str = 'data/ucf101_train_pd.pkl', img_size: int = 64):
        self.n_frames = n_frames
        self.h5path = h5path
        self.img_size = img_size
        self._file = None
        self._pid = None

        with _open(h5path) as file, telling_damage(f"'{h5path}' is damaged", f'; {REMAKE}'):
            n_images, *_, self._width = _checked_image(file, h5path, img_size).shape
        table = read_table(config_path, self._columns)
        start, end = self._start, self._end = table['start'], table['end']
        require_rows(
            table, (start >= 0) & (start < end) & (end <= n_images), config_path,
            f"0 <= start < end <= {n_images}, the number of frames in '{h5path}'; {REMAKE}")
        require_rows(
            table, end - start >= n_frames, config_path,
            f'at least n_frames={n_frames} frames; remove the row, or lower n_frames')
        if 'category' in table:
            self._set_categories(table['category'])

    def __len__(self):
        return len(self._start)

    def draw(self, i, streams):
        offset = draw_offset(self._end[i] - self._start[i], self.n_frames, streams.numpy)
        if not self._augmented:
            return offset, CENTER_LEFT, False
        # One position fewer than there are, as the authors draw it, and the offset.
        left = streams.numpy.randint(self._width - self.img_size)
        return offset, left, streams.numpy.rand() > 0.5

    def load(self, i, drawn):
        offset, left, mirrored = drawn
        start = self._start[i] + offset
        end = start + self.n_frames
        with telling_damage(f"cannot read frames {start} to {end} of '{self.h5path}'",
                            f'; the file is damaged: {REMAKE}'):
            clip = self._image()[start:end]
        return normalize(clip[..., left:left + self.img_size], mirrored)

    def _image(self):
        """The h5 dataset, opened by the process that reads: no h5 handle survives a fork."""
        if self._pid != os.getpid():
            if self._file is not None:
                # HDF5 would hand out the inherited file again, with the descriptor of the parent.
                self._file.close()
            self._file, self._pid = _open(self.h5path), os.getpid()
        return self._file['image']

    def __getstate__(self):
        return {**self.__dict__, '_file': None, '_pid': None}


class UCFDatasetAugmented(UCFDataset):
    """UCFDataset with a random crop of columns, then a mirroring in half of the cases."""

    _augmented = True


class UCFDatasetLabelled(Labelled, UCFDataset):
    """UCFDataset whose example is (video, label), of the table's column `category`."""

    _columns = {**UCFDataset._columns, 'category': str}


class UCFDatasetAugmentedLabelled(UCFDatasetLabelled, UCFDatasetAugmented):
    """UCFDatasetAugmented whose example is (video, label), of the table's column `category`."""


def _open(path):
    require_file(path, f"expected the frames of UCF-101; {REMAKE} from {obtain('ucf101')}")
    status = os.stat(path)
    _require_harmless(os.path.abspath(path), status.st_size, status.st_mtime_ns)
    with telling_damage(f"'{path}' is damaged or no h5 file", f'; {REMAKE}'):
        try:
            return h5py.File(path, 'r')
        except BlockingIOError as error:    # HDF5 locks a file that is open for writing
            raise DataError(
                f"'{path}' is held open by another program, which may still write it ({error}), "
                'expected an h5 file that is complete and closed; close it there, or wait for that '
                'program to end') from error


@functools.lru_cache
def _require_harmless(path, size, changed):
    """HDF5 ends or blocks the process for some damaged files: let it be another one's.

    Its Python errors do not count: this process will see them, too.
    """
    code = subprocess.run(
        [sys.executable, '-c', _PROBE, path], cwd='/', capture_output=True).returncode
    if code < 0:
        does = 'does not end' if -code in (signal.SIGXCPU, signal.SIGKILL) else 'crashes'
        raise DataError(f"'{path}' is damaged so that HDF5 {does}; {REMAKE}")


def _checked_image(file, path, img_size):
    link = file.get('image', getlink=True) if 'image' in set(file) else None
    image = file['image'] if isinstance(link, h5py.HardLink) else None
    if not isinstance(image, h5py.Dataset):
        raise DataError(
            f"'{path}' has {reprlib.repr(sorted(file))}, expected the h5 dataset 'image'; {REMAKE}")
    least = img_size + CENTER_LEFT
    # HDF5 would read other files that a file names, and unpack a chunk of any size.
    if (image.is_virtual or image.external or math.prod(image.chunks or ()) > MAX_CHUNK_BYTES
            or image.dtype != np.uint8 or image.ndim != 4 or image.shape[1:3] != (3, img_size)
            or not least <= image.shape[3] <= MAX_WIDTH):
        raise DataError(
            f"'image' in '{path}' is {image.dtype} {image.shape}, expected uint8 (frames, 3, "
            f'{img_size}, {least} or more, at most {MAX_WIDTH}) for img_size={img_size}, in this '
            f'file and in chunks of at most {MAX_CHUNK_BYTES} bytes; {REMAKE}')
    return image
