"""Flags that several commands have."""
import argparse

from tgan_chainer.errors import SnapshotError

EVERY = 'all'
"""What stands for every category of a conditional system, in place of a name."""


def positive(text):
    """``type`` of a flag that takes an integer of at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f'found {number}, expected at least 1')
    return number


def result_folder(text):
    """``type`` of a flag that takes a result folder: 'latest' is the newest in results/."""
    if text != 'latest':
        return text
    from tgan_chainer.io import snapshots
    try:
        return snapshots.latest_folder()
    except SnapshotError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def seed(text):
    """``type`` of a flag that takes a seed of NumPy's generator."""
    number = int(text)
    if not 0 <= number < 2 ** 32:
        raise argparse.ArgumentTypeError(f'found {number}, expected a number from 0 to 2**32 - 1')
    return number


def in_range(low, high, what):
    """``type`` of a flag that takes an integer from ``low`` to ``high``."""
    def convert(text):
        number = int(text)
        if not low <= number <= high:
            raise argparse.ArgumentTypeError(f'found {number}, expected {low} to {high} {what}')
        return number
    return convert


_FLAGS = {
    'result_dir': {
        'type': result_folder, 'metavar': 'DIR',
        'help': 'result folder of a training, or "latest", the newest in results/'},
    'iter': {'type': int,
             'help': 'iteration of the snapshot (default: 100000, or else the newest)'},
    'seed': {'type': seed, 'default': 0, 'help': 'seed of z_slow (default: 0)'},
    'out_dir': {'default': 'infer', 'help': 'where to write (default: infer)'},
    'ledger': {'metavar': 'DIR', 'help': 'where the record of the measurement goes (default: '
               'ledger beside the score, or in the result folder, A of two)'},
    'scale': {'type': in_range(1, 20, 'times'), 'default': 1, 'metavar': 'K',
              'help': 'show a pixel as K x K pixels (default: %(default)s)'},
    'between': {    # all frames are kept in memory
        'type': in_range(1, 100, 'frames'), 'default': 3, 'metavar': 'K',
        'help': 'frames between two neighbours (default: %(default)s)'},
    'workers': {'type': int, 'metavar': 'N', 'help': 'processes (default: one a core)'},
    'overwrite': {'action': 'store_true', 'help': 'replace files that exist'},
}
_ALIASES = {'between': ['-k'], 'overwrite': ['--force']}    # the latter of make-moving-mnist


def add(parser, *names, **changes):
    """Add flags to a parser or a group by name; ``changes`` are arguments of ``add_argument``."""
    for name in names:
        parser.add_argument(f'--{name}', *_ALIASES.get(name, ()), **{**_FLAGS[name], **changes})


def add_gpu(parser, default=None):
    """Add --gpu: without a default, GPU 0 if there is one, as ``get_device`` takes None."""
    usual = 'GPU 0 if there is one' if default is None else default
    parser.add_argument('--gpu', '-g', type=int, default=default,
                        help=f'GPU to use, -1 for the CPU (default: {usual})')


def add_result_flags(parser, n, n_help='videos (default: %(default)s)', several=False):
    """Add the flags of every command that samples a result folder, or more than one."""
    add(parser, 'result_dir', required=True, nargs='+' if several else None)
    parser.add_argument('--n', type=positive, default=n, help=n_help)
    add(parser, 'iter', 'seed', 'scale')
    add_gpu(parser)
    parser.add_argument('--category', metavar='NAME', action='append', dest='categories',
                        help=f'category of a conditional system; give it again for more, or '
                        f'{EVERY!r} for every one: a row a category. Without it, categories are '
                        'drawn as often as the training data had them')
