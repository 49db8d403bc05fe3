"""The flags of ``tgan interpolate``."""
import argparse

from tgan_chainer.commands.flags import add_result_flags, check_result_flags
from tgan_chainer.commands.run import run_command

MAX_BETWEEN = 100
"""More frames than this between two neighbours are refused; all frames are kept in memory."""


def main(argv=None):
    """Run the command; returns its exit code."""
    args = parse_args(argv)
    # Not above: what it imports takes more than a second, which --help need not wait for.
    from tgan_chainer.interpolate import write_interpolated
    return run_command(write_interpolated, args)


def parse_args(argv=None):
    """Flags of the command, which the authors did not release."""
    parser = argparse.ArgumentParser(
        prog='tgan interpolate', description='Make videos with frames between those that the '
        'temporal generator gives: a strip a video, the given frames bordered in red, and a movie '
        'of all.')
    add_result_flags(parser)
    parser.add_argument('--n', type=int, help='number of videos (default: 9; with --category, of '
                        'each category, 3)')
    parser.add_argument('--between', '-k', type=int, default=3, metavar='K',
                        help='frames between two neighbours (default: %(default)s)')
    parser.add_argument('--out_dir', default='infer', help='where to write (default: infer)')
    args = parser.parse_args(argv)
    if args.n is None:
        args.n = 3 if args.categories else 9
    check_result_flags(parser, args)
    if not 1 <= args.between <= MAX_BETWEEN:
        parser.error(f'--between {args.between}: expected 1 to {MAX_BETWEEN} frames')
    return args
