"""The benchmarks: which sides do which work, and what it is measured by."""
import contextlib
import dataclasses
import functools

from benchmarks import flops, ours_worker
from benchmarks.race import Finding, Racer, everyone, race, take_turns
from benchmarks.sides import OURS, TORCH, NotRunError
from tgan_chainer.evaluation.c3d_ft import C3D, INPUT_SHAPE

SAMPLED = 16
"""How many videos are generated."""

METHODS = {'ours': 'ours', 'svd': "authors' algorithm (numpy.linalg.svd)"}
"""Ways of clipping singular values: our hook, and a full factorisation of every matrix."""


def arithmetic(session):
    """What one video of a training step takes, layer by layer; nothing is timed."""
    rows = _rows_of_step(session, batch=1)
    return Finding(text=flops.table(rows), data={'rows': [dataclasses.asdict(row) for row in rows]})


def step(session, updater, batch):
    """Training steps of all sides, and the floor."""
    return race(session, trainings(session, updater, batch), _rows_of_step(session, batch))


def trainings(session, updater, batch):
    """Those who train -> list of Racer, ours first."""
    args = {'updater': updater, 'batch': batch, 'size': session.size}
    return [*everyone('step', args), Racer('PyTorch eager, our algorithm', TORCH, 'step',
                                           {**args, 'algorithm': 'ours'})]


def busy(session):
    """Ours and PyTorch alone and beside others, in units of ours alone."""
    ours, *_, torch = trainings(session, 'clip', session.size['batch'])
    return race(session, [
        dataclasses.replace(side, name=f'{side.name}, {n} busy neighbours', neighbours=n,
                            task=f'{side.name} {n}')
        for side in (ours, torch) for n in (0, 1, 2)])


def _rows_of_step(session, batch):
    return flops.of_step(*ours_worker.networks(session.size).values(), batch)


def kernels(session):
    """Where the time of a training step on a GPU goes."""
    return Finding(text=session.worker(OURS).run(
        'kernels', {'batch': 32, 'size': session.size})['text'])


def svc(session, weights):
    """Time of clipping all layers, and the error layer by layer."""
    outcome = race(session, [
        Racer(label, OURS, 'svc', {
            'weights': weights, 'method': method, 'size': session.size})
        for method, label in METHODS.items()])
    ours, theirs = (answers[0]['facts'] for answers in outcome.data['answers'].values())
    outcome.text = '\n'.join([
        'largest error, relative to the largest weight of the same in float64:', *(
            f'{our["layer"]} ({" x ".join(map(str, our["shape"]))}; {our["above"]} singular values '
            f'above 1): ours {our["error"]:.1e}, authors\' {their["error"]:.1e}'
            for our, their in zip(ours, theirs, strict=True))])
    return outcome


def sampling(session):
    """Videos of all sides in test mode, and the floor."""
    fsgen, vgen, _ = ours_worker.networks(session.size).values()
    return race(session, everyone('sampling', {'n': SAMPLED, 'size': session.size}),
                flops.of_sampling(fsgen, vgen, SAMPLED))


def c3d(session, clips):
    """C3D, which the inception score runs on every video, of all sides; and the floor."""
    if session.options.quick:
        raise NotRunError('C3D has one size, too large for --quick: leave out --quick')
    return race(session, everyone('c3d', {'n': clips}),
                flops.count('C3D', C3D(), clips, INPUT_SHAPE))


def loader(session, dataset):
    """One loader, on a file made for it, beside the training step that consumes it."""
    _, _, label, channels = ours_worker.DATASETS[dataset]
    batch, size = session.size['batch'], {**session.size, 'channels': channels}
    return race(session, [
        Racer('training step', OURS, 'step', {
            'updater': 'clip', 'batch': batch, 'size': size}),
        Racer(label, OURS, 'loader', {'dataset': dataset, 'batch': batch,
                                      'n_videos': 32 * batch}, task='loader')])


def memory(session):
    """As much as all sides had at the end of the first cycle, each in a process of its own."""
    runnable, not_run = {}, []
    for racer in trainings(session, 'svc', session.size['batch']):
        try:
            session.worker(racer.side)
            runnable[racer.name] = functools.partial(_peak, session, racer)
        except NotRunError as reason:
            not_run.append((racer.name, str(reason)))
    # Memory hardly varies from process to process.
    return Finding(costs=take_turns(runnable, min(session.options.repeats, 3)), unit='bytes',
                   not_run=not_run)


def _peak(session, racer):
    with contextlib.closing(session.start(racer.side)) as worker:
        return racer.turn(worker)['peak']


CASES = {
    'flops/step': ('GFLOP of a training step, WGAN, a video of the batch', arithmetic),
    **{f'step/{updater}-b{batch}': (
        f'training step, WGAN with {what} clipping, batch of {batch}', step, updater, batch)
        for updater, what in (('svc', 'singular value'), ('clip', 'weight'))
        for batch in (4, 8, 16, 32)},
    'step/busy': ('training step, WGAN with weight clipping, beside 0, 1 and 2 busy neighbours',
                  busy),
    'step/kernels': ('kernels of a training step on a GPU, by PyTorch, batch of 32', kernels),
    **{f'svc/{weights}': (f"clipping the singular values of D's weights, {about}", svc, weights)
       for weights, about in (
           ('layers', 'as they are before the first clipping of a training'),
           ('half', 'scaled, so that half of the singular values are above the bound'))},
    'sampling/videos': (f'generating {SAMPLED} videos, test mode', sampling),
    **{f'c3d/clips-{n}': (f'C3D, forward, {n} clip(s), test mode', c3d, n) for n in (1, 2)},
    **{f'loaders/{dataset}': (
        f'loading a batch of {label}, as a share of the training step that takes it', loader,
        dataset) for dataset, (_, _, label, _) in ours_worker.DATASETS.items()},
    'memory/step': ('peak memory of two training steps, WGAN with singular value clipping', memory),
}
"""Every benchmark in the order in which a report shows them.

Name 'KIND/WHICH' -> what is measured, in a line; function that is called with a
:class:`benchmarks.sides.Session` and the rest -> :class:`benchmarks.race.Finding`.
"""
