"""The flags of infer.py."""
from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command


def parse_args(argv=None):
    """Flags of the command (FACTS §10)."""
    parser = flags.parser_of('infer', 'Make videos with the generators of a result folder.')
    flags.add_result_flags(parser, None, 'number of videos (default: 100; with --category, of each '
                           'category, 10)')
    flags.add(parser, 'out_dir')
    parser.add_argument('--video', action='store_true',
                        help='write a grid of all videos as .avi, .mp4 and .gif')
    parser.add_argument('--images', action='store_true',
                        help='write each video as an image of its 16 frames')
    args = parser.parse_args(argv)
    if not args.video and not args.images:
        parser.error('nothing to write: give --video, --images or both')
    if args.n is None:
        args.n = 10 if args.categories else 100
    return args


main = command('infer', parse_args, 'tgan_chainer.infer:infer')
