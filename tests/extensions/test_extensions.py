import csv
import random
import re
import signal
import struct
import sys
from types import SimpleNamespace

import chainer
import numba
import numpy as np
import pytest
from chainer import training
from PIL import Image

from tests import systems
from tests.conftest import read_log
from tests.movies import read_movie
from tgan_chainer import config
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.distributed import OneProcess
from tgan_chainer.errors import DataError, DivergedError, SnapshotError
from tgan_chainer.evaluation import ledger
from tgan_chainer.evaluation import video_quality as quality
from tgan_chainer.evaluation.digit_classifier import load_classifier
from tgan_chainer.extensions import plots
from tgan_chainer.extensions.compilation import Compilation
from tgan_chainer.extensions.critic_spectrum import critic_spectrum
from tgan_chainer.extensions.log_report import LogReport, stop_on_divergence
from tgan_chainer.extensions.plots import CHARTS, Plots, draw, wanted
from tgan_chainer.extensions.preview import Preview
from tgan_chainer.extensions.progress_bar import ProgressBar
from tgan_chainer.extensions.quality import Quality
from tgan_chainer.extensions.snapshot import Snapshot, saved
from tgan_chainer.extensions.tensorboard import TensorBoard
from tgan_chainer.io import pictures, snapshots
from tgan_chainer.io.files import write_json
from tgan_chainer.models.sampling import draw_z_slow, first_generator, make_video
from tgan_chainer.random_streams import RandomState

CPU = chainer.get_device('@numpy')
CHAINERS_LOG = training.extensions.LogReport


class Updater(training.updaters.StandardUpdater):
    def __init__(self, models, losses=()):
        optimizers = {name: chainer.optimizers.SGD().setup(model) for name, model in zip(
            config.NETWORKS, models, strict=True) if model is not None}
        iterator = chainer.iterators.SerialIterator([0, 1, 2, 3], 1, shuffle=False)
        super().__init__(iterator, optimizers)
        self.fsgen, self.vgen, self.vdis = models
        self.given = list(losses)

    def update_core(self):
        self.get_iterator('main').next()
        chainer.report({'loss_gen': self.given.pop(0)}, self.vdis)


@pytest.fixture(scope='module')
def models():
    np.random.seed(0)
    return systems.tgan(wscale=0.01)


@pytest.fixture
def run(models, tmp_path):
    """Function from the losses of updates and extensions, or pairs of one and its interval."""
    def run(losses, *extensions, models=models, out=tmp_path, snapshot=None):
        trainer = training.Trainer(
            Updater(models, losses), lambda trainer: not trainer.updater.given, out=str(out))
        for extension in extensions:
            extension, every = extension if isinstance(extension, tuple) else (extension, None)
            trainer.extend(extension, trigger=(every, 'iteration') if every else None)
        if snapshot:
            snapshots.load(snapshot, trainer)
        trainer.run(show_loop_exception_msg=False)
        return trainer
    return run


def names(folder):
    return {path.name for path in folder.iterdir()}


# -- snapshots -------------------------------------------------------------------------------------

def test_snapshot_writes_the_authors_files_which_plain_chainer_reads(run, tmp_path, models):
    run([0.0] * 2, (Snapshot(), 2))
    assert names(tmp_path) == {
        'snapshot_iter_2.npz', 'gen_iter_2.npz', 'vgen_iter_2.npz', 'vdis_iter_2.npz'}
    other = systems.tgan()[0]
    chainer.serializers.load_npz(str(tmp_path / 'gen_iter_2.npz'), other)
    np.testing.assert_array_equal(other.dc3.W.array, models[0].dc3.W.array)
    assert saved(tmp_path / 'snapshot_iter_2.npz') == (2, 1)


def test_old_snapshots_are_removed_but_what_is_needed_stays(run, tmp_path):
    out = tmp_path / 'results' / 'a'
    records = {out / 'ledger' / 'own.json': 'vgen_iter_1.npz',
               out.parent / 'b' / 'ledger' / 'of_a.json': '"result_dir": "a", vgen_iter_2.npz',
               out.parent / 'b' / 'ledger' / 'of_b.json': '"result_dir": "b", vgen_iter_3.npz'}
    for path, text in records.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for name in ('gen_iter_3.npz', 'snapshot_iter_9.npz'):    # of a killed one; damaged
        (out / name).touch()
    run([0.0] * 6, (Snapshot(keep=2), 1), out=out)
    for template in (snapshots.TRAINER, *snapshots.NETWORKS.values()):
        damaged = [9] if template == snapshots.TRAINER else []
        assert snapshots.iterations(out, template) == [1, 2, 5, 6, *damaged]


def test_snapshot_refuses_what_is_not_finite(run, tmp_path, models, monkeypatch):
    monkeypatch.setattr(models[1].dc2.W, 'array', np.full_like(models[1].dc2.W.array, np.nan))
    with pytest.raises(DivergedError, match=r'iteration 1: vgen/dc2/W is not finite'):
        run([0.0], (Snapshot(), 1))
    assert not names(tmp_path)


@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_a_loss_that_is_no_number_stops_before_the_snapshot_and_is_plotted(run, tmp_path, value):
    with pytest.raises(DivergedError, match=f'iteration 2: vdis/loss_gen is {value}'):
        run([0.5, value, 0.5], stop_on_divergence, (Snapshot(), 1), LogReport((1, 'iteration')),
            (Plots(), 9))
    assert snapshots.latest_trainer(tmp_path).name == 'snapshot_iter_1.npz'
    assert (tmp_path / 'loss_gen.png').exists()


def test_ranks_that_hold_other_parameters_are_noticed(run, tmp_path):
    class TwoRanks(OneProcess):
        size = 2

        def gather(self, value):
            state, digests = value
            return [value, (state, {**digests, 'vdis': b''})]

    with pytest.raises(RuntimeError, match='iteration 1: vdis of rank 1 is not that of rank 0'):
        run([0.0], (Snapshot(TwoRanks()), 1))
    assert not names(tmp_path)


# -- random numbers --------------------------------------------------------------------------------

def test_random_state_comes_back(tmp_path):
    extension = RandomState(5, CPU)
    extension.seed_all()
    np.random.randn(3)    # leaves a cached Gaussian behind
    random.gauss(0, 1)
    snapshots.save(tmp_path / 'state.npz', extension)
    expected = [*np.random.randn(700), random.gauss(0, 1), random.random()]
    np.random.seed(99), random.seed(99)
    snapshots.load(tmp_path / 'state.npz', RandomState(5, CPU))
    assert [*np.random.randn(700), random.gauss(0, 1), random.random()] == expected


def test_ranks_draw_the_same_parameters_and_then_other_numbers():
    def draws(seed, *args):
        seed(*args)
        return np.random.rand(), random.random()

    found = [(draws(state.seed_all), draws(state.part_ways))
             for state in (RandomState(5, CPU, rank) for rank in range(3))]
    assert len({first for first, _ in found}) == 1 and len(set(found)) == 3
    assert (draws(RandomState(5, CPU).seed_all), draws(int)) == found[0]    # as one process does
    found = [draws(RandomState(seed, CPU, rank).start_anew, iteration) for seed, rank, iteration in
             ((5, 0, 7), (6, 0, 7), (5, 1, 7), (5, 0, 8), (5, 0, 7))]
    assert len(set(found)) == 4 and found[0] == found[4]


# -- previews and quality --------------------------------------------------------------------------

def test_preview_and_quality_repeat_themselves_and_leave_training_untouched(
        run, tmp_path, models, moving_mnist):
    before = str(np.random.get_state()), random.getstate()
    statistics = models[1].bn1.avg_mean.copy()
    dataset = MovingMNISTDataset(dataset_path=moving_mnist)
    # The second preview stands for that of a resumed training, which has to draw the same.
    first, second = run(
        [0.0] * 2, (Quality(*models[:2], dataset, n=3), 1), CHAINERS_LOG(trigger=(1, 'iteration')),
        (Preview(*models[:2], n=4, seed=3), 1), (Preview(*models[:2], n=4, seed=3), 2)
    ).get_extension('LogReport').log
    assert (str(np.random.get_state()), random.getstate()) == before
    np.testing.assert_array_equal(models[1].bn1.avg_mean, statistics)

    sheets = [np.array(Image.open(tmp_path / 'preview' / f'image_img_0000000{i}.png'))
              for i in (1, 2)]
    assert sheets[0].shape == (4 * 64, 16 * 64, 3)
    np.testing.assert_array_equal(*sheets)
    for suffix in ('avi', 'mov', 'gif'):
        movie = read_movie(tmp_path / 'preview' / f'video_00000001.{suffix}')
        assert movie.shape == (16, 128, 128, 3)

    keys = {f'quality/{name}' for name in (
        *ledger.QualityRecord.model_fields, 'real_frechet', 'real_inception')}
    assert {key for key in first if key.startswith('quality/')} == keys
    assert [first[key] for key in keys] == [second[key] for key in keys]
    found = quality.compare(*(
        quality.statistics(videos, load_classifier()) for videos in (
            quality.generated_videos(*models[:2], 3, 0), quality.real_videos(dataset, 6, 0)[:3])))
    assert first['quality/frechet'] == found.frechet
    with pytest.raises(DataError, match='^quality_interval: found .* at least 256; .*=null$'):
        Quality(*models[:2], dataset)


@pytest.mark.parametrize('make, labels', [
    (lambda: systems.model_3d(wscale=1, latent='uniform'), None),
    (lambda: systems.model_3d(wscale=1, latent='normal'), None),
    (lambda: systems.conditional_tgan(wscale=1), np.array([0, 0, 1, 2], 'i'))],
    ids=['one generator', 'normal', 'conditional'])
def test_preview_of_another_system(run, tmp_path, monkeypatch, make, labels):
    np.random.seed(0)
    models, named = make(), []
    np.random.seed(3)
    z_slow = draw_z_slow(first_generator(*models[:2]), 4)
    videos, _, _ = make_video(*models[:2], 4, z_slow=z_slow, labels=labels)
    monkeypatch.setattr(pictures, 'name_rows', lambda sheet, names: named.append(names) or sheet)
    for i, more in enumerate(({}, {'real': videos[:1]})):
        run([0.0], (Preview(*models[:2], n=4, seed=3, **more), 1), models=models)
        np.testing.assert_array_equal(
            pictures.read_png(tmp_path / 'preview' / 'image_img_00000001.png')[i * 64:],
            pictures.frame_sheet(videos))
        write_json(tmp_path / 'categories.json', ['Archery', 'Diving', 'YoYo'])
    assert named == [[], [] if labels is None else ['real', 'Archery', 'Archery', 'Diving', 'YoYo']]


@pytest.mark.parametrize('n_real', [1, 5])
def test_the_top_row_of_a_preview_is_real(run, tmp_path, models, n_real):
    real = np.random.RandomState(0).uniform(-1, 1, (n_real, 1, 16, 64, 64)).astype('f')
    for name, more in (('with', {'real': real}), ('without', {})):
        run([0.0], (Preview(*models[:2], n=5, **more), 1), out=tmp_path / name)
    sheets, movies = ([read(tmp_path / name / 'preview' / file) for name in ('with', 'without')]
                      for read, file in ((pictures.read_png, 'image_img_00000001.png'),
                                         (read_movie, 'video_00000001.gif')))
    np.testing.assert_array_equal(sheets[0][64:], sheets[1])
    np.testing.assert_array_equal(sheets[0][:64], pictures.frame_sheet(real[:1]))
    assert movies[0].shape == (16, 3 * 64, 3 * 64, 3)
    # The colours of a GIF are chosen anew for each.
    assert abs(movies[0][:, 64:].astype(int) - movies[1]).mean() < 2


def test_critic_spectrum(models):
    vdis = models[2]
    vdis.bn2.avg_mean[:] = 1
    vdis.bn2.avg_var[:] = np.linspace(1, 4, 8)
    spectrum = {key: float(value) for key, value in critic_spectrum(vdis).items()}
    assert set(spectrum) == {*(f'vdis/c{i}/sigma' for i in range(5)), 'vdis/bn2/gamma_ratio'}
    exact = np.linalg.norm(vdis.c3.W.array.reshape(16, -1), 2)
    assert spectrum['vdis/c3/sigma'] == pytest.approx(exact, rel=1e-6)
    assert spectrum['vdis/bn2/gamma_ratio'] == pytest.approx(1)


# -- the log and its plots -------------------------------------------------------------------------

def test_the_rest_is_in_the_file_and_in_no_snapshot(run, tmp_path):
    trainer = run([0.0, 1.0, 2.0], LogReport((2, 'iteration')))
    assert names(tmp_path) == {'log', 'log.csv'}
    states = []
    for _ in range(2):
        states.append(chainer.serializers.npz.serialize(trainer))
        trainer.get_extension('LogReport').finish(trainer)
        assert [(entry['iteration'], entry['vdis/loss_gen']) for entry in read_log(tmp_path)] == [
            (2, 0.5), (3, 2.0)]    # the second time without a rest
    np.testing.assert_equal(*states)


def test_what_json_does_not_know_is_left_out(run, tmp_path):
    run([np.inf, 0.5], LogReport((1, 'iteration')))
    assert [sorted(entry) for entry in read_log(tmp_path)] == [
        ['epoch', 'iteration'], ['epoch', 'iteration', 'vdis/loss_gen']]
    with open(tmp_path / 'log.csv', newline='') as file:
        first, second = csv.DictReader(file)
    assert (first['iteration'], first['vdis/loss_gen'], second['vdis/loss_gen']) == ('1', '', '0.5')


def events(folder):
    """What the only event file of a folder holds: {(tag, iteration): value or image}, in order."""
    from tensorboardX.proto import event_pb2
    path, = folder.glob('*tfevents*')
    content, found = path.read_bytes(), []
    while content:    # length, its checksum, event, its checksum
        length, = struct.unpack('<Q', content[:8])
        found.append(event_pb2.Event.FromString(content[12:12 + length]))
        content = content[16 + length:]
    assert found[1].session_log.status == 1 and found[1].step == 0    # hides what was there before
    return {(value.tag, event.step): value.image if value.tag == 'preview' else value.simple_value
            for event in found for value in event.summary.value}


def test_tensorboard_has_what_the_log_and_the_previews_have(run, tmp_path, models):
    pytest.importorskip('tensorboardX', reason='not installed (the extra [tensorboard])')

    def extensions():
        return (LogReport((2, 'iteration')), (Preview(*models[:2], n=1), 3), TensorBoard(),
                (Snapshot(), 2))

    def scalars():
        return [(key, value) for key, value in events(tmp_path).items()
                if key[0] == 'vdis/loss_gen']

    trainer = run([0.0, 1.0, 2.0, 3.0, 4.0], *extensions())
    assert scalars() == [(('vdis/loss_gen', 2), 0.5), (('vdis/loss_gen', 4), 2.5)]
    trainer.get_extension('LogReport').finish(trainer)
    trainer.get_extension('tensorboard').finish(trainer)
    assert scalars()[2:] == [(('vdis/loss_gen', 5), 4.0)]
    image = events(tmp_path)['preview', 3]
    assert image.encoded_image_string == (
        tmp_path / 'preview' / 'video_00000003.gif').read_bytes()
    assert (image.width, image.height) == (64, 64)

    (tmp_path / 'preview' / 'video_00000009.gif').touch()    # of a training that went further
    (tmp_path / 'preview' / 'video_mine.gif').touch()
    run([5.0, 6.0], *extensions(), snapshot=tmp_path / 'snapshot_iter_2.npz')
    assert scalars() == [(('vdis/loss_gen', 2), 0.5), (('vdis/loss_gen', 4), 5.5)]
    assert [key for key in events(tmp_path) if key[0] == 'preview'] == [('preview', 3)]


@pytest.mark.parametrize('log', ['{}', '[1]', '[{"loss": 1}]', '[{"iteration": "x"}]', '['])
def test_what_is_no_log_is_refused(run, tmp_path, log):
    path = tmp_path / 'snapshot_iter_1.npz'
    snapshots.save(path, run([0.0], LogReport((1, 'iteration'))))
    arrays = dict(np.load(path))
    arrays['extensions/LogReport/_log'] = np.array(log)
    np.savez(path, **arrays)
    with pytest.raises(SnapshotError, match='cannot be loaded'):
        run([0.0], LogReport((1, 'iteration')), snapshot=path)


def test_plots_show_what_the_log_holds(run, tmp_path):
    (tmp_path / 'log').mkdir()
    with pytest.raises(DataError, match='cannot write .*log'):
        run([0.0], LogReport((1, 'iteration')))
    (tmp_path / 'log').rmdir()
    run([1.0, 2.0], LogReport((1, 'iteration')), (Plots(), 2))
    assert names(tmp_path) == {'log', 'log.csv', 'loss_gen.png', 'loss.png'}
    assert Image.open(tmp_path / 'loss_gen.png').size == (1000, 450)
    axes, = draw(read_log(tmp_path), ['vdis/loss_gen'], 'title', 'loss', bound=1).axes
    assert (axes.get_xlabel(), axes.get_ylabel()) == ('iteration', 'loss')
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[1, 1], [2, 2]])
    assert list(axes.lines[1].get_ydata()) == [1, 1]
    assert set(axes.get_xticks() % 1) == {0}


def test_which_plot_has_what():
    losses = ['vdis/loss_dis_fake', 'vdis/loss_dis_real', 'vdis/loss_gen']
    spectrum = ['vdis/c0/sigma', 'vdis/frame_dis/bn1/gamma_ratio']
    quality = [f'quality/{name}' for name in (
        'bright', 'frechet', 'real_frechet', 'real_inception')]
    log = [dict.fromkeys(losses + spectrum, 0), dict.fromkeys(quality, 0)]
    assert [wanted(log, patterns) for *_, patterns in CHARTS] == [
        losses[2:], losses[:2], losses, spectrum[:1], spectrum[1:], quality[:1], quality[1:3],
        quality[3:]]


@pytest.mark.parametrize('keys', [
    ['vdis/loss_gen'], [f'vdis/frame_dis/bn{i}/gamma_ratio' for i in range(10)]])
def test_a_legend_covers_nothing_and_leaves_no_strip_empty(keys):
    figure = draw([{'iteration': 1, **dict.fromkeys(keys, 1)}], keys, 'title', 'ratio', 1)
    figure.canvas.draw()
    axes, = figure.axes
    legend = axes.get_legend().get_window_extent()
    assert axes.get_window_extent().x1 < legend.x0 and legend.y0 > 0
    assert 0.98 < legend.x1 / figure.bbox.x1 < 1


def test_plots_are_drawn_only_of_something_new(run, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        plots, 'draw', lambda log, *rest: drawn.append(len(log)) or draw(log, *rest))
    t = run([1.0] * 5, LogReport((2, 'iteration')), (Plots(), 1))
    t.get_extension('plots')(t)
    assert drawn == [1, 1, 2, 2]    # at 2 and 4 of 5 updates, of the generator and of both
    t.get_extension('LogReport').finish(t)
    t.get_extension('plots')(t)
    assert drawn == [1, 1, 2, 2, 3, 3]


# -- what is told ----------------------------------------------------------------------------------

@pytest.mark.parametrize('cache, how_often', [(True, 'once: '), (False, 'NUMBA_CACHE_DIR')])
def test_compilation_is_told_before_and_after(run, capsys, monkeypatch, tmp_path, cache, how_often):
    monkeypatch.setattr(numba.config, 'CACHE_DIR', str(tmp_path))

    @numba.njit(cache=cache)
    def increment(x):
        return x + 1

    Compilation()    # of another trainer, which never runs
    extension = Compilation()
    increment(1)
    told = capsys.readouterr().out
    assert told.startswith('compiling the CPU kernels, ') and told.count('\n') == 1
    assert how_often in told
    run([1.0] * 2, extension)
    assert re.fullmatch(r'compiled the CPU kernels in \d+ s\n', capsys.readouterr().out)
    increment(1.5)    # after the first update
    assert capsys.readouterr().out == ''
    extension = Compilation()
    increment(1)    # is there
    run([1.0], extension)
    assert capsys.readouterr().out == ''


def test_progress_bar_keeps_lines_whole(run, capsys):
    bar = ProgressBar(2)
    run([1.0, 2.0], CHAINERS_LOG(trigger=(1, 'iteration')),
        training.extensions.PrintReport(['iteration', 'vdis/loss_gen'], out=bar), bar)
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [
        ['iteration', 'vdis/loss_gen'], ['1', '1'], ['2', '2']]
    assert '2/2' in err


def test_a_training_that_nobody_reads_ends_as_by_one_signal(monkeypatch):
    def refuse(*_):
        raise BrokenPipeError
    bar, signals = ProgressBar(2), []
    monkeypatch.setattr(signal, 'raise_signal', signals.append)
    monkeypatch.setattr(sys, 'stdout', SimpleNamespace(write=refuse, flush=refuse))
    for _ in range(2):
        bar.write('a line\n')
        bar.flush()
    assert signals == [signal.SIGTERM]
