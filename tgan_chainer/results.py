"""Result folders, ours and the authors': their experiment, snapshots, generators and labels."""
import argparse
from pathlib import Path

from tgan_chainer import config, snapshots
from tgan_chainer.categories import EVERY, find_categories, read_categories
from tgan_chainer.device import count_gpus, get_device
from tgan_chainer.errors import ConfigError, SnapshotError
from tgan_chainer.models.sampling import first_generator

CONFIG = 'config.yml'
"""The experiment as it ran, in a result folder of ours."""

CONFIG_BESIDE_THEIRS = 'config.yaml'
"""The same in a folder of the authors' that was resumed: their infer.py takes any .yml."""

RECORD = 'record.json'
"""How each start was made; only a folder that train.py wrote to has it."""

DEFAULT_ITERATION = 100000
"""The authors' default of ``--iter``."""


def experiment_file(result_dir):
    """Path of the experiment file in a result folder: what train.py wrote, or the authors' .yml.

    Raises:
        SnapshotError: There is no such folder, or no single experiment file in it.
    """
    folder = Path(result_dir)
    if not folder.is_dir():
        raise SnapshotError(f'{folder}: there is no such result folder')
    for name in (CONFIG_BESIDE_THEIRS, CONFIG):
        if (folder / name).is_file():
            return folder / name
    files = sorted(folder.glob('*.yml'))
    if len(files) != 1:
        raise SnapshotError(f'{folder}: found {len(files)} .yml files, expected the one of the '
                            f'experiment (or {CONFIG}){snapshots.folders_inside(folder)}')
    return files[0]


def recorded_file(result_dir):
    """Path under which train.py writes the experiment as it runs: never that of another's file."""
    folder = Path(result_dir)
    beside = folder / CONFIG_BESIDE_THEIRS
    is_theirs = any(folder.glob('*.yml')) and not (folder / RECORD).is_file()
    return beside if is_theirs or beside.is_file() else folder / CONFIG


def choose_iteration(result_dir, wanted):
    """The iteration to load: ``wanted``, or when it is None the authors' default, else the newest.

    Raises:
        SnapshotError: The folder has no networks of that iteration; it lists those there are.
    """
    found = snapshots.iterations(result_dir, snapshots.NETWORKS['vgen'])
    if not found:
        raise SnapshotError(f'{result_dir}: no {snapshots.NETWORKS["vgen"].format("N")} in it')
    if wanted is None:
        return DEFAULT_ITERATION if DEFAULT_ITERATION in found else found[-1]
    if wanted not in found:
        raise SnapshotError(f'{result_dir}: no networks of iteration {wanted}; there are those of '
                            f'{", ".join(map(str, found))}')
    return wanted


def load_generators(result_dir, iteration, device):
    """G0 and G1 of a result folder, ours or the authors', on ``device`` -> (fsgen, vgen).

    For a system whose single generator makes whole videos, fsgen is None.

    Raises:
        ConfigError: The experiment file is none.
        SnapshotError: There is no single one, or the networks of that iteration are missing or
            damaged.
    """
    experiment = config.load(experiment_file(result_dir))
    fsgen, vgen, _ = experiment.build_models()
    for name, network in (('fsgen', fsgen), ('vgen', vgen)):
        if network is None:
            continue
        snapshots.load(Path(result_dir, snapshots.NETWORKS[name].format(iteration)), network)
        network.to_device(device)
    return fsgen, vgen


def result_folder(text):
    """``type`` of a flag that takes a result folder: 'latest' is the newest in results/."""
    if text != 'latest':
        return text
    try:
        return snapshots.latest_folder()
    except SnapshotError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def add_result_flags(parser, several=False):
    """Add the flags of every command that samples a result folder, or more than one.

    ``args.n``, which :func:`check_result_flags` looks at, is the caller's.
    """
    parser.add_argument('--result_dir', type=result_folder, required=True,
                        nargs='+' if several else None, metavar='DIR',
                        help='result folder of a training, or "latest", the newest in results/')
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


def open_generators(args):
    """What the flags name, on the device that they name, whose generator is seeded.

    Returns:
        (fsgen, vgen, names, labels), see :func:`load_generators` and :func:`choose_labels`.

    Raises:
        TGANError: There is no such folder, iteration, device or category, or a file is damaged.
    """
    device = get_device(args.gpu if args.gpu is not None else (0 if count_gpus() else -1))
    device.use()
    iteration = choose_iteration(experiment_file(args.result_dir).parent, args.iter)
    fsgen, vgen = load_generators(args.result_dir, iteration, device)
    names, labels = choose_labels(args, fsgen, vgen)
    device.xp.random.seed(args.seed)
    return fsgen, vgen, names, labels


def choose_labels(args, fsgen, vgen):
    """The categories that the flags name -> (names, labels), ``args.n`` labels for each name.

    Without the flag there are no names, and the labels are None.

    Raises:
        ConfigError: A name is unknown, or the system is not conditional.
        SnapshotError: The result folder does not say how its categories are called.
    """
    if not args.categories:
        return [], None
    n_categories = getattr(first_generator(fsgen, vgen), 'n_categories', 0)
    if not n_categories:
        raise ConfigError(f'--category: the system in {args.result_dir} is not conditional; leave '
                          'the flag out')
    names = read_categories(args.result_dir, n_categories)
    labels = find_categories(args.categories, names)
    return ([names[label] for label in labels],
            vgen.xp.asarray(labels, 'i').repeat(args.n))
