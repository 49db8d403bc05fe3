"""The quality of moving digits: each number by its definition, their order, and the command."""
import math
import random
import re

import numpy as np
import pytest

from tests import systems
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.errors import ConfigError, DataError, DivergedError
from tgan_chainer.evaluation import ledger
from tgan_chainer.evaluation import video_quality as quality
from tgan_chainer.evaluation.digit_classifier import WEIGHTS, load_classifier
from tgan_chainer.io.files import sha256
from tgan_chainer.prepare.moving_mnist import make_moving_mnist


@pytest.fixture(scope='module')
def classifier():
    return load_classifier()


@pytest.fixture(scope='module')
def held_out(tmp_path_factory):
    """Path of 256 videos of held-out digits."""
    path = tmp_path_factory.mktemp('data') / 'heldout.npy'
    make_moving_mnist(path, 256, split='heldout')
    return path


def states():
    return str(np.random.get_state()), random.getstate()


def moments(mean, covariance):
    return quality.Statistics(*[None] * 6, np.array(mean), np.array(covariance), None)


def test_frechet_distance_against_another_formula():
    rs = np.random.RandomState(0)
    roots = rs.randn(2, 5, 5)
    a, b = (moments(mean, root @ root.T) for mean, root in zip(rs.randn(2, 5), roots, strict=True))
    # trace((A B)^1/2) by the eigenvalues of the product itself, which is not symmetric.
    of_product = np.sqrt(np.linalg.eigvals(a.covariance @ b.covariance).real).sum()
    expected = (((a.mean - b.mean) ** 2).sum()
                + np.trace(a.covariance + b.covariance) - 2 * of_product)
    # float64, roots of eigenvalues that rounding moves by 1e-15 of the largest
    assert quality.frechet(a, b) == pytest.approx(expected, rel=1e-9)
    assert quality.frechet(b, a) == pytest.approx(expected, rel=1e-9)
    assert quality.frechet(a, a) == pytest.approx(0, abs=1e-9)
    # Without spread, of one dimension, it is the distance of the means and that of the deviations.
    assert quality.frechet(moments([1.0], [[4.0]]), moments([3.0], [[0.0]])) == 4 + 4


def test_spread_by_its_definition():
    videos = np.random.RandomState(0).randn(9, 1, 2, 3, 3) * np.linspace(0.1, 3, 3)
    distance, dimensions = quality.spread(videos)
    flat = videos.reshape(9, -1)
    distances = [np.linalg.norm(flat[i] - flat[j]) for i in range(9) for j in range(i)]
    values = np.linalg.eigvalsh(np.cov(flat, rowvar=False))
    # float64; a distance is the root of a difference of squares
    assert distance == pytest.approx(np.mean(distances), rel=1e-9)
    assert dimensions == pytest.approx(values.sum() ** 2 / (values ** 2).sum(), rel=1e-9)
    assert quality.spread(np.broadcast_to(videos[:1], (7, 1, 2, 3, 3))) == (
        pytest.approx(0, abs=1e-6), 0)    # the root of the rounding of a square, 1e-15


def test_brightness_is_how_far_it_moved(held_out, classifier):
    real = quality.real_videos(MovingMNISTDataset(dataset_path=held_out), 8, 0)
    expected = quality.statistics(real, classifier)
    darker = quality.statistics(real.clip(-0.5, 1), classifier)
    moved = quality.compare(darker, expected)
    # Exact for what lies on the bounds of bins; what was between moved by up to a bin less.
    assert moved.brightness == pytest.approx((real.clip(-0.5, 1) - real).mean(), abs=2 / 256)
    assert (moved.bright, moved.brightest) == (1, real.max())
    assert quality.compare(expected, expected).brightness == 0


def test_a_video_that_is_no_number(classifier):
    videos = np.zeros((2, 1, 16, 32, 32), np.float32)
    videos[1, 0, 3, 4, 5] = math.nan
    with pytest.raises(DivergedError, match='not finite'):
        quality.statistics(videos, classifier)


def test_the_order_of_the_references_and_where_each_fault_is_seen(held_out, classifier):
    real = quality.real_videos(MovingMNISTDataset(dataset_path=held_out), 256, 0)
    expected = quality.statistics(real[:128], classifier)
    rows = {name: quality.compare(quality.statistics(videos, classifier), expected)
            for name, videos in quality.altered(real[128:], 0)}
    assert list(rows) == ['real', 'blurred', 'frozen', 'shuffled in time', 'one video', 'noise']
    real, blurred, frozen, shuffled, one, noise = rows.values()
    assert 1.3 * real.frechet < blurred.frechet
    assert 4 * blurred.frechet < min(frozen.frechet, shuffled.frechet)
    assert max(frozen.frechet, shuffled.frechet) < one.frechet < noise.frechet / 2
    # Two sets of 128: the standard error of such a mean is 2 to 4 %.
    np.testing.assert_allclose([real.distance, real.dimensions, real.motion, real.bright], 1,
                               rtol=0, atol=0.1)
    assert real.brightness < 0.01 and real.inception > 8
    assert blurred.motion < 0.7 and blurred.brightness > 0.03
    assert frozen.motion == 0 and shuffled.motion > 1.15
    for row in (frozen, shuffled):    # nothing is wrong with their frames
        assert abs(row.bright - 1) < 0.1 and row.distance > 0.9
    assert one.dimensions == 0 and one.distance < 1e-6
    assert one.inception == pytest.approx(1, abs=1e-6)
    assert noise.inception < 2 and noise.bright > 5


@pytest.mark.parametrize('make, settings', [
    (systems.conditional_tgan, {}), (systems.model_3d, {'latent': 'normal'})])
def test_generated_videos_leave_everything_as_it_was(make, settings):
    np.random.seed(0)
    *generators, _ = make(wscale=1, **settings)
    before, statistics = states(), generators[1].bn1.avg_mean.copy()
    first, again, other = (quality.generated_videos(*generators, 5, seed) for seed in (3, 3, 4))
    assert states() == before
    np.testing.assert_array_equal(generators[1].bn1.avg_mean, statistics)
    np.testing.assert_array_equal(first, again)
    assert first.shape == (5, 1, 16, 32, 32) and (first != other).any()


def test_real_videos_are_different_ones_of_the_seed(held_out):
    dataset, before = MovingMNISTDataset(dataset_path=held_out), states()
    found, again, other = (quality.real_videos(dataset, 200, seed) for seed in (1, 1, 2))
    assert states() == before
    np.testing.assert_array_equal(found, again)
    assert (found != other).any() and len(np.unique(found.reshape(200, -1), axis=0)) == 200


def test_large_frames_are_averaged_and_others_refused():
    videos = np.random.RandomState(0).uniform(-1, 1, (2, 1, 16, 64, 64)).astype('f')
    expected = videos.reshape(2, 1, 16, 32, 2, 32, 2).mean(axis=(4, 6))
    np.testing.assert_allclose(quality.fit(videos, 'x'), expected, rtol=0, atol=1e-6)    # float32
    np.testing.assert_array_equal(quality.fit(videos[..., :32, :32], 'x'), videos[..., :32, :32])
    for shape in ((3, 16, 64, 64), (1, 15, 64, 64), (1, 16, 128, 128)):
        with pytest.raises(ConfigError, match=re.escape(f'videos of x are {shape}')):
            quality.fit(np.zeros((1, *shape)), 'x')


@pytest.mark.parametrize('value', [0, 200])
def test_real_videos_that_cannot_be_divided_by(tmp_path, value):
    np.save(tmp_path / 'x.npy', np.full((20, 4, 64, 64), value, np.uint8))
    with pytest.raises(DataError, match='are dark, do not move or are all alike'):
        quality.real_videos(MovingMNISTDataset(dataset_path=tmp_path / 'x.npy'), 4, 0)


@pytest.fixture
def folder(make_result, small_experiment):
    return make_result('system', small_experiment, (5, 10))


def test_a_result_folder(folder, held_out, capsys):
    flags = ['--result_dir', str(folder), '--n', '20']
    assert quality.main([*flags, '--iter', '5', '--real', str(held_out)]) == 0
    found, = ledger.read_folder(folder / 'ledger')
    assert (found.metric, found.protocol, found.samples) == ('video quality', 'tgan-mm-v1', 20)
    assert found.weights == {'classifier': sha256(WEIGHTS)}
    assert found.systems[0].iteration == 5
    assert found.systems[0].networks.keys() == {'gen_iter_5.npz', 'vgen_iter_5.npz'}
    assert found.dataset.sha256 == {'dataset_path': sha256(held_out)}
    assert found.value == found.quality['generated'].frechet > found.quality['real'].frechet
    out = capsys.readouterr().out.splitlines()
    assert out[0].split() == list(ledger.QualityRecord.model_fields)
    assert out[1].split() == ['generated', *(
        f'{value:.3f}' for value in found.quality['generated'].model_dump().values())]
    assert out[-1].startswith(f'wrote {folder}/ledger/') and len(out) == 9


def test_the_data_of_the_training_and_real_videos_alone(
        folder, moving_mnist, held_out, here, capsys):
    assert quality.main(['--result_dir', str(folder), '--n', '3', '--ledger', 'mine']) == 0
    found, = ledger.read_folder('mine')
    assert found.systems[0].iteration == 10
    assert found.dataset.sha256 == {'dataset_path': sha256(moving_mnist)}
    capsys.readouterr()
    before = set(here.rglob('*'))
    assert quality.main(['--real', str(held_out), '--n', '8']) == 0
    assert [line.split('  ')[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
        'real', 'blurred', 'frozen', 'shuffled in time', 'one video', 'noise']
    assert set(here.rglob('*')) == before


@pytest.mark.parametrize('flags, message', [
    ([], 'found 6 real videos, expected 1024'),
    (['--real', 'nowhere.npy'], '--real.args: found no file'),
])
def test_errors(folder, refused, flags, message):
    assert message in refused(quality.main, '--result_dir', folder, *flags)


def test_colour_videos_are_refused(result, held_out, refused):
    assert 'videos of the generators are (3, 16, 64, 64)' in refused(
        quality.main, '--result_dir', result, '--real', held_out, '--n', '2')
