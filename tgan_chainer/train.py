"""Train TGAN from an experiment file (authors' train.py)."""
import datetime
import math
import shlex
from pathlib import Path

import chainer
import numpy as np
from chainer import training
from chainer.training import extensions

from tgan_chainer import config, results
from tgan_chainer.categories import write_categories
from tgan_chainer.commands.train import DEFAULT_CONFIG, main
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.distributed.connect import connect
from tgan_chainer.errors import ConfigError, SnapshotError
from tgan_chainer.extensions.average_over_ranks import AverageOverRanks
from tgan_chainer.extensions.compilation import Compilation
from tgan_chainer.extensions.critic_spectrum import CriticSpectrum
from tgan_chainer.extensions.log_report import LogReport
from tgan_chainer.extensions.plots import Plots
from tgan_chainer.extensions.preview import Preview
from tgan_chainer.extensions.progress_bar import ProgressBar
from tgan_chainer.extensions.quality import Quality
from tgan_chainer.extensions.snapshot import Snapshot
from tgan_chainer.extensions.stop_on_divergence import StopOnDivergence
from tgan_chainer.io.files import remove_leftovers
from tgan_chainer.models.sampling import first_generator
from tgan_chainer.prepare.moving_mnist import make_moving_mnist, write_labels
from tgan_chainer.random_streams import RandomState
from tgan_chainer.training.iterators import PrefetchIterator
from tgan_chainer.training.overview import overview
from tgan_chainer.training.record import write_record
from tgan_chainer.training.resume import find_snapshot, resume
from tgan_chainer.training.stopping import StopAt


def train(args, command_line):
    """Train as the flags say.

    Args:
        args (argparse.Namespace): See :func:`tgan_chainer.commands.train.parse_args`.
        command_line (list of str): For the record.

    Raises:
        TGANError: Bad input; or a loss was not finite, and the training has stopped.
    """
    ranks = connect(args.communicator)
    with ranks.ending_together():
        _train_on(ranks, args, command_line)


def _train_on(ranks, args, command_line):
    device = ranks.on_all(ranks.get_device, args.gpu)
    device.use()
    experiment, snapshot_path = ranks.on_first(choose, args)
    ranks.on_first(make_data, experiment)    # before all of them find it missing
    dataset = ranks.on_all(build_dataset, experiment)
    example = ranks.on_all(dataset.__getitem__, 0)    # before seeding: it draws random numbers
    share = ranks.share(dataset, experiment.seed)
    ranks.on_all(check_batchsize, experiment, dataset, share, ranks)
    random_state = RandomState(experiment.seed, device, ranks.rank)
    random_state.seed_all()
    models = ranks.on_all(build_models, experiment, ranks, device)
    ranks.on_all(check_shapes, experiment, models, dataset, example)
    if ranks.size > 1:
        make_the_same(models, example, ranks)
        random_state.part_ways()
    updater = ranks.on_all(build_updater, experiment, models, share, ranks, device)
    categories = learn_categories(models, dataset)

    stop = StopAt(count_iterations(experiment, len(share)), ranks)
    out = (snapshot_path.parent if snapshot_path
           else ranks.on_first(new_result_folder, args, experiment))
    trainer = training.Trainer(updater, stop, out=str(out))
    preview, snapshot = extend(trainer, experiment, dataset, random_state, stop, ranks)
    say = print if ranks.is_first else _say_nothing
    if snapshot_path:
        note = ranks.on_all(resume, trainer, snapshot_path, experiment, random_state, ranks)
        if updater.iteration >= stop.iterations:
            say(f'{snapshot_path} is at iteration {updater.iteration} of {stop.iterations}: '
                'nothing is left to do. For more updates give a larger number in all, by '
                '--iterations or --epoch')
            return
        if note:
            say(note, flush=True)
    ranks.on_first(
        describe, out, experiment, command_line, device, updater, categories, ranks.size)

    say(overview(experiment, updater, dataset, example, stop.iterations, device, ranks))
    say(f'{"resuming in" if snapshot_path else "writing to"} {out}', flush=True)
    with stop.on_signals(*ranks.stop_signals):
        trainer.run(show_loop_exception_msg=False)
    if ranks.is_first:
        trainer.get_extension('LogReport').finish(trainer)
        if not stop.signal_name and not preview.exists(trainer):
            preview(trainer)
    # Before the first update optimizers have no state, so that nothing could be resumed.
    if updater.iteration and not ranks.on_first(snapshot.exists, trainer):
        snapshot(trainer)
    if ranks.is_first:
        trainer.get_extension('plots')(trainer)    # last: after a signal there may be little time
    ended = f'stopped by {stop.signal_name}' if stop.signal_name else 'finished'
    say(f'{ended} at iteration {updater.iteration}; results are in {out}')
    if stop.signal_name and updater.iteration:
        say(f'continue with: tgan train --resume {shlex.quote(str(out))}')


def _say_nothing(*args, **kwargs):
    pass


def choose(args):
    """What the flags mean -> (Experiment, path of the trainer's snapshot to go on from, or None).

    Raises:
        TGANError: See :func:`load_experiment`, :func:`take_folders`,
            :func:`tgan_chainer.training.resume.find_snapshot`.
    """
    snapshot_path = find_snapshot(args.resume) if args.resume else None
    experiment = load_experiment(args, snapshot_path)
    take_folders(args, experiment)
    if args.resume and not snapshot_path:    # the experiment says so
        snapshot_path = find_snapshot(args.resume)
    return experiment, snapshot_path


def load_experiment(args, snapshot_path=None):
    """The experiment of the flags, or else that of a snapshot's folder -> Experiment."""
    path = args.config_path or DEFAULT_CONFIG
    if snapshot_path and not args.config_path:
        try:
            path = str(results.experiment_file(snapshot_path.parent))
        except SnapshotError as error:
            raise SnapshotError(f'{error}; or give --config_path') from error
    experiment = config.load(path)
    changes = {'seed': args.seed, 'batchsize': args.batchsize, 'batch_norm': args.batch_norm,
               'iterations': args.iterations, 'epoch': args.epoch}
    experiment = experiment.replace(**changes)
    # Updates that the file asks for yield to epochs that the user asks for.
    return experiment.model_copy(update={'iterations': None}) if args.epoch else experiment


def take_folders(args, experiment):
    """Set --out and --resume to the experiment's ``result_dir`` and ``resume``; flags win.

    Raises:
        ConfigError: The experiment is to be resumed, and to write elsewhere.
    """
    if args.resume:
        return
    if not args.test:
        args.out = args.out or experiment.result_dir
    if not experiment.resume:
        return
    snapshot = Path(experiment.resume)
    folder = snapshot if snapshot.is_dir() else snapshot.parent
    if args.test or args.out and Path(args.out).resolve() != folder.resolve():
        raise ConfigError(f'{experiment.source}: resume: found {experiment.resume}, whose training '
                          f'continues in {folder}, not in {args.out or "results/test"}; give no '
                          'other folder, or remove resume')
    args.out, args.resume = None, experiment.resume


def make_data(experiment):
    """Make the data set's file, and the table of its digits, if they may be made and are missing.

    Raises:
        DataError: They cannot be made.
    """
    if not experiment.make_moving_mnist:
        return
    args, settings = experiment.dataset.args, experiment.make_moving_mnist.model_dump()
    path, table = args.get('dataset_path'), args.get('config_path')
    if path and not Path(path).exists():
        print(f'making {path}: {settings["n_videos"]} videos of moving digits', flush=True)
        make_moving_mnist(path, **settings)
    if table and not Path(table).exists():
        del settings['size']
        write_labels(table, **settings)


def build_dataset(experiment):
    """The data set of an experiment, made first if it may be made and is missing.

    Raises:
        ConfigError: The data set is missing or not what the experiment says.
    """
    make_data(experiment)
    return experiment.dataset.build()


def check_batchsize(experiment, dataset, share, ranks):
    """See that ``share``, the part of ``dataset`` that a rank trains on, holds a batch.

    Raises:
        ConfigError: It does not.
    """
    if len(share) < experiment.batchsize:
        of = f', {len(share)} for each of {ranks.size} ranks' if ranks.size > 1 else ''
        raise ConfigError(f'{experiment.source}: batchsize: found {experiment.batchsize}, but the '
                          f'data set holds {len(dataset)} videos{of}')


def count_iterations(experiment, n_videos):
    """Number of updates: as given, or as many as the epochs take."""
    if experiment.iterations is not None:
        return experiment.iterations
    return math.ceil(experiment.epoch * n_videos / experiment.batchsize)


def build_models(experiment, ranks, device):
    """The networks (fsgen, vgen, vdis) on ``device``; all ranks draw the same parameters."""
    models = experiment.build_models(ranks if ranks.size > 1 else None)
    for model in models:
        if model is not None:
            model.to_device(device)
    return models


def make_the_same(models, example, ranks):
    """Give all ranks rank 0's parameters; of a critic too that finds its sizes when called."""
    vdis = models[-1]
    if any(not param.is_initialized for param in vdis.params()):
        video = example[0] if isinstance(example, tuple) else example
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            vdis(vdis.xp.asarray(video.transpose(1, 0, 2, 3)[None]))
    for model in models:
        if model is not None:
            ranks.broadcast(model)


def build_updater(experiment, models, dataset, ranks, device):
    """The networks' optimizers, the iterator and the updater, on ``device``.

    The order of the data is drawn after the parameters: one seed gives the authors' bytes.
    """
    optimizers = {
        name: ranks.wrap(experiment.optimizer.of(name).build().setup(model))
        for name, model in zip(config.NETWORKS, models, strict=True) if model is not None}
    iterator = PrefetchIterator(dataset, experiment.batchsize)
    return experiment.updater.build(
        models=models, iterator=iterator, optimizer=optimizers, device=device)


def check_shapes(experiment, models, dataset, example):
    """See that what one part makes is what the next one takes.

    Args:
        experiment (Experiment): Named in the message.
        models: The networks (fsgen, vgen, vdis).
        dataset: The data set.
        example: One of its examples, (T, C, H, W) or a pair of that and a label.

    Raises:
        ConfigError: Two parts disagree.
    """
    fsgen, vgen, vdis = models
    side = 16 * vgen.bottom_width
    made = (first_generator(fsgen, vgen).n_frames, vgen.out_channels, side, side)
    shape = (example[0] if isinstance(example, tuple) else example).shape
    agreements = []
    for what in ('z_slow_dim', 'z_fast_dim'):
        # A generator of whole videos, or a G1 without z_slow, has nothing to agree on.
        if hasattr(fsgen, what) and hasattr(vgen, what):
            agreements.append(
                (f'{what} of fsgen and vgen', getattr(fsgen, what), getattr(vgen, what)))
    agreements.append(('(T, C, H, W) of generated videos and of the data set', made, shape))
    # A critic of another kind may find its sizes at the first call.
    if hasattr(vdis, 'in_channels'):
        agreements += [
            ('out_channels of vgen and in_channels of vdis', vgen.out_channels, vdis.in_channels),
            ('bottom_width of vgen and top_width of vdis', vgen.bottom_width, vdis.top_width),
        ]
    agreements += [
        (f'n_categories of the data set and {name}', count_categories(dataset),
         count_categories(network))
        for name, network in zip(config.NETWORKS, (fsgen, vgen, vdis), strict=True)
        if network is not None]
    for what, first, second in agreements:
        if first != second:
            raise ConfigError(f'{experiment.source}: {what} must be the same, found {first} and '
                              f'{second}')


def count_categories(part):
    """Number of categories that a network or data set knows; 0 if it knows of no labels."""
    return getattr(part, 'n_categories', 0)


def learn_categories(models, dataset):
    """Give a conditional system the prior of the data's categories -> their names, or None."""
    if not count_categories(dataset):
        return None
    first = first_generator(*models[:2])
    first.category_prior[...] = first.xp.asarray(dataset.category_prior)
    return dataset.category_names


def new_result_folder(args, experiment):
    """Make and return a folder that did not exist (authors' names, FACTS §10).

    Raises:
        ConfigError: ``--out``, or the experiment's ``result_dir``, exists.
    """
    if args.out:
        candidates = [Path(args.out)]
    elif args.test:
        candidates = _numbered(Path('results/test'), first='')
    else:
        now = datetime.datetime.now().strftime('%Y-%m-%d_%H-%M-%S')
        candidates = _numbered(Path(f'results/{experiment.name}_{now}'), first='_0')
    for folder in candidates:
        try:
            folder.mkdir(parents=True)
            return folder
        except FileExistsError:
            continue
        except OSError as error:
            raise ConfigError(f'{folder}: cannot make the result folder: {error.strerror}') \
                from error
    raise ConfigError(f'{args.out} exists, and results are never overwritten: choose another '
                      f'folder with --out, or continue with --resume {args.out}')


def _numbered(folder, first):
    yield folder.with_name(folder.name + first)
    number = 1
    while True:
        yield folder.with_name(f'{folder.name}_{number}')
        number += 1


def describe(out, experiment, command_line, device, updater, categories, n_ranks):
    """Write into the result folder how it is made; remove what a killed start left in it."""
    remove_leftovers(out)
    write_record(out, experiment, command_line, device, updater.iteration, n_ranks)
    if categories:
        write_categories(out, categories)


def first_videos(dataset, n):
    """The first n, at most, of Moving MNIST's videos (N, C, T, H, W); None of another data set."""
    if not isinstance(dataset, MovingMNISTDataset):
        return None
    videos = [MovingMNISTDataset.load(dataset, i, 0) for i in range(min(n, len(dataset)))]
    return np.stack(videos).transpose(0, 2, 1, 3, 4)


def extend(trainer, experiment, dataset, random_state, stop, ranks):
    """Add what happens beside the updates; returns the extensions Preview and Snapshot.

    Rank 0 has all of them, the others those that take them all.
    """
    updater = trainer.updater
    display = (experiment.display_interval, 'iteration')
    preview = Preview(updater.fsgen, updater.vgen, experiment.preview_videos, experiment.seed,
                      first_videos(dataset, experiment.preview_videos))
    on_gpu = random_state.device.xp is not chainer.get_device('@numpy').xp
    progress = ProgressBar(stop.iterations)
    snapshot = Snapshot(ranks, {'iterator': updater.get_iterator('main'),
                                'random_state': random_state})

    if ranks.size > 1:
        trainer.extend(AverageOverRanks(ranks), trigger=_always)
    if ranks.is_first:
        trainer.extend(Compilation())    # before Quality, which runs kernels
        trainer.extend(StopOnDivergence(), trigger=display if on_gpu else (1, 'iteration'))
        trainer.extend(CriticSpectrum(), trigger=display)
        if experiment.quality_interval:
            trainer.extend(
                Quality(updater.fsgen, updater.vgen, dataset, seed=experiment.seed),
                trigger=(experiment.quality_interval, 'iteration'))
        trainer.extend(LogReport(trigger=display))
        trainer.extend(extensions.PrintReport(
            ['epoch', 'iteration', *(f'vdis/{loss}' for loss in updater.losses),
             *(['quality/dimensions', 'quality/frechet'] if experiment.quality_interval else []),
             'elapsed_time'], out=progress), trigger=display)
        trainer.extend(Plots(updater.losses), trigger=(experiment.snapshot_interval, 'iteration'))
        trainer.extend(preview, trigger=(
            experiment.preview_interval or experiment.snapshot_interval, 'iteration'))
        trainer.extend(random_state)
        trainer.extend(progress)
    trainer.extend(snapshot, trigger=(experiment.snapshot_interval, 'iteration'))
    return preview, snapshot


def _always(trainer):
    """A trigger without a state, of which a snapshot of one rank would have none."""
    return True


if __name__ == '__main__':
    raise SystemExit(main())
