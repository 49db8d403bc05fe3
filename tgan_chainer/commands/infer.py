"""The flags of infer.py."""
import argparse

from tgan_chainer.commands.flags import add_result_flags, check_result_flags
from tgan_chainer.commands.run import run_command


def main(argv=None):
    """Run the command; returns its exit code."""
    args = parse_args(argv)
    # Not above: what it imports takes more than a second, which --help need not wait for.
    from tgan_chainer.infer import infer
    return run_command(infer, args)


def parse_args(argv=None):
    """Flags of the command (FACTS §10)."""
    parser = argparse.ArgumentParser(
        prog='tgan infer', description='Make videos with the generators of a result folder.')
    add_result_flags(parser)
    parser.add_argument('--n', type=int, help='number of videos (default: 100; with --category, '
                        'of each category, 10)')
    parser.add_argument('--out_dir', default='infer', help='where to write (default: infer)')
    parser.add_argument('--video', action='store_true',
                        help='write a grid of all videos as .avi, .mp4 and .gif')
    parser.add_argument('--images', action='store_true',
                        help='write each video as an image of its 16 frames')
    args = parser.parse_args(argv)
    if not args.video and not args.images:
        parser.error('nothing to write: give --video, --images or both')
    if args.n is None:
        args.n = 10 if args.categories else 100
    check_result_flags(parser, args)
    return args
