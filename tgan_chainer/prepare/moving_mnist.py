"""Make videos like those of Moving MNIST, from the MNIST digits that come with the package.

    tgan make-moving-mnist                  # data/moving_mnist_train.npy
    tgan make-moving-mnist --split heldout  # data/moving_mnist_heldout.npy

The file has the format of the published `mnist_test_seq.npy`, uint8 (20, N, 64, 64), and its videos
follow the same rules (Srivastava, Mansimov, Salakhutdinov 2015, "Unsupervised Learning of Video
Representations using LSTMs", and their published generator): two digits of 28 x 28 pixels, each
with a random start and direction, move in straight lines and bounce off the edges of the frame;
where they overlap, the brighter pixel is seen.
"""
import argparse
import os
import shutil
import signal
import sys
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from tqdm import tqdm

from tgan_chainer.commands.run import run_command
from tgan_chainer.errors import DataError
from tgan_chainer.io.files import atomic_path
from tgan_chainer.prepare.digits import SPLITS, load_digits

N_FRAMES = 20
FRAME_SIZE = 64
DIGITS_A_VIDEO = 2
STEP = 0.1  # way of a digit from frame to frame, in units of the room it has to move

CHUNK = 250  # videos rendered at a time: about 20 MB


def make_moving_mnist(path, n_videos=10000, seed=0, split='train', progress=True, force=False):
    """Write a file of Moving MNIST videos, whole or not at all.

    Video `i` depends on `seed`, `split` and `i` only: a shorter file begins a longer one.

    Args:
        path: `.npy` file to write: uint8 (20, n_videos, 64, 64), 82 kB a video.
        n_videos: Number of videos, at least 1.
        seed: 0..2**32 - 1.
        split: Digits to use, 'train' or 'heldout'; they have no digit image in common.
        progress: Whether to show a progress bar on a terminal.
        force: Whether to replace a file that exists.

    Raises:
        DataError: An argument is out of range, the file exists, or it cannot be written.
    """
    path = Path(path)
    _check_arguments(path, n_videos, seed, force)
    digits, _ = load_digits(split)
    # The legacy generator, since its stream is frozen: a seed means the same file for ever.
    rs = np.random.RandomState([SPLITS.index(split), seed])
    with atomic_path(path) as temporary:
        _require_space(path.parent, n_videos)
        np.lib.format.open_memmap(
            temporary, 'w+', np.uint8, (N_FRAMES, n_videos, FRAME_SIZE, FRAME_SIZE))
        with tqdm(total=n_videos, unit='video', disable=None if progress else True) as bar:
            for start in range(0, n_videos, CHUNK):
                # Mapped anew each time: a map left open would come to hold the whole file.
                chunk = np.lib.format.open_memmap(temporary, 'r+')[:, start:start + CHUNK]
                chunk[...] = render(digits, *draw_videos(rs, chunk.shape[1], len(digits)))
                bar.update(chunk.shape[1])


def draw_videos(rs, n_videos, n_digits):
    """Draw which digits are seen in each video and where they are in each frame.

    Each video uses up the same few random numbers, one video after the other; how many are drawn at
    a time does not matter.

    Args:
        rs: numpy.random.RandomState.
        n_digits: Number of digit images to choose from.

    Returns:
        digit: int (n_videos, 2), 0..n_digits - 1.
        position: float (20, n_videos, 2, 2), the y and x of `trajectories`.
    """
    digit, y, x, direction = np.moveaxis(rs.random_sample((n_videos, DIGITS_A_VIDEO, 4)), -1, 0)
    position = trajectories(np.stack([y, x], axis=-1), 2 * np.pi * direction)
    return (n_digits * digit).astype(np.intp), position


def trajectories(start, direction, step=STEP):
    """Straight ways that bounce off the edges of the unit square.

    A step that would leave the square ends on its edge and turns the velocity around there, as in
    the published generator. The start itself is not shown: the first frame is one step later.

    Args:
        start: float (..., 2), y and x in [0, 1).
        direction: float (...), angle in radians.
        step: float, or array that broadcasts to (..., 1): way from frame to frame.

    Returns:
        float (20, ..., 2), y and x in [0, 1] in each frame.
    """
    position = start
    step = step * np.stack([np.sin(direction), np.cos(direction)], axis=-1)
    frames = []
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


def _check_arguments(path, n_videos, seed, force):
    if n_videos < 1:
        raise DataError(f'found {n_videos} as the number of videos, expected 1 or more')
    if not 0 <= seed < 2**32:
        raise DataError(f'found the seed {seed}, expected one of 0 to {2**32 - 1}')
    if path.exists() and not (force and path.is_file()):
        raise DataError(f"'{path}' exists, expected a new name; choose another one, or, if it is a "
                        'file you no longer need, replace it with --force')


def _require_space(folder, n_videos):
    """A memory map that finds the disk full ends the process without a message."""
    needed = N_FRAMES * n_videos * FRAME_SIZE**2
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(f"'{folder}' has {free / 1e6:.0f} MB of free space, expected the "
                        f'{needed / 1e6:.0f} MB of {n_videos} videos; free some, or ask for fewer '
                        'videos with --n')


def _parser():
    parser = argparse.ArgumentParser(
        prog='tgan make-moving-mnist',
        description='Make Moving MNIST videos: a .npy file, uint8 (20, N, 64, 64), as published by '
                    'Srivastava et al. (2015).')
    parser.add_argument('--out', help='file to write (default: data/moving_mnist_SPLIT.npy)')
    parser.add_argument('--n', type=int, default=10000, metavar='N',
                        help='number of videos (default: %(default)s)')
    parser.add_argument('--seed', type=int, default=0,
                        help='the same seed gives the same videos (default: %(default)s)')
    parser.add_argument('--split', choices=SPLITS, default='train',
                        help='which digit images to use; the two sets have none in common '
                             '(default: %(default)s)')
    parser.add_argument('--force', action='store_true', help='replace a file that exists')
    return parser


def main(argv=None):
    """Run the command; returns its exit code."""
    # Being terminated cleans up as Ctrl-C does.
    previous = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run_command(_make, _parser().parse_args(argv))
    finally:
        signal.signal(signal.SIGTERM, previous)


def _make(args):
    path = args.out or os.path.join('data', f'moving_mnist_{args.split}.npy')
    make_moving_mnist(path, args.n, args.seed, args.split, force=args.force)
    print(f'wrote {args.n} videos to {path}')


if __name__ == '__main__':
    sys.exit(main())
