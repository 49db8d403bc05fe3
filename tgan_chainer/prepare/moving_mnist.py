"""Make videos like those of Moving MNIST, from the MNIST digits that come with the package.

The file has the format of the published `mnist_test_seq.npy`, and its videos follow the same rules
(Srivastava, Mansimov, Salakhutdinov 2015, and their generator): two digits of 28 x 28 pixels, each
with a random start and direction, move in straight lines and bounce off the edges of the frame.
"""
import os
import signal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.datasets.checks import require_place
from tgan_chainer.datasets.tables import write_table
from tgan_chainer.io.files import atomic_path
from tgan_chainer.io.progress import chunk_progress
from tgan_chainer.prepare.digits import SPLITS, load_digits

N_FRAMES = 20
FRAME_SIZE = 64
STEP = 0.1  # way of a digit from frame to frame, in units of the room it has to move
CHUNK = 250  # videos rendered at a time: about 20 MB


def make_moving_mnist(path, n_videos=10000, seed=0, split='train', size=64, digits=2,
                      overwrite=False, table_path=None):
    """Write a file of Moving MNIST videos, uint8 (20, n_videos, size, size), whole or not at all.

    Video `i` depends on `seed`, `split`, `digits` and `i` only: a shorter file begins a longer one,
    and one of size 32 has the videos of size 64, averaged over 2 x 2 pixels.

    Args:
        path: `.npy` file to write; with `overwrite` it may exist.
        seed: 0..2**32 - 1.
        split: Digits to use, 'train' or 'heldout'; they have no digit image in common.
        size: Rows and columns of a frame, 64 or 32.
        digits: Digits a video, 1 or 2.
        table_path: `.csv` file to write, too, for MovingMNISTDatasetLabelled: its column `category`
            has a video's digit, such as 7, or its two in ascending order, such as 3-7.

    Raises:
        DataError: A file exists, or it cannot be written.
    """
    for place in filter(None, (path, table_path)):
        require_place(place, overwrite)
    images, labels = load_digits(split)
    # The legacy generator, since its stream is frozen: a seed means the same file for ever.
    rs, shown = np.random.RandomState([SPLITS.index(split), seed]), []
    with atomic_path(path) as temporary:
        np.lib.format.open_memmap(temporary, 'w+', np.uint8, (N_FRAMES, n_videos, size, size))
        if hasattr(os, 'posix_fallocate'):    # macOS has none
            # A memory map that finds the disk full ends the process without a message.
            with temporary.open('rb+') as file:
                os.posix_fallocate(file.fileno(), 0, temporary.stat().st_size)
        for start in chunk_progress(range(0, n_videos, CHUNK)):
            # Mapped anew each time: a map left open would come to hold the whole file.
            chunk = np.lib.format.open_memmap(temporary, 'r+')[:, start:start + CHUNK]
            digit, position = draw_videos(rs, chunk.shape[1], len(images), digits)
            videos = render(images, digit, position)
            chunk[...] = videos if size == FRAME_SIZE else np.rint(halve(videos))
            shown += labels[digit].tolist()
        if table_path:    # before its videos are there: without it they would stay so
            write_table(table_path, {
                'category': ['-'.join(map(str, sorted(labels))) for labels in shown]})


def draw_videos(rs, n_videos, n_digits, digits=2):
    """Draw which digits are seen in each video, and where; how many at a time does not matter.

    Returns:
        int (n_videos, digits), 0..n_digits - 1; float (20, n_videos, digits, 2), of `trajectories`.
    """
    digit, y, x, direction = np.moveaxis(rs.random_sample((n_videos, digits, 4)), -1, 0)
    position = trajectories(np.stack([y, x], axis=-1), 2 * np.pi * direction)
    return (n_digits * digit).astype(np.intp), position


def trajectories(start, direction, step=STEP):
    """Straight ways that bounce off the edges of the unit square, as the published generator's do.

    A step that would leave the square ends on its edge and turns the velocity around there. The
    start is not shown: the first frame is one step later.

    Args:
        start: float (..., 2), y and x in [0, 1).
        direction: float (...), angle in radians.
        step: float, or array that broadcasts to (..., 1): way from frame to frame.

    Returns:
        float (20, ..., 2), y and x in [0, 1] in each frame.
    """
    position, frames = start, []
    step = step * np.stack([np.sin(direction), np.cos(direction)], axis=-1)
    for _ in range(N_FRAMES):
        position = position + step
        step = np.where((position <= 0) | (position >= 1), -step, step)
        position = position.clip(0, 1)
        frames.append(position)
    return np.stack(frames)


def render(digits, digit, position):
    """Draw videos; where digits overlap, the brighter pixel is seen.

    Args:
        digits: uint8 (n_digits, h, w), images to choose from.
        digit: int (N, k), the images seen in each video.
        position: float (T, N, k, 2), y and x of each in each frame: at 0 it touches the top or
            left edge, at 1 the bottom or right one.

    Returns:
        uint8 (T, N, 64, 64).
    """
    n_frames, n_videos = position.shape[:2]
    size = np.array(digits.shape[1:])
    corner = (position * (FRAME_SIZE - size)).astype(np.intp)
    videos = np.zeros((n_frames, n_videos, FRAME_SIZE, FRAME_SIZE), np.uint8)
    # windows[t, n, y, x] is the part of frame t of video n that a digit with that corner covers.
    windows = sliding_window_view(videos, tuple(size), axis=(2, 3), writeable=True)
    for k in range(digit.shape[1]):
        covered = (np.arange(n_frames)[:, None], np.arange(n_videos),
                   corner[:, :, k, 0], corner[:, :, k, 1])
        windows[covered] = np.maximum(windows[covered], digits[digit[:, k]])
    return videos


def halve(frames):
    """Average over 2 x 2 pixels: (..., H, W) -> float32 (..., H / 2, W / 2)."""
    return sum(frames[..., i::2, j::2].astype(np.float32) for i in (0, 1) for j in (0, 1)) / 4


def parse_args(argv=None):
    """Flags of the command."""
    parser = flags.parser_of(
        'make-moving-mnist', 'Make Moving MNIST videos: a .npy file, uint8 (20, N, 64, 64), as '
        'published by Srivastava et al. (2015).')
    parser.add_argument('--out', help='file to write (default: data/moving_mnist_SPLIT.npy, or '
                        'moving_mnist_SPLIT_32.npy and the like)')
    parser.add_argument('--n', type=flags.positive, default=10000, metavar='N',
                        help='number of videos (default: %(default)s)')
    flags.add(parser, 'seed', help='the same seed gives the same videos (default: 0)')
    parser.add_argument('--split', choices=SPLITS, default='train', help='which digit images to '
                        'use; the two sets have none in common (default: %(default)s)')
    parser.add_argument('--size', type=int, choices=(64, 32), default=64, help='rows and columns '
                        'of a frame; 32 averages over 2 x 2 pixels (default: %(default)s)')
    parser.add_argument('--digits', type=int, choices=(1, 2), default=2,
                        help='digits a video (default: %(default)s)')
    parser.add_argument('--labels', action='store_true', help='write the digits shown, too, to '
                        'FILE_pd.csv, which MovingMNISTDatasetLabelled takes as config_path')
    flags.add(parser, 'overwrite')
    return parser.parse_args(argv)


def _make(args):
    size = '' if args.size == FRAME_SIZE else f'_{args.size}'
    digits = '' if args.digits == 2 else '_1'
    path = args.out or os.path.join('data', f'moving_mnist_{args.split}{size}{digits}.npy')
    table = f'{os.path.splitext(path)[0]}_pd.csv' if args.labels else None
    # Being terminated cleans up as Ctrl-C does.
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        make_moving_mnist(path, args.n, args.seed, args.split, args.size, args.digits,
                          args.overwrite, table)
    finally:
        signal.signal(signal.SIGTERM, previous)
    print(f'wrote {args.n} videos to {path}')
    if table:
        print(f'wrote their digits to {table}')


main = command('make-moving-mnist', parse_args, _make)
