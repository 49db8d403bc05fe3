"""``tgan interpolate``: videos with frames between those that G0 gives (paper Figure 6)."""
from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command


def parse_args(argv=None):
    """Flags of the command."""
    parser = flags.parser_of(
        'interpolate', 'Make videos with frames between those that the temporal generator gives: a '
        'strip a video, the given frames bordered in red, and a movie of all.')
    flags.add_result_flags(parser, None, 'number of videos (default: 9; with --category, of each '
                           'category, 3)')
    flags.add(parser, 'between', 'out_dir')
    parser.set_defaults(video=True, images=True)
    args = parser.parse_args(argv)
    if args.n is None:
        args.n = 3 if args.categories else 9
    return args


main = command('interpolate', parse_args, 'tgan_chainer.infer:infer')
