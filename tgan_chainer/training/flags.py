"""What the flags of train.py mean: which experiment, into which folder, continued from what."""
import datetime
import itertools
from pathlib import Path

from tgan_chainer import config, results
from tgan_chainer.commands.train import DEFAULT_CONFIG
from tgan_chainer.errors import ConfigError, SnapshotError
from tgan_chainer.training.data import make_data
from tgan_chainer.training.resume import find_snapshot, require_one_training


def prepare(args, n_ranks):
    """What is to be trained, its data made -> (Experiment, path of a snapshot to go on from)."""
    snapshot_path = find_snapshot(args.resume) if args.resume else None
    experiment = load_experiment(args, snapshot_path)
    take_folders(args, experiment)
    if args.resume and not snapshot_path:    # the experiment says so
        snapshot_path = find_snapshot(args.resume)
    if args.branch and not snapshot_path:
        raise ConfigError('--branch: continues from a snapshot; add --resume PATH')
    if snapshot_path and not args.branch:
        require_one_training(snapshot_path, experiment)
    make_data(experiment, n_ranks)
    return experiment, snapshot_path


def load_experiment(args, snapshot_path=None):
    """The experiment of the flags, or else that of a snapshot's folder -> Experiment."""
    path = args.config_path or DEFAULT_CONFIG
    if snapshot_path and not args.config_path:
        try:
            path = str(results.experiment_file(snapshot_path.parent))
        except SnapshotError as error:
            raise SnapshotError(f'{error}; or give --config_path') from error
    flags = 'seed', 'batchsize', 'batch_norm', 'iterations', 'epoch', 'tensorboard'
    experiment = config.load(path, args.set).replace(**{key: getattr(args, key) for key in flags})
    # Updates that the file asks for yield to epochs that the user asks for.
    return experiment.model_copy(update={'iterations': None}) if args.epoch else experiment


def take_folders(args, experiment):
    """Set --out and --resume to the experiment's ``result_dir`` and ``resume``; flags win."""
    if not args.test and (args.branch or not args.resume):
        args.out = args.out or experiment.result_dir
    if args.resume or not experiment.resume:
        return
    snapshot = Path(experiment.resume)
    folder = snapshot if snapshot.is_dir() else snapshot.parent
    if not args.branch:
        if args.test or (args.out and Path(args.out).resolve() != folder.resolve()):
            raise ConfigError(
                f'{experiment.source}: resume: found {experiment.resume}, whose training continues '
                f'in {folder}, not in {args.out or "results/test"}; give no other folder, add '
                '--branch, or remove resume')
        args.out = None
    args.resume = experiment.resume


def new_result_folder(args, experiment, snapshot=None):
    """Make and return a folder that did not exist (authors' names, FACTS §10).

    That of a branch is named after the folder of its ``snapshot``. One that is named and exists is
    a ConfigError.
    """
    now = datetime.datetime.now().strftime('%Y-%m-%d_%H-%M-%S')
    if args.out:
        candidates = [args.out]
    elif args.test:
        candidates = (f'results/test{f"_{i}" * bool(i)}' for i in itertools.count())
    else:
        name = (f'{snapshot.resolve().parent.name}_branch' if snapshot
                else f'{Path(experiment.source).stem}_{now}')
        candidates = (f'results/{name}_{i}' for i in itertools.count())
    for folder in map(Path, candidates):
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            pass
        except OSError as error:
            raise ConfigError(f'{folder}: cannot make the result folder: {error.strerror}') \
                from error
    raise ConfigError(f'{args.out} exists, and results are never overwritten: choose another '
                      f'folder with --out, or continue with --resume {args.out}')
