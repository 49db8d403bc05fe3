"""What happens beside the updates, on a trainer of one small network each."""
import json
import random
import re

import chainer
import numba
import numpy as np
import pytest
from chainer import training
from PIL import Image

from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.distributed.one_process import OneProcess
from tgan_chainer.errors import DivergedError
from tgan_chainer.evaluation import ledger, quality
from tgan_chainer.evaluation.digit_classifier import load_classifier
from tgan_chainer.extensions import plots
from tgan_chainer.extensions.compilation import Compilation
from tgan_chainer.extensions.critic_spectrum import critic_spectrum
from tgan_chainer.extensions.log_report import LogReport
from tgan_chainer.extensions.plots import Plots, draw
from tgan_chainer.extensions.preview import Preview, spread_labels
from tgan_chainer.extensions.progress_bar import ProgressBar
from tgan_chainer.extensions.quality import Quality
from tgan_chainer.extensions.snapshot import Snapshot, saved_ranks
from tgan_chainer.extensions.stop_on_divergence import StopOnDivergence
from tgan_chainer.io import pictures, snapshots
from tgan_chainer.models.conditional_tgan import (
    ConditionalFrameSeedGenerator,
    ConditionalVideoGenerator,
)
from tgan_chainer.models.frame_seed_generator import FrameSeedGeneratorInitUniform
from tgan_chainer.models.model_3d import VideoGenerator3D
from tgan_chainer.models.sampling import make_video
from tgan_chainer.models.video_discriminator import VideoDiscriminatorNoBetaInitUniform
from tgan_chainer.models.video_generator import VideoGeneratorInitUniform
from tgan_chainer.random_streams import RandomState

CPU = chainer.get_device('@numpy')


class Updater(training.updaters.StandardUpdater):
    """Reports losses that the test gives and changes nothing."""

    def __init__(self, models, losses=()):
        optimizers = {name: chainer.optimizers.SGD().setup(model) for name, model in zip(
            ('fsgen', 'vgen', 'vdis'), models, strict=True) if model is not None}
        super().__init__(chainer.iterators.SerialIterator([0, 1, 2, 3], 1), optimizers)
        self.fsgen, self.vgen, self.vdis = models
        self.given = iter(losses)

    def update_core(self):
        self.get_iterator('main').next()
        chainer.report({'loss_gen': next(self.given)}, self.vdis)


@pytest.fixture(scope='module')
def models():
    np.random.seed(0)
    return (FrameSeedGeneratorInitUniform(z_slow_dim=4, z_fast_dim=4),
            VideoGeneratorInitUniform(4, 4, 1, 4, conv_ch=16),
            VideoDiscriminatorNoBetaInitUniform(1, 4, 2))


@pytest.fixture
def trainer(models, tmp_path):
    def make(losses):
        return training.Trainer(Updater(models, losses), (len(losses), 'iteration'),
                                out=str(tmp_path))
    return make


def test_snapshot_writes_the_authors_files_which_plain_chainer_reads(trainer, tmp_path, models):
    t = trainer([0.0] * 2)
    t.extend(Snapshot(), trigger=(2, 'iteration'))
    t.run()
    assert {path.name for path in tmp_path.iterdir()} == {
        'snapshot_iter_2.npz', 'gen_iter_2.npz', 'vgen_iter_2.npz', 'vdis_iter_2.npz'}
    other = FrameSeedGeneratorInitUniform(z_slow_dim=4, z_fast_dim=4)
    chainer.serializers.load_npz(str(tmp_path / 'gen_iter_2.npz'), other)
    np.testing.assert_array_equal(other.dc3.W.array, models[0].dc3.W.array)


def test_snapshot_of_a_system_with_one_generator(tmp_path, models):
    t = training.Trainer(Updater((None, VideoGenerator3D(4, 1, 4, conv_ch=8), models[2]), [0.0]),
                         (1, 'iteration'), out=str(tmp_path))
    t.extend(Snapshot(), trigger=(1, 'iteration'))
    t.run()
    assert {path.name for path in tmp_path.iterdir()} == {
        'snapshot_iter_1.npz', 'vgen_iter_1.npz', 'vdis_iter_1.npz'}


def test_snapshot_refuses_what_is_not_finite(trainer, tmp_path, models, monkeypatch):
    monkeypatch.setattr(models[1].dc2.W, 'array', np.full_like(models[1].dc2.W.array, np.nan))
    t = trainer([0.0])
    t.extend(Snapshot(), trigger=(1, 'iteration'))
    with pytest.raises(DivergedError, match=r'iteration 1: vgen/dc2/W is not finite'):
        t.run(show_loop_exception_msg=False)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize('value', [float('nan'), float('inf')])
def test_a_loss_that_is_no_number_stops_before_the_snapshot(trainer, tmp_path, value):
    t = trainer([0.5, value, 0.5])
    t.extend(StopOnDivergence())
    t.extend(Snapshot(), trigger=(1, 'iteration'))
    with pytest.raises(DivergedError, match=f'iteration 2: vdis/loss_gen is {value}'):
        t.run(show_loop_exception_msg=False)
    assert snapshots.latest_trainer(tmp_path).name == 'snapshot_iter_1.npz'


def test_random_state_comes_back(tmp_path):
    path = tmp_path / 'state.npz'
    extension = RandomState(5, CPU)
    extension.seed_all()
    np.random.randn(3)    # leaves a cached Gaussian behind
    random.gauss(0, 1)
    snapshots.save(path, extension)
    expected = np.random.randn(700), random.gauss(0, 1), random.random()
    np.random.seed(99), random.seed(99)
    snapshots.load(path, RandomState(5, CPU))
    np.testing.assert_array_equal(np.random.randn(700), expected[0])
    assert (random.gauss(0, 1), random.random()) == expected[1:]


def draws():
    return np.random.rand(), random.random()


def test_ranks_draw_the_same_parameters_and_then_other_numbers():
    states = [RandomState(5, CPU, rank) for rank in range(3)]
    first = []
    later = []
    for state in states:
        state.seed_all()
        first.append(draws())
        state.part_ways()
        later.append(draws())
    assert first[0] == first[1] == first[2]
    assert len(set(later)) == 3
    states[0].seed_all()
    draws()
    assert later[0] == draws()    # rank 0 goes on as one process does


def test_a_start_anew_depends_on_seed_rank_and_iteration():
    found = []
    for seed, rank, iteration in ((5, 0, 7), (6, 0, 7), (5, 1, 7), (5, 0, 8), (5, 0, 7)):
        RandomState(seed, CPU, rank).start_anew(iteration)
        found.append(draws())
    assert len(set(found)) == 4 and found[0] == found[4]


class TwoRanks(OneProcess):
    """Rank 0 or 1 of two, whose other one holds what ``change`` makes of this one's."""

    size = 2

    def __init__(self, rank, change=lambda digests: digests):
        self.rank = rank
        self.is_first = rank == 0
        self._change = change

    def gather(self, value):
        state, digests = value
        other = {'random_state/numpy_position': 3}, self._change(digests)
        return [value, other] if self.is_first else None


def test_a_snapshot_of_two_ranks(trainer, tmp_path):
    state = RandomState(5, CPU)
    for rank in (1, 0):
        t = trainer([0.0])
        t.extend(Snapshot(TwoRanks(rank), {'random_state': state}), trigger=(1, 'iteration'))
        t.run()
        assert bool(list(tmp_path.iterdir())) == (rank == 0)
    path = tmp_path / 'snapshot_iter_1.npz'
    with np.load(path) as archive:
        assert archive['extensions/snapshot/rank_1/random_state/numpy_position'] == 3
    assert saved_ranks(path) == 2


def test_a_snapshot_of_one_process_is_of_one_rank(trainer, tmp_path):
    t = trainer([0.0])
    t.extend(Snapshot(), trigger=(1, 'iteration'))
    t.run()
    assert saved_ranks(tmp_path / 'snapshot_iter_1.npz') == 1
    # On the second of two ranks there is nothing of its own to load.
    snapshots.load(tmp_path / 'snapshot_iter_1.npz', _At('extensions/snapshot', Snapshot(
        TwoRanks(1), {'random_state': RandomState(5, CPU)})))


class _At:
    """Loads ``target`` from what stands under ``path``."""

    def __init__(self, path, target):
        self.path, self.target = path, target

    def serialize(self, serializer):
        for name in self.path.split('/'):
            serializer = serializer[name]
        self.target.serialize(serializer)


def test_ranks_that_hold_other_parameters_are_noticed(trainer, tmp_path):
    def change(digests):
        return {**digests, 'vdis': b''}

    t = trainer([0.0])
    t.extend(Snapshot(TwoRanks(0, change)), trigger=(1, 'iteration'))
    with pytest.raises(RuntimeError, match='iteration 1: vdis of rank 1 is not that of rank 0'):
        t.run(show_loop_exception_msg=False)
    assert list(tmp_path.iterdir()) == []


def test_preview_repeats_its_latent_vectors_and_leaves_training_untouched(
        trainer, tmp_path, models):
    t = trainer([0.0] * 2)
    state = str(np.random.get_state())
    statistics = models[1].bn1.avg_mean.copy()
    # The second stands for that of a resumed training, which has to draw the same.
    t.extend(Preview(*models[:2], n=4, seed=3), trigger=training.triggers.ManualScheduleTrigger(
        1, 'iteration'))
    t.extend(Preview(*models[:2], n=4, seed=3), trigger=training.triggers.ManualScheduleTrigger(
        2, 'iteration'))
    t.run()
    assert str(np.random.get_state()) == state
    np.testing.assert_array_equal(models[1].bn1.avg_mean, statistics)
    sheets = [np.array(Image.open(tmp_path / 'preview' / f'image_img_0000000{i}.png'))
              for i in (1, 2)]
    assert sheets[0].shape == (4 * 64, 16 * 64, 3)
    np.testing.assert_array_equal(*sheets)
    for suffix in ('avi', 'mov', 'gif'):
        movie = pictures.read_movie(tmp_path / 'preview' / f'video_00000001.{suffix}')
        assert movie.shape == (16, 128, 128, 3)


def test_quality_repeats_its_videos_and_leaves_training_untouched(
        trainer, models, moving_mnist):
    statistics = models[1].bn1.avg_mean.copy()
    t = trainer([0.0] * 2)
    before = str(np.random.get_state()), random.getstate()
    dataset = MovingMNISTDataset(dataset_path=moving_mnist)
    t.extend(Quality(*models[:2], dataset, n=3), trigger=(1, 'iteration'))
    t.extend(training.extensions.LogReport(trigger=(1, 'iteration')))
    t.run()
    assert (str(np.random.get_state()), random.getstate()) == before
    np.testing.assert_array_equal(models[1].bn1.avg_mean, statistics)
    first, second = ({key: value for key, value in entry.items() if key.startswith('quality/')}
                     for entry in t.get_extension('LogReport').log)
    assert first == second
    assert first.keys() == {f'quality/{name}' for name in (
        *ledger.Quality.model_fields, 'real_frechet', 'real_inception')}
    found = quality.compare(*(
        quality.statistics(videos, load_classifier()) for videos in (
            quality.generated_videos(*models[:2], 3, 0), quality.real_videos(dataset, 6, 0)[:3])))
    assert first['quality/frechet'] == found.frechet


def sheet(generators, folder, seed=3):
    """The sheet of four videos that a preview of these generators makes."""
    t = training.Trainer(Updater((*generators, chainer.links.Linear(1, 1)), [0.0]),
                         (1, 'iteration'), out=str(folder))
    t.extend(Preview(*generators, n=4, seed=seed), trigger=(1, 'iteration'))
    t.run()
    return np.array(Image.open(folder / 'preview' / 'image_img_00000001.png'))


@pytest.mark.parametrize('latent', ['uniform', 'normal'])
def test_preview_of_a_system_with_one_generator(tmp_path, latent):
    np.random.seed(0)
    generator = VideoGenerator3D(4, 1, 4, conv_ch=8, wscale=1, latent=latent)
    random = np.random.RandomState(3)
    z_slow = random.normal(0, 1, (4, 4)) if latent == 'normal' else random.uniform(-1, 1, (4, 4))
    videos, _, _ = make_video(None, generator, 4, z_slow=z_slow.astype('f'))
    np.testing.assert_array_equal(sheet((None, generator), tmp_path), pictures.frame_sheet(videos))


def test_preview_of_a_conditional_system_goes_through_the_categories(tmp_path):
    np.random.seed(0)
    generators = (ConditionalFrameSeedGenerator(2, z_slow_dim=4, z_fast_dim=4),
                  ConditionalVideoGenerator(2, 4, 4, 1, 4, conv_ch=16, wscale=1))
    z_slow = np.random.RandomState(3).uniform(-1, 1, (4, 4)).astype('f')
    videos, _, _ = make_video(*generators, 4, z_slow=z_slow, labels=np.array([0, 0, 1, 1], 'i'))
    np.testing.assert_array_equal(sheet(generators, tmp_path), pictures.frame_sheet(videos))


@pytest.mark.parametrize('n_real', [1, 5])
def test_the_top_row_of_a_preview_is_real(trainer, tmp_path, models, n_real):
    real = np.random.RandomState(0).uniform(-1, 1, (n_real, 1, 16, 64, 64)).astype('f')
    t = trainer([0.0])
    for name, more in (('with', {'real': real}), ('without', {})):
        t.out = str(tmp_path / name)
        Preview(*models[:2], n=5, **more)(t)
    sheets, movies = ([read(tmp_path / name / 'preview' / file) for name in ('with', 'without')]
                      for read, file in ((pictures.read_png, 'image_img_00000000.png'),
                                         (pictures.read_movie, 'video_00000000.gif')))
    np.testing.assert_array_equal(sheets[0][64:], sheets[1])
    np.testing.assert_array_equal(sheets[0][:64], pictures.frame_sheet(real[:1]))
    assert movies[0].shape == (16, 3 * 64, 3 * 64, 3)
    # The colours of a GIF are chosen anew for each.
    assert abs(movies[0][:, 64:].astype(int) - movies[1]).mean() < 2


@pytest.mark.parametrize('n, n_categories, labels', [
    (6, 3, [0, 0, 1, 1, 2, 2]), (5, 3, [0, 0, 1, 1, 2]), (3, 101, [0, 33, 67]), (2, 0, None),
])
def test_labels_of_a_preview(n, n_categories, labels):
    found = spread_labels(n, n_categories)
    assert (found if found is None else found.tolist()) == labels


def test_critic_spectrum(models):
    vdis = models[2]
    vdis.bn2.avg_mean[:] = 1
    vdis.bn2.avg_var[:] = np.linspace(1, 4, 8)
    spectrum = {key: float(value) for key, value in critic_spectrum(vdis).items()}
    assert set(spectrum) == {*(f'vdis/c{i}/sigma' for i in range(5)), 'vdis/bn2/gamma_ratio'}
    exact = np.linalg.norm(vdis.c3.W.array.reshape(16, -1), 2)
    assert spectrum['vdis/c3/sigma'] == pytest.approx(exact, rel=1e-6)
    assert spectrum['vdis/bn2/gamma_ratio'] == pytest.approx(1)


def test_plots_show_what_the_log_holds(trainer, tmp_path):
    t = trainer([1.0, 2.0])
    t.extend(LogReport((1, 'iteration')))
    t.extend(Plots(['loss_gen', 'loss_dis']), trigger=(2, 'iteration'))
    t.run()
    assert {path.name for path in tmp_path.iterdir()} == {'log', 'loss_gen.png'}
    assert Image.open(tmp_path / 'loss_gen.png').size == (800, 450)
    log = json.loads((tmp_path / 'log').read_text())
    axes, = draw(log, ['vdis/loss_gen'], 'loss', bound=1).axes
    np.testing.assert_array_equal(axes.lines[0].get_xydata(), [[1, 1], [2, 2]])
    assert list(axes.lines[1].get_ydata()) == [1, 1]


def test_plots_are_drawn_only_of_something_new(trainer, monkeypatch):
    drawn = []

    def drawing(log, *rest):
        drawn.append(len(log))
        return draw(log, *rest)

    monkeypatch.setattr(plots, 'draw', drawing)
    t = trainer([1.0] * 5)
    t.extend(LogReport((2, 'iteration')))
    t.extend(Plots(['loss_gen']), trigger=(1, 'iteration'))
    t.run()
    t.get_extension('plots')(t)
    assert drawn == [1, 2]    # at 2 and 4 of 5 updates
    t.get_extension('LogReport').finish(t)
    t.get_extension('plots')(t)
    assert drawn == [1, 2, 3]


def test_plots_of_a_training_that_diverges(trainer, tmp_path):
    t = trainer([1.0, 2.0, float('nan')])
    t.extend(StopOnDivergence())
    t.extend(LogReport((1, 'iteration')))
    t.extend(Plots(['loss_gen']), trigger=(9, 'iteration'))
    with pytest.raises(DivergedError):
        t.run(show_loop_exception_msg=False)
    assert (tmp_path / 'loss_gen.png').exists()


@pytest.mark.parametrize('cache, how_often', [(True, 'once: '), (False, 'NUMBA_CACHE_DIR')])
def test_compilation_is_told_before_and_after(trainer, capsys, monkeypatch, tmp_path, cache,
                                              how_often):
    monkeypatch.setattr(numba.config, 'CACHE_DIR', str(tmp_path))

    @numba.njit(cache=cache)
    def increment(x):
        return x + 1

    t = trainer([1.0] * 2)
    Compilation()    # of another trainer, which never runs
    t.extend(Compilation())
    told = []
    increment(1)
    told.append(capsys.readouterr().out)
    t.run()
    told.append(capsys.readouterr().out)
    increment(1.5)    # after the first update
    told.append(capsys.readouterr().out)
    assert told[0].startswith('compiling the CPU kernels, ') and told[0].count('\n') == 1
    assert how_often in told[0]
    assert re.fullmatch(r'compiled the CPU kernels in \d+ s\n', told[1])
    assert told[2] == ''


def test_nothing_is_told_of_code_that_is_there(trainer, capsys):
    increment = numba.njit(lambda x: x + 1)
    increment(1)
    t = trainer([1.0])
    t.extend(Compilation())
    increment(1)
    t.run()
    assert capsys.readouterr().out == ''


def test_progress_bar_keeps_lines_whole(trainer, capsys):
    t = trainer([1.0, 2.0])
    bar = ProgressBar(2)
    t.extend(training.extensions.LogReport(trigger=(1, 'iteration')))
    t.extend(training.extensions.PrintReport(['iteration', 'vdis/loss_gen'], out=bar))
    t.extend(bar)
    t.run()
    out, err = capsys.readouterr()
    assert [line.split() for line in out.splitlines()] == [
        ['iteration', 'vdis/loss_gen'], ['1', '1'], ['2', '2']]
    assert '2/2' in err
