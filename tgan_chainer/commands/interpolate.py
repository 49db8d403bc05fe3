"""``tgan interpolate``: videos with frames between those that G0 gives (paper Figure 6)."""
import itertools
from pathlib import Path

from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command

_MAX_FPS = 50    # more, and browsers slow a GIF down


def parse_args(argv=None):
    """Flags of the command."""
    parser = flags.parser_of(
        'interpolate', 'Make videos with frames between those that the temporal generator gives: a '
        'strip a video, the given frames bordered in red, and a movie of all.')
    flags.add_result_flags(parser, None, 'number of videos (default: 9; with --category, of each '
                           'category, 3)')
    flags.add(parser, 'between', 'out_dir')
    args = parser.parse_args(argv)
    if args.n is None:
        args.n = 3 if args.categories else 9
    return args


def _run(args):
    # Not above: what it imports takes more than a second, which --help need not wait for.
    from tgan_chainer import infer
    from tgan_chainer.io import pictures
    from tgan_chainer.results import category_part
    pictures.require_av()
    videos, names, stem, _ = infer.sample(args, args.between)
    every = args.between + 1
    stem = Path(args.out_dir, f'{stem}_between-{args.between}')
    movie, strips = pictures.named_movie(videos, names), pictures.frame_borders(videos, every)
    for path in itertools.chain(
            pictures.save_movies(f'{stem}{category_part(args)}', movie,
                                 min(pictures.FPS * every, _MAX_FPS)),
            pictures.save_strips(stem, strips, names, pictures.columns_of(every))):
        print(path)


main = command('interpolate', parse_args, _run)
