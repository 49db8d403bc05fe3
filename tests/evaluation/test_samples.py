"""Sources of videos."""
from dataclasses import dataclass

import chainer
import numpy as np
import pytest

from tgan_chainer import results
from tgan_chainer.evaluation.sources import GeneratedVideos, RealVideos
from tgan_chainer.models.sampling import make_video

CPU = chainer.get_device('@numpy')


@dataclass
class Numbered:
    """Seven videos that tell their number, and draw a random number each."""

    labelled: bool = False

    def __len__(self):
        return 7

    def __getitem__(self, i):
        video = np.full((16, 3, 2, 2), i, np.float32)
        video[1] = np.random.rand()
        return (video, np.int32(1)) if self.labelled else video


def test_generated_videos_are_those_of_make_video(result):
    generated = GeneratedVideos(*results.load_generators(result, 5, CPU))
    np.random.seed(3)
    generated.draw(5)
    videos = generated.make(generated.draw(3))
    assert videos.shape == (3, 3, 16, 64, 64)
    assert np.ptp(videos, axis=0).max() > 0.01
    np.random.seed(3)
    generated.draw(5)
    np.testing.assert_array_equal(make_video(*generated, 3)[0], videos)


def test_videos_are_of_the_labels_that_were_drawn_which_follow_the_prior(make_result):
    source = GeneratedVideos(*results.load_generators(
        make_result('c', 'conditional', wscale=0.3), 5, CPU))
    (z_slow, _), labels = source.draw(2), np.array([0, 1], 'i')
    videos = source.make((z_slow, labels))
    np.testing.assert_array_equal(videos, make_video(*source, 2, z_slow, labels=labels)[0])
    assert np.abs(videos - source.make((z_slow, 1 - labels))).max() > 1e-3

    source.fsgen.category_prior[...] = 0.25, 0, 0.75
    z_slow, labels = source.draw(2000)
    assert z_slow.shape == (2000, 4) and labels.shape == (2000,)
    # Five standard deviations of a share of 2000 draws.
    assert set(labels) == {0, 2} and abs((labels == 2).mean() - 0.75) < 0.05


@pytest.mark.parametrize('labelled', [False, True])
def test_real_videos_come_once_a_round_in_an_order_of_the_seed(labelled):
    orders = []
    for seed in (1, 1, 2):
        source = RealVideos(Numbered(labelled), CPU, seed)
        videos = [source.make(source.draw(n)) for n in (3, 4, 5, 2)]
        assert videos[0].shape == (3, 3, 16, 2, 2) and videos[0].dtype == np.float32
        numbers = np.concatenate(videos)[:, 0, 0, 0, 0]
        assert sorted(numbers[:7]) == sorted(numbers[7:]) == list(range(7))
        assert list(numbers[:7]) != list(numbers[7:])
        orders.append(list(numbers))
    assert orders[0] == orders[1] != orders[2]
