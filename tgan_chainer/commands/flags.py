"""Flags that several commands have."""
import argparse
from pathlib import Path

from tgan_chainer.errors import SnapshotError

EVERY = 'all'
"""What stands for every category of a conditional system, in place of a name."""

PRETRAINED = Path(__file__).parents[1] / 'pretrained'
"""Result folders that come with the package."""


def result_folder(text):
    """``type`` of a flag that takes a result folder: 'latest' is the newest in results/."""
    if text != 'latest':
        return text
    from tgan_chainer.io import snapshots
    try:
        return snapshots.latest_folder()
    except SnapshotError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def pretrained_folder(name):
    """``type`` of a flag that takes the name of a training in the package -> its result folder."""
    names = sorted(folder.name for folder in PRETRAINED.iterdir() if folder.is_dir())
    if name not in names:
        raise argparse.ArgumentTypeError(f'found {name!r}, expected one of {", ".join(names)}')
    return str(PRETRAINED / name)


def add_result_flags(parser, several=False):
    """Add the flags of every command that samples a result folder, or more than one.

    ``args.n``, which :func:`check_result_flags` looks at, is the caller's.
    """
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument('--result_dir', type=result_folder, nargs='+' if several else None,
                        metavar='DIR',
                        help='result folder of a training, or "latest", the newest in results/')
    if not several:
        source.add_argument('--pretrained', type=pretrained_folder, dest='result_dir',
                            metavar='NAME', help='a training that comes with the package')
    parser.add_argument('--iter', type=int,
                        help='iteration of the snapshot (default: 100000, or else the newest)')
    parser.add_argument('--gpu', type=int,
                        help='GPU to use, -1 for the CPU (default: GPU 0 if there is one)')
    parser.add_argument('--seed', type=int, default=0, help='seed of z_slow (default: 0)')
    parser.add_argument('--category', metavar='NAME', action='append', dest='categories',
                        help=f'category of a conditional system; give it again for more, or '
                        f'{EVERY!r} for every one: a row a category. Without it, categories are '
                        'drawn as often as the training data had them')


def check_result_flags(parser, args):
    """End the command if ``args.n`` or the seed is out of range."""
    if args.n < 1:
        parser.error(f'--n {args.n}: expected at least one video')
    if not 0 <= args.seed < 2 ** 32:
        parser.error(f'--seed {args.seed}: expected a number from 0 to 2**32 - 1')
