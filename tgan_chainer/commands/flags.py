"""Flags that several commands have."""
import argparse
from pathlib import Path

EVERY = 'all'    #: Every category of a conditional system, in place of a name.
PRETRAINED = Path(__file__).parents[1] / 'pretrained'    #: Result folders of the package.


def parser_of(command, description, **settings):
    """The parser of a command, which has no flags yet; ``settings`` are argparse's."""
    return argparse.ArgumentParser(prog=f'tgan {command}', description=description, **settings)


def in_range(low, high=None, what=''):
    """``type`` of a flag that takes an integer from ``low``, to ``high`` if there is an end."""
    def convert(text):
        number = int(text)
        if number < low or (high is not None and number > high):
            allowed = f'at least {low}' if high is None else f'{low} to {high}'
            raise argparse.ArgumentTypeError(f'found {number}, expected {allowed} {what}'.rstrip())
        return number
    convert.__name__ = 'int'    # in argparse's message about what is no number
    return convert


positive = in_range(1)
seed = in_range(0, 2 ** 32 - 1)    #: Of NumPy's generator.


def result_folder(text):
    """``type`` of a flag that takes a result folder: 'latest' is the newest in results/."""
    if text != 'latest':
        return text
    from tgan_chainer.io import snapshots
    return snapshots.latest_folder()


def pretrained_folder(name):
    """``type`` of a flag that takes the name of a training in the package -> its result folder."""
    names = sorted(folder.name for folder in PRETRAINED.iterdir())
    if name not in names:
        raise argparse.ArgumentTypeError(f'found {name!r}, expected {" or ".join(names)}')
    return str(PRETRAINED / name)


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
    'workers': {'type': positive, 'metavar': 'N', 'help': 'processes (default: one a core)'},
    'overwrite': {'action': 'store_true', 'help': 'replace files that exist'},
}


def add(parser, *names, **changes):
    """Add flags to a parser or a group by name; ``changes`` are arguments of ``add_argument``."""
    for name in names:
        parser.add_argument(f'--{name}', **{**_FLAGS[name], **changes})


def add_gpu(parser, default=None):
    """Add --gpu: without a default, GPU 0 if there is one, as ``get_device`` takes None."""
    usual = 'GPU 0 if there is one' if default is None else default
    parser.add_argument('--gpu', '-g', type=int, default=default,
                        help=f'GPU to use, -1 for the CPU (default: {usual})')


def add_result_flags(parser, n, n_help='videos (default: %(default)s)', several=False):
    """Add the flags of every command that samples a result folder, or more than one."""
    parser.set_defaults(between=None)
    source = parser.add_mutually_exclusive_group(required=True)
    add(source, 'result_dir', nargs='+' if several else None)
    source.add_argument('--pretrained', type=pretrained_folder, metavar='NAME', dest='result_dir',
                        nargs='+' if several else None,
                        help='a training that comes with the package, such as default')
    parser.add_argument('--n', type=positive, default=n, help=n_help)
    add(parser, 'iter', 'seed', 'scale')
    add_gpu(parser)
    parser.add_argument('--category', metavar='NAME', action='append', dest='categories',
                        help=f'category of a conditional system; give it again for more, or '
                        f'{EVERY!r} for every one: a row a category. Without it, categories are '
                        'drawn as often as the training data had them')
