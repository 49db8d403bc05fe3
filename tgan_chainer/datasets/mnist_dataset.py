"""Moving MNIST (Srivastava et al. 2015)."""
import numpy as np

from tgan_chainer.datasets.checks import require_file, telling_damage
from tgan_chainer.datasets.drawing import DrawnDataset, Labelled, draw_offset, normalize
from tgan_chainer.datasets.published import obtain
from tgan_chainer.datasets.tables import read_table
from tgan_chainer.errors import DataError

EXPECTED = (
    f"expected Moving MNIST, uint8 (20, 10000, 64, 64), {obtain('moving-mnist')}; or run 'tgan "
    "make-moving-mnist', which makes an equivalent, data/moving_mnist_train.npy, and name that as "
    'dataset_path')


class MovingMNISTDataset(DrawnDataset):
    """Clips of the videos in `mnist_test_seq.npy`, or in a file of `make_moving_mnist`.

    Example `i` is float32 (n_frames, 1, H, W) in [-1, 1), from a random offset in video `i`.

    Args:
        n_frames: Frames a clip.
        dataset_path: `.npy` file, uint8 (T, N, H, W) with T >= n_frames, frames first: the
            published file is (20, 10000, 64, 64). It is mapped into memory, not read.

    Raises:
        DataError: The file is missing, damaged, or of another format.
    """

    def __init__(self, n_frames: int = 16, dataset_path: str = 'data/mnist_test_seq.npy'):
        self.n_frames = n_frames
        self.dataset_path = dataset_path
        self._videos = _open(dataset_path, n_frames)

    def __len__(self):
        return self._videos.shape[1]

    def draw(self, i, streams):
        return draw_offset(len(self._videos), self.n_frames, streams.numpy)

    def load(self, i, offset):
        return normalize(self._videos[offset:offset + self.n_frames, i, None])

    # A memory map would be pickled as the hundreds of megabytes it shows: send its path instead.
    def __getstate__(self):
        return {key: value for key, value in self.__dict__.items() if key != '_videos'}

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._videos = _open(self.dataset_path, self.n_frames)


class MovingMNISTDatasetLabelled(Labelled, MovingMNISTDataset):
    """MovingMNISTDataset whose example is (video, label).

    `config_path` is a table with the column `category`, a row a video, in the order of the file;
    another number of rows is a DataError, too.
    """

    def __init__(self, n_frames: int = 16, dataset_path: str = 'data/mnist_test_seq.npy',
                 config_path: str = 'data/mnist_test_seq_pd.csv'):
        super().__init__(n_frames, dataset_path)
        categories = read_table(config_path, {'category': str})['category']
        if len(categories) != len(self):
            raise DataError(f"'{config_path}' has {len(categories)} rows, expected one for each of "
                            f"the {len(self)} videos in '{dataset_path}', in their order")
        self._set_categories(categories)


def _open(path, n_frames):
    require_file(path, EXPECTED)
    with telling_damage(f"'{path}' is damaged or no .npy file", f', {EXPECTED}'):
        # Unlike numpy.load, this opens nothing but a plain array: neither an archive nor a pickle.
        videos = np.lib.format.open_memmap(path, mode='r')
    if videos.dtype != np.uint8 or videos.ndim != 4 or 0 in videos.shape:
        raise DataError(f"'{path}' has {videos.dtype} {videos.shape}, {EXPECTED}")
    if videos.shape[1] == 20 < videos.shape[0]:    # nobody has just 20 videos, and longer ones
        raise DataError(
            f"'{path}' has uint8 {videos.shape}, which is Moving MNIST with its first two axes "
            f'swapped, expected frames before videos, {(20, len(videos), *videos.shape[2:])}; save '
            'numpy.load(FILE).swapaxes(0, 1) to a new file, and name that as dataset_path')
    if len(videos) < n_frames:
        raise DataError(
            f"'{path}' has {len(videos)} frames a video, expected at least n_frames={n_frames}; "
            'lower n_frames, or use a file with longer videos')
    return videos
