"""The generative adversarial metric: thresholds, ratios, who wins, and the command."""
import math
import re
import shutil
from typing import NamedTuple

import chainer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgan_chainer.evaluation import gam, ledger
from tgan_chainer.io.files import sha256
from tgan_chainer.random_streams import RandomState

CPU = chainer.get_device('@numpy')

# Few values, so that scores are often equal.
tenths = st.integers(-20, 20).map(lambda i: i / 10)
numbers = st.lists(tenths, min_size=1, max_size=30).map(np.array)


@st.composite
def of_critics(draw):
    """Scores of two critics, whose test videos are the same."""
    n_fake, n_test = draw(st.integers(1, 12)), draw(st.integers(1, 12))

    def one():
        exactly = [draw(st.lists(tenths, min_size=n, max_size=n)) for n in (n_fake, n_test)]
        natural = draw(st.sampled_from([None, 0.0]))
        return gam.Scores(natural, draw(numbers), draw(numbers), *map(np.array, exactly))
    return one(), one()


@settings(deadline=None)
@given(real=numbers, fake=numbers)
def test_threshold_against_every_other(real, fake):
    threshold = gam.best_threshold(real, fake)
    assert threshold in {-np.inf, *real, *fake}    # and so moves with them
    best = gam.balanced_accuracy(real, fake, threshold)
    for other in (-np.inf, *np.linspace(-2.05, 2.05, 42)):
        assert gam.balanced_accuracy(real, fake, other) <= best + 1e-12
        if other < threshold - 0.1:    # the lowest of equally good ones
            assert gam.balanced_accuracy(real, fake, other) < best - 1e-12


@pytest.mark.parametrize('real, fake', [([np.nan], [1.0]), ([1.0], [0.0, np.nan])])
def test_scores_that_have_no_threshold(real, fake):
    with pytest.raises(ValueError, match='NaN'):
        gam.best_threshold(real, fake)


@settings(deadline=None)
@given(scores=of_critics())
def test_ratios_by_definition(scores):
    found, outcome = gam.judge(*scores, seed=0, held_out=True)
    # Of fakes, which count as such at the threshold, and of real videos: share that is told right.
    told = []
    for x, c in zip(scores, outcome.critics, strict=True):
        assert c.threshold == (
            gam.best_threshold(x.real, x.own_fakes) if x.natural is None else x.natural)
        told.append((np.mean(x.other_fakes <= c.threshold), np.mean(x.test > c.threshold)))
    with np.errstate(divide='ignore', invalid='ignore'):
        np.testing.assert_allclose([found, outcome.r_test], np.divide(*told), rtol=1e-14)
    assert outcome.winner == gam.winner(found, outcome.r_test)


@pytest.mark.parametrize('r_samples, r_test, expected', [
    (1.5, 1.0, 'A'), (0.5, 1.0, 'B'), (1.0, 1.0, 'tie'), (1.5, 1.099, 'A'), (1.5, 1.101, 'tie'),
    (0.5, 0.910, 'B'), (0.5, 0.908, 'tie'), (math.inf, 1.0, 'A'), (0.0, 1.0, 'B'),
    (math.nan, 1.0, 'tie'), (2.0, math.nan, 'tie'), (2.0, math.inf, 'tie')])
def test_winner(r_samples, r_test, expected):
    assert gam.winner(r_samples, r_test) == expected


@pytest.mark.parametrize('paired', [False, True])
def test_interval_against_plain_resampling(paired):
    rs = np.random.RandomState(1)
    a = rs.rand(400) < 0.8
    b = a & (rs.rand(400) < 0.75)
    found = gam.interval(a, b, seed=2, paired=paired)
    ratios = []
    for _ in range(4000):
        rows = rs.randint(400, size=400)
        ratios.append(a[rows].mean() / b[rows if paired else rs.randint(400, size=400)].mean())
    # Quantiles of 2000 and 4000 draws of a spread of 0.06: a twentieth of it, five times over.
    np.testing.assert_allclose(found, np.percentile(ratios, [2.5, 97.5]), rtol=0, atol=0.015)
    assert found[0] < a.mean() / b.mean() < found[1]


def test_intervals_of_seeds_and_of_nothing():
    a, b = np.arange(50) % 3 > 0, np.arange(50) % 2 > 0
    one, again, two = (gam.interval(a, b, seed, False) for seed in (1, 1, 2))
    assert one == again != two
    never, always = np.zeros(9, bool), np.ones(9, bool)
    assert gam.interval(always, never, 0, False) == [math.inf, math.inf]
    assert all(map(math.isnan, gam.interval(never, never, 0, False)))


class Source(NamedTuple):
    """Videos of one pixel: a centre plus noise of the global generator."""

    centre: float

    def draw(self, n):
        return self.centre + np.random.randn(n, 1, 16, 1, 1)

    def make(self, drawn):
        return drawn


def score(videos):
    return videos.mean(axis=(1, 2, 3, 4))


def fight(a, b, counts=(6, 9), batchsize=4):
    return gam.battle(a, b, lambda: Source(1.0), counts, RandomState(3, CPU), batchsize)


def test_who_judges_what():
    a = gam.Contestant('a', Source(-1.0), score, None)
    b = gam.Contestant('b', Source(-0.5), lambda videos: 2 * score(videos), 0.0)
    of_a, of_b = fight(a, b)
    np.random.seed(3)
    noise = np.random.randn(15, 16).mean(axis=1)
    for found, scale, own, other in ((of_a, 1, -1.0, -0.5), (of_b, 2, -0.5, -1.0)):
        # float64, in batches of another size
        np.testing.assert_allclose(found.own_fakes, scale * (noise[:6] + own), rtol=1e-12)
        np.testing.assert_allclose(found.other_fakes, scale * (noise[6:] + other), rtol=1e-12)
        np.testing.assert_allclose(found.real, scale * (noise[:6] + 1), rtol=1e-12)
        np.testing.assert_allclose(found.test, scale * (noise[6:] + 1), rtol=1e-12)
    assert of_a.natural is None and of_b.natural == 0


def test_a_system_meets_itself_on_the_same_videos():
    a = gam.Contestant('a', Source(0.9), score, None)
    r_samples, outcome = gam.judge(*fight(a, a, (50, 50)), 0, True)
    assert r_samples == outcome.r_test == 1 and outcome.winner == 'tie'
    # Both judge the same real videos, which are resampled together; the fakes are not.
    assert outcome.test_interval == [1, 1] and outcome.interval[0] < 1 < outcome.interval[1]


def critic(videos):
    assert not chainer.config.train and not chainer.config.enable_backprop
    return chainer.Variable(videos.sum(axis=(3, 4), keepdims=True)[..., 0])


@pytest.mark.parametrize('vdis, sign, expected', [
    (critic, 1, [1, 5, 9]), (critic, -1, [-1, -5, -9]),
    (lambda videos: (critic(videos), chainer.Variable(np.full((3, 1), 0.5))), 1, [1.5, 5.5, 9.5])])
def test_scores_are_flattened_turned_and_those_of_a_pair_added(vdis, sign, expected):
    videos = np.arange(6.0).reshape(3, 1, 1, 1, 2)
    np.testing.assert_array_equal(gam.critic_scores(vdis, sign, videos), expected)


@pytest.fixture
def folders(small_experiment, here, make_result):
    """Result folders of two untrained systems; the small data set has six videos."""
    return [make_result(name, small_experiment, (5, 10), seed)
            for name, seed in (('a', 0), ('b', 1))]


def run(folders, *flags):
    return gam.main(['--result_dir', *map(str, folders), '--n', '4', '--calibration', '2',
                     '--batchsize', '3', *flags])


def test_two_folders(folders, moving_mnist, capsys):
    assert run(folders, '--iter', '10', '5') == 0
    found, = ledger.read_folder(folders[0] / 'ledger')
    assert (found.metric, found.samples, found.seeds, found.protocol) == ('GAM', 4, [0], 'gam-v1')
    assert [(system.result_dir, system.iteration) for system in found.systems] == [
        ('a', 10), ('b', 5)]
    assert found.systems[1].networks['vdis_iter_5.npz'] == sha256(folders[1] / 'vdis_iter_5.npz')
    assert found.dataset.videos == 6
    assert found.dataset.sha256 == {'dataset_path': sha256(moving_mnist)}
    assert found.battle.calibration == 2 and not found.battle.held_out
    out = capsys.readouterr().out
    assert re.search('winner: (A|B|tie)', out)
    assert out.count('threshold') == out.count('of 4 fakes') == 2
    assert "the real videos come from the training's data" in out


def test_errors(folders, result, make_result, moving_mnist, refused):
    a, b = folders
    conditional, without_d = make_result('c', 'conditional'), shutil.copytree(b, b.with_name('d'))
    (without_d / 'vdis_iter_10.npz').unlink()
    for other, flags, message in (
            (b, '--test n_frames=3',
             'expected ARGUMENT=PATH with an argument of MovingMNISTDataset'),
            (b, '--test dataset_path', 'expected ARGUMENT=PATH'),
            (b, '--test dataset_path=nowhere.npy', '--test.args: found no file'),
            (b, '--n 5', 'has 6 videos, expected at least 7'),
            (b, '--iter 5 7', 'no networks of iteration 7'),
            (result, '', 'say by --test which videos test both'),
            (result, f'--test dataset_path={moving_mnist}',
             r'one size only, found \(1, 16, 64, 64\) of .*/a iter:10, \(3, 16, 64, 64\) of .* '
             r'iter:5, \(1, 16, 64, 64\) of the data'),
            (conditional, '', 'a conditional critic judges videos with labels'),
            (without_d, '', 'vdis_iter_10.npz: there is no such snapshot')):
        assert re.search(message, refused(lambda argv, b=other: run([a, b], *argv), *flags.split()))


def test_held_out_videos_and_a_system_without_g0(
        folders, make_result, here, moving_mnist, capsys):
    shutil.copy(moving_mnist, 'other.npy')
    folder = make_result('3d', '3d', in_channels=1, out_channels=1)
    assert run([folders[0], folder], '--test', 'dataset_path=other.npy', '--ledger', 'mine') == 0
    found, = ledger.read_folder('mine')
    assert found.battle.held_out and found.dataset.files == {'dataset_path': 'other.npy'}
    assert "training's data" not in capsys.readouterr().out
    assert set(found.systems[1].networks) == {'vgen_iter_5.npz', 'vdis_iter_5.npz'}
