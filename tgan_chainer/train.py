"""Train TGAN from an experiment file (authors' train.py): prepare, build, run."""
import math
import shlex
from pathlib import Path
from typing import NamedTuple

import chainer
from chainer.training import Trainer, extensions

from tgan_chainer.commands.train import main
from tgan_chainer.distributed import connect
from tgan_chainer.extensions.critic_spectrum import log_critic_spectrum
from tgan_chainer.extensions.log_report import AverageOverRanks, LogReport, stop_on_divergence
from tgan_chainer.extensions.plots import Plots
from tgan_chainer.extensions.preview import Preview
from tgan_chainer.extensions.progress_bar import ProgressBar
from tgan_chainer.extensions.quality import Quality
from tgan_chainer.extensions.snapshot import Snapshot
from tgan_chainer.extensions.tensorboard import TensorBoard
from tgan_chainer.functions.cpu.jit import numba
from tgan_chainer.io.files import remove_leftovers, write_json
from tgan_chainer.models.system import System
from tgan_chainer.random_streams import RandomState
from tgan_chainer.results import CATEGORIES
from tgan_chainer.training.data import check_batchsize, check_shapes, first_videos
from tgan_chainer.training.flags import new_result_folder, prepare
from tgan_chainer.training.iterators import PrefetchIterator
from tgan_chainer.training.optimizers import FallingRates
from tgan_chainer.training.record import overview, write_record
from tgan_chainer.training.resume import resume
from tgan_chainer.training.stopping import StopAt


def train(args):
    """Train as the flags of :mod:`.commands.train` say; a DivergedError if a loss is not finite."""
    ranks = connect(args.communicator)    # one process, unless mpiexec started more
    with ranks.ending_together():
        device = ranks.on_all(ranks.get_device, args.gpu)
        experiment, snapshot = ranks.on_first(prepare, args, ranks.size)    # makes data, too
        training = ranks.on_all(build, experiment, device, ranks)
        for network in training.system.networks.values():
            ranks.broadcast(network)
        if snapshot and not go_on(training, experiment, snapshot, ranks):
            return
        training.trainer.out = ranks.on_first(
            open_folder, training, experiment, snapshot, args, ranks)
        run(training.trainer, ranks, experiment.tensorboard)


class Training(NamedTuple):
    """What :func:`build` makes of an experiment; ``video`` is one of the data's, (T, C, H, W)."""

    trainer: Trainer
    system: System
    dataset: object
    video: object
    random_state: RandomState


def build(experiment, device, ranks):
    """Data set, networks, optimizers, updater and extensions of an experiment -> :class:`Training`.

    Parameters are drawn first, then the order of the data: one seed gives the authors' bytes. A
    part that refuses what it is given, or does not fit another, is a ConfigError.
    """
    device.use()
    dataset = experiment.dataset.build()
    example = dataset[0]    # before seeding: it draws random numbers
    video = example[0] if isinstance(example, tuple) else example
    share = ranks.share(dataset, experiment.seed)
    check_batchsize(experiment, len(dataset), ranks.size)
    random_state = RandomState(experiment.seed, device, ranks.rank)
    random_state.seed_all()
    system = build_system(experiment, dataset, video, device, ranks)
    random_state.part_ways()
    updater = experiment.updater.build(
        models=system, iterator=PrefetchIterator(share, experiment.batchsize), device=device,
        optimizer={name: ranks.averaging(experiment.optimizer.of(name).build().setup(network))
                   for name, network in system.networks.items()})
    iterations = experiment.iterations or math.ceil(
        experiment.epoch * len(share) / experiment.batchsize)
    trainer = Trainer(updater, StopAt(iterations, ranks))
    extend(trainer, experiment, dataset, random_state, ranks)
    return Training(trainer, system, dataset, video, random_state)


def build_system(experiment, dataset, video, device, ranks):
    """The networks, fit for the data, on ``device``; all ranks draw the same parameters."""
    system = experiment.build_models(ranks)
    check_shapes(experiment, system, dataset, video)
    if dataset.n_categories:
        next(iter(system.networks.values())).category_prior[...] = dataset.category_prior
    for network in system.networks.values():
        network.to_device(device)
    if ranks.size > 1:
        find_sizes(system.vdis, video)    # while they draw alike
    return system


def find_sizes(vdis, video):
    """Draw those parameters of a critic whose sizes are found when it is called."""
    if not all(param.is_initialized for param in vdis.params()):
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            vdis(vdis.xp.asarray(video.transpose(1, 0, 2, 3)[None]))


def extend(trainer, experiment, dataset, random_state, ranks):
    """Add what happens beside the updates: all of it to rank 0, to others what takes all ranks."""
    updater = trainer.updater
    display = (experiment.display_interval, 'iteration')
    save = (experiment.snapshot_interval, 'iteration')
    if ranks.size > 1:
        # A trigger without a state, of which a snapshot of one rank would have none.
        trainer.extend(AverageOverRanks(ranks), trigger=lambda trainer: True)
    if experiment.rates_fall_from is not None:
        trainer.extend(FallingRates(updater.get_all_optimizers().values(),
                                    experiment.rates_fall_from, trainer.stop_trigger.iterations))
    if ranks.is_first:
        on_gpu = random_state.device.name != '@numpy'
        progress = ProgressBar(trainer.stop_trigger.iterations)
        columns = ['epoch', 'iteration', *(f'vdis/{loss}' for loss in updater.losses)]
        if numba:
            from tgan_chainer.extensions.compilation import Compilation
            trainer.extend(Compilation())    # before Quality, which runs kernels
        trainer.extend(stop_on_divergence, trigger=display if on_gpu else (1, 'iteration'))
        trainer.extend(log_critic_spectrum, trigger=display)
        if experiment.quality_interval:
            columns += ['quality/dimensions', 'quality/frechet']
            trainer.extend(
                Quality(updater.fsgen, updater.vgen, dataset, seed=experiment.seed),
                trigger=(experiment.quality_interval, 'iteration'))
        trainer.extend(LogReport(trigger=display))
        trainer.extend(extensions.PrintReport([*columns, 'elapsed_time'], out=progress),
                       trigger=display)
        trainer.extend(Plots(), trigger=save)
        n = experiment.preview_videos
        trainer.extend(
            Preview(updater.fsgen, updater.vgen, n, experiment.seed, first_videos(dataset, n)),
            trigger=(experiment.preview_interval or experiment.snapshot_interval, 'iteration'))
        if experiment.tensorboard:
            trainer.extend(TensorBoard())
        trainer.extend(random_state)
        trainer.extend(progress)
    own = {'iterator': updater.get_iterator('main'), 'random_state': random_state}
    trainer.extend(Snapshot(ranks, own, experiment.snapshot_keep), trigger=save)


def go_on(training, experiment, snapshot, ranks):
    """Load a trainer's snapshot -> whether updates are left to do."""
    trainer = training.trainer
    note = ranks.on_all(resume, trainer, snapshot, experiment, training.random_state, ranks)
    done, wanted = trainer.updater.iteration, trainer.stop_trigger.iterations
    if done >= wanted:
        ranks.say(f'{snapshot} is at iteration {done} of {wanted}: nothing is left to do. For more '
                  'updates give a larger number in all, by --iterations or --epoch')
    elif note:
        ranks.say(note)
    return done < wanted


def open_folder(training, experiment, snapshot, args, ranks):
    """Make the result folder, or go on in a snapshot's; say and write what is trained -> path."""
    about = overview(experiment, training, ranks)    # refuses kernels and threads, too
    branched_from = snapshot if args.branch else None
    goes_on = snapshot and not args.branch
    out = snapshot.parent if goes_on else new_result_folder(args, experiment, snapshot)
    remove_leftovers(out)    # of a start that was killed
    write_record(out, experiment, args.command_line, training.random_state.device,
                 training.trainer.updater.iteration, ranks.size, branched_from)
    if training.dataset.n_categories:
        write_json(Path(out, CATEGORIES), training.dataset.category_names)
    print(about)
    origin = f', continuing from {branched_from}' if branched_from else ''
    print(f'{"resuming in" if goes_on else "writing to"} {out}{origin}', flush=True)
    return str(out)


def run(trainer, ranks, tensorboard):
    """Train until the end or a signal, then write what the last interval has not."""
    stop, updater = trainer.stop_trigger, trainer.updater
    with stop.on_signals(*ranks.stop_signals):
        trainer.run(show_loop_exception_msg=False)
    if ranks.is_first:
        trainer.get_extension('LogReport').finish(trainer)
        preview = trainer.get_extension('preview')
        if not stop.signal_name and not preview.exists(trainer):
            preview(trainer)
    snapshot = trainer.get_extension('snapshot')
    # Before the first update optimizers have no state, so that nothing could be resumed.
    if updater.iteration and not ranks.on_first(snapshot.exists, trainer):
        snapshot(trainer)
    if ranks.is_first:
        trainer.get_extension('plots')(trainer)    # last: after a signal there may be little time
        if tensorboard:
            trainer.get_extension('tensorboard').finish(trainer)
    ended = f'stopped by {stop.signal_name}' if stop.signal_name else 'finished'
    ranks.say(f'{ended} at iteration {updater.iteration}; results are in {trainer.out}')
    if stop.signal_name and updater.iteration:
        ranks.say(f'continue with: tgan train --resume {shlex.quote(trainer.out)}')


if __name__ == '__main__':
    raise SystemExit(main())
