"""Sources of videos; scores of batches against those of all at once, also interrupted."""
from dataclasses import dataclass

import chainer
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reference.oracle import scores
from tgan_chainer import results
from tgan_chainer.errors import DataError, SnapshotError
from tgan_chainer.evaluation.inception_score import Evaluation, add, calc_inception, score_of
from tgan_chainer.evaluation.protocols import Settings
from tgan_chainer.evaluation.sources import GeneratedVideos, RealVideos
from tgan_chainer.models.sampling import make_video
from tgan_chainer.random_streams import RandomState

CPU = chainer.get_device('@numpy')
SETTINGS = Settings(samples=23, batchsize=4, eps=1e-7, seeds=(0,))    # five batches, three over


def probabilities(n, classes=11, seed=0, sharpness=3.0):
    logits = sharpness * np.random.RandomState(seed).randn(n, classes)
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@settings(deadline=None)
@given(cuts=st.lists(st.integers(1, 59), unique=True), seed=st.integers(0, 99),
       eps=st.sampled_from([1e-7, 1e-20]), sharpness=st.floats(0, 40))
def test_batches_of_any_size(cuts, seed, eps, sharpness):
    ys = probabilities(60, seed=seed, sharpness=sharpness)
    sums = 0
    for part in np.split(ys, sorted(cuts)):
        sums = add(sums, part, eps)
    assert sums[0] == 60 and sums.shape == (2 + 11,)    # memory does not grow
    # float64: sums of some hundred terms in another order.
    assert score_of(sums, eps) == pytest.approx(scores.inception_score(ys, eps), rel=1e-12)
    assert score_of(sums, eps) == pytest.approx(calc_inception(ys, eps), rel=1e-12)


def test_float32_is_summed_in_float64():
    ys = probabilities(1000).astype(np.float32)
    assert calc_inception(ys) == pytest.approx(scores.inception_score(ys), rel=1e-13)


@pytest.mark.parametrize('ys, message', [
    *((np.ones(shape), r'expected \(N, classes\)') for shape in ((3,), (0, 4), (4, 0), (2, 3, 4))),
    *(([[0.5, 0.5], row], 'row 1 of the class probabilities') for row in (
        [0.5, 0.6], [50, 50], [-0.5, 1.5], [np.nan, 1], [np.inf, 0]))])
def test_what_are_no_distributions_is_refused(ys, message):
    with pytest.raises(ValueError, match=message):
        calc_inception(np.array(ys))


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
    generated = GeneratedVideos(*results.load_system(result, 5, CPU)[:2])
    np.random.seed(3)
    videos = generated.make(generated.draw(3))
    assert videos.shape == (3, 3, 16, 64, 64)
    assert np.ptp(videos, axis=0).max() > 0.01
    np.random.seed(3)
    np.testing.assert_array_equal(make_video(*generated, 3)[0], videos)


def test_videos_are_of_the_labels_that_were_drawn_which_follow_the_prior(make_result):
    source = GeneratedVideos(*results.load_system(
        make_result('c', 'conditional', wscale=0.3), 5, CPU)[:2])
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


@dataclass
class Dropping:
    """A classifier that draws a mask a batch."""

    after: int | None = None    # it is interrupted after so many batches
    calls: int = 0

    def draw_masks(self, n):
        return np.random.rand(n, 192) >= 0.5

    def __call__(self, videos, done):
        mask = self.draw_masks(len(videos))
        if self.calls == self.after:
            raise KeyboardInterrupt
        self.calls += 1
        logits = videos.reshape(len(videos), -1) * mask
        done(len(videos))
        return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


def evaluation(path, after=None, run=None):
    return Evaluation(RealVideos(Numbered(), CPU, 2), Dropping(after), SETTINGS,
                      RandomState(2, CPU), path, run or {'seed': 2})


@pytest.mark.parametrize('after', [0, 1, 3, 4])
def test_interrupted_anywhere_ends_with_the_same_bits(tmp_path, after):
    score = evaluation(tmp_path / 'whole.npz').score()
    np.random.seed(2)
    source = RealVideos(Numbered(), CPU, 2)
    ys = [Dropping()(source.make(source.draw(4)), int) for _ in range(5)]
    assert score == pytest.approx(scores.inception_score(np.concatenate(ys)), rel=1e-13)
    with pytest.raises(KeyboardInterrupt):
        evaluation(tmp_path / 'part.npz', after).score()
    assert (tmp_path / 'part.npz').exists() == (after >= 1)
    np.random.seed(99)
    resumed = evaluation(tmp_path / 'part.npz')
    assert resumed.score() == score
    assert resumed.classifier.calls == 5 - after    # no whole batch was classified again


def test_a_finished_score_is_not_made_again_and_belongs_to_its_run(tmp_path):
    path, run = tmp_path / 'part.npz', {'seed': 2, 'protocol': 'tgan-v1', 'weights': {'c3d': 'a'}}
    whole = evaluation(path, run=run).score()
    assert evaluation(path, after=0, run=run).score() == whole
    for changes, named in (({'protocol': 'tgan-v2'}, 'protocol'),
                           ({'weights': {'c3d': 'b'}, 'seed': 3}, 'seed and weights')):
        with pytest.raises(SnapshotError, match=f'of other {named}; delete it to start'):
            evaluation(path, run={**run, **changes}).score()
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SnapshotError, match='delete it to start this score over'):
        evaluation(path, run=run).score()
    with pytest.raises(DataError, match='cannot write'):
        evaluation(path / 'part.npz').score()


@pytest.mark.parametrize('changes', [
    {'sums': sums} for sums in (np.full(4, -1.0), np.full(4, 21.0), np.zeros((4, 4)), np.zeros(2),
                                np.zeros(4, 'f4'), np.array('text'))] + [{'run': '[1]'}])
def test_what_are_no_sums_is_refused(tmp_path, changes):
    path = tmp_path / 'part.npz'
    evaluation(path).score()
    np.savez(path, **{**np.load(path), **changes})
    with pytest.raises(SnapshotError, match='it has sums of .* expected float64 of at most 20 ex'):
        evaluation(path).score()
