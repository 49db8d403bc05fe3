"""Sources of videos."""
import chainer
import numpy as np
import pytest

from tgan_chainer import config, results
from tgan_chainer.evaluation.sources import GeneratedVideos, RealVideos
from tgan_chainer.models.sampling import make_video

CPU = chainer.get_device('@numpy')


class Numbered(chainer.dataset.DatasetMixin):
    """Videos that tell their number, and draw a random number each."""

    def __init__(self, n, labelled=False):
        self.n = n
        self.labelled = labelled

    def __len__(self):
        return self.n

    def get_example(self, i):
        video = np.full((16, 3, 2, 2), i, np.float32)
        video[1] = np.random.rand()
        return (video, np.int32(1)) if self.labelled else video


@pytest.fixture
def generated(result):
    return GeneratedVideos(*results.load_generators(result, 5, CPU))


def test_generated_videos_are_those_of_make_video(generated):
    np.random.seed(3)
    videos = generated.make(generated.draw(3))
    assert videos.shape == (3, 3, 16, 64, 64)
    assert np.ptp(videos, axis=0).max() > 0.01
    np.random.seed(3)
    np.testing.assert_array_equal(make_video(generated.fsgen, generated.vgen, 3)[0], videos)


def test_skipping_draws_what_drawing_draws(generated):
    np.random.seed(3)
    generated.draw(5)
    drawn = generated.draw(2)
    np.random.seed(3)
    generated.skip(5)
    np.testing.assert_array_equal(generated.draw(2)[0], drawn[0])


def test_videos_are_of_the_labels_that_were_drawn(tmp_path, colour_experiment, write_networks,
                                                  conditional):
    folder = write_networks(tmp_path / 'result', conditional(colour_experiment))
    fsgen, vgen = results.load_generators(folder, 5, CPU)
    source = GeneratedVideos(fsgen, vgen)
    z_slow, _ = source.draw(2)
    by_label = [source.make((z_slow, np.full(2, label, 'i'))) for label in (0, 1)]
    assert np.abs(by_label[0] - by_label[1]).max() > 1e-3
    for label in (0, 1):
        np.testing.assert_array_equal(
            make_video(fsgen, vgen, 2, z_slow, labels=np.full(2, label, 'i'))[0], by_label[label])


def test_labels_follow_the_prior():
    np.random.seed(0)
    experiment = config.load(
        'configs/ucf101/ucf101_conditional_wgan_svd_zdim-100_no-beta-all_init-uniform-all.yml')
    fsgen = experiment.fsgen.build()
    prior = np.zeros(fsgen.n_categories)
    prior[[3, 90]] = 0.25, 0.75
    fsgen.category_prior[...] = prior
    z_slow, labels = GeneratedVideos(fsgen, None).draw(2000)
    assert z_slow.shape == (2000, 100) and labels.shape == (2000,)
    # Five standard deviations of a share of 2000 draws.
    assert set(labels) == {3, 90} and abs((labels == 90).mean() - 0.75) < 0.05


@pytest.mark.parametrize('labelled', [False, True])
def test_real_videos_come_once_a_round(labelled):
    source = RealVideos(Numbered(7, labelled), CPU, seed=1)
    videos = [source.make(source.draw(n)) for n in (3, 4, 5, 2)]
    assert videos[0].shape == (3, 3, 16, 2, 2) and videos[0].dtype == np.float32
    numbers = np.concatenate(videos)[:, 0, 0, 0, 0]
    assert sorted(numbers[:7]) == sorted(numbers[7:]) == list(range(7))
    assert list(numbers[:7]) != list(numbers[7:])


def test_the_order_is_of_the_seed():
    orders = [[source.draw(7)[:, 0, 0, 0, 0].tolist() for source in [
        RealVideos(Numbered(7), CPU, seed)]] for seed in (1, 1, 2)]
    assert orders[0] == orders[1] != orders[2]


def test_skipping_real_videos_reads_none():
    source, other = (RealVideos(Numbered(7), CPU, seed=1) for _ in range(2))
    source.draw(5)
    np.random.seed(3)
    state = np.random.get_state()[2]
    other.skip(5)
    assert np.random.get_state()[2] == state
    np.random.seed(3)
    expected = source.draw(4)
    np.random.seed(3)
    np.testing.assert_array_equal(other.draw(4), expected)
