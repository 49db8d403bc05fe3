"""Counterparts of the paper's figures, from result folders; frames are shown pixel for pixel."""
import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tgan_chainer import config, infer, results
from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.datasets.checks import telling_damage
from tgan_chainer.errors import DataError
from tgan_chainer.extensions import plots
from tgan_chainer.io import pictures

METHODS = {
    'TGANUpdaterLSGAN': 'LSGAN',
    'TGANUpdaterWGANClip': 'WGAN, weight clipping',
    'TGANUpdaterWGANSVC': 'WGAN, singular value clipping',
    'TGANUpdaterWGANParallelSVC': 'WGAN, singular value clipping',
    'TGANUpdaterWGANPullingAway': 'WGAN, singular value clipping, pulling away',
}
"""Updater -> how people call its method."""

_HEADING = 22    # height of a line of text over a block of frames, in pixels


def draw_blocks(blocks):
    """An image of (text, uint8 (H, W, 3)) one below the other, as wide as the widest.

    Each text has a line over its image, which an empty one does not take.
    """
    width, parts = max(image.shape[1] for _, image in blocks), []
    for text, image in blocks:
        if text:
            heading = Image.new('RGB', (width, _HEADING), 'white')
            ImageDraw.Draw(heading).text((3, _HEADING / 2), text, 'black', anchor='lm')
            parts.append(np.array(heading))
        parts.append(np.pad(image, ((0, 0), (0, width - image.shape[1]), (0, 0)),
                            constant_values=255))
    return np.concatenate(parts)


def read_losses(result_dir):
    """The generator's loss over a training -> list of {'iteration', 'loss_gen'}, or a DataError."""
    path = Path(result_dir, 'log')
    with telling_damage(f'{path}: no list of entries as LogReport writes it',
                        '; give a result folder of a training, whose log it is'):
        log = json.loads(path.read_text(encoding='utf-8'))
        losses = [{'iteration': int(entry['iteration']), 'loss_gen': float(entry[key])}
                  for entry in log for key in entry if key.split('/')[-1] == 'loss_gen']
    if not losses:
        raise DataError(f'{path}: found no loss_gen in its {len(log)} entries; give a training '
                        'that reports it (WGAN or LSGAN; a normal GAN does not) and has gone on '
                        'for a display interval')
    return losses


def _losses(args):
    logs, blocks = [read_losses(folder) for folder in args.result_dir], []
    last = max(entry['iteration'] for log in logs for entry in log)
    for folder, log in zip(args.result_dir, logs, strict=True):
        experiment = config.load(results.experiment_file(folder))
        method = METHODS.get(experiment.updater.name, experiment.updater.name)
        figure = plots.draw(log, ['loss_gen'], f'{method}: {Path(folder).resolve().name}, '
                            f'{experiment.dataset.name}', "generator's loss")
        figure.axes[0].set_xlim(0, 1.02 * last)    # of one scale
        figure.canvas.draw()
        blocks.append(('', np.array(figure.canvas.buffer_rgba())[..., :3]))
    return draw_blocks(blocks), '+'.join(Path(folder).resolve().name for folder in args.result_dir)


def _samples(args):
    blocks, stems, every = [], [], args.between and args.between + 1
    for folder in args.result_dir:
        title = [Path(folder).resolve().name] if len(args.result_dir) > 1 else []
        videos, names, stem, rows = infer.sample(
            argparse.Namespace(**{**vars(args), 'result_dir': folder}))
        if every:
            videos = videos[:, :, :(args.frames - 1) * every + 1]
        blocks += [(': '.join([*title, *filter(None, [name])]), sheet)
                   for name, sheet in _sheets(videos, names, every, rows)]
        stems.append(stem + results.category_part(args))
    return draw_blocks(blocks), '+'.join(stems)


def _sheets(videos, names, every, rows):
    """A sheet of all videos, or one of each category's: yield (name, uint8 (H, W, 3)).

    With ``rows``, every row of the sheet of all has its name. With ``every``, so many frames from
    one that G0 gave to the next, a video that is longer than a row has a sheet of its own.
    """
    columns = every and pictures.columns_of(every)
    names = names or ['']
    for name, part in zip(names, np.split(videos, len(names)), strict=True):
        framed = pictures.frame_borders(part, every)
        if columns and columns < videos.shape[2]:
            yield from ((f'{name} {i}'.strip(), pictures.frame_sheet(video[np.newaxis], columns))
                        for i, video in enumerate(framed, start=1))
        else:
            yield name, pictures.name_rows(pictures.frame_sheet(framed), rows)


def parse_args(argv=None):
    """Flags of the command: the number of a figure, then its own."""
    parser = flags.parser_of(
        'figures', "Counterparts of the paper's figures, from result folders of trainings.")
    figures = parser.add_subparsers(dest='figure', required=True, metavar='FIGURE')
    losses = _add(figures, 2, _losses, "the generator's loss, a row a training: weight clipping "
                                       'against singular value clipping')
    flags.add(losses, 'result_dir', nargs='+', required=True)
    for number in (3, 4, 5):
        samples = _add(figures, number, _samples, 'sample sheet of one or more trained systems, a '
                                                  'row a video')
        flags.add_result_flags(samples, 8, several=True)
    between = _add(figures, 6, _samples, "frames between frames, G0's bordered in red")
    flags.add_result_flags(between, 4, several=True)
    flags.add(between, 'between')
    between.add_argument('--frames', type=flags.in_range(2, 16, "of G0's frames"), default=4,
                         help="G0's frames that are shown, from the first (default: %(default)s)")
    categories = _add(figures, 7, _samples, 'videos of categories by name, a row a category')
    flags.add_result_flags(categories, 1, 'videos of each category (default: %(default)s)',
                           several=True)
    args = parser.parse_args(argv)
    if args.figure == '7' and not args.categories:
        parser.error('give --category NAME for each row of the figure')
    return args


def _add(figures, number, draw, what):
    parser = figures.add_parser(str(number), help=what, description=f'Figure {number}: {what}.')
    parser.add_argument('--out', metavar='FILE', help='image to write (default: '
                        f'figures/figure_{number}_..., after what it shows)')
    parser.set_defaults(draw=draw)
    return parser


def _run(args):
    image, stem = args.draw(args)
    out = args.out or f'figures/figure_{args.figure}_{stem[:150]}.png'
    pictures.save_png(out, image)
    print(out)


main = command('figures', parse_args, _run)
