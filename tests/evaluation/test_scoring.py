"""Scores batch by batch, interrupted and gone on with."""
import chainer
import numpy as np
import pytest

from reference.oracle import scores
from tgan_chainer.errors import DataError, SnapshotError
from tgan_chainer.evaluation.samples import RealVideos
from tgan_chainer.evaluation.scoring import Evaluation, Settings
from tgan_chainer.extensions.random_state import RandomState

CPU = chainer.get_device('@numpy')
SETTINGS = Settings(samples=23, batchsize=4, eps=1e-7, seeds=(0,))    # five batches, three over


class Noise:
    """Videos from NumPy's global generator, or from one of its own, which no file holds."""

    def __init__(self, own=None):
        self.stream = np.random if own is None else np.random.RandomState(own)

    def draw(self, n):
        return self.stream.rand(n, 6) * 5 * self.stream.rand()    # one more number a batch

    def make(self, drawn):
        return drawn

    def skip(self, n):
        self.draw(n)


class NoiseSet(chainer.dataset.DatasetMixin):

    def __len__(self):
        return 7

    def get_example(self, i):
        return i + np.random.randn(2, 3, 1, 1).astype(np.float32)


def classify(videos):
    logits = videos.reshape(len(videos), -1)
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


class Interrupted(Exception):
    pass


def interrupting(after):
    """``classify`` that raises at its call number ``after``."""
    calls = iter(range(10 ** 6))

    def interrupt(videos):
        if next(calls) == after:
            raise Interrupted
        return classify(videos)
    return interrupt


SOURCES = [Noise, lambda: Noise(own=8), lambda: RealVideos(NoiseSet(), CPU, seed=2)]


def evaluation(path, source=None, classify=classify, settings=SETTINGS, run=None, **kwargs):
    return Evaluation(source or Noise(), classify, settings, RandomState(2, CPU), path,
                      {'seed': 2} if run is None else run, **kwargs)


def test_the_score_of_all_videos(tmp_path):
    np.random.seed(2)
    expected = scores.inception_score(classify(np.concatenate([Noise().draw(4) for _ in range(5)])))
    assert evaluation(tmp_path / 'part.npz').score() == pytest.approx(expected, rel=1e-13)


def test_seen_in_chunks(tmp_path):
    seen = []

    def watched(videos):
        seen.append(len(videos))
        return classify(videos)

    chunked = evaluation(tmp_path / 'a.npz', classify=watched, chunk=3).score()
    assert seen == [3, 1] * 5
    assert chunked == pytest.approx(evaluation(tmp_path / 'b.npz').score(), rel=1e-13)


@pytest.mark.parametrize('source', SOURCES)
@pytest.mark.parametrize('after', [0, 1, 2, 3, 7, 9])
def test_interrupted_anywhere_ends_with_the_same_bits(tmp_path, source, after):
    whole = evaluation(tmp_path / 'whole.npz', source(), chunk=2).score()
    with pytest.raises(Interrupted):
        evaluation(tmp_path / 'part.npz', source(), interrupting(after), chunk=2).score()
    assert (tmp_path / 'part.npz').exists() == (after >= 2)
    np.random.seed(99)
    calls = []

    def counted(videos):
        calls.append(len(videos))
        return classify(videos)

    assert evaluation(tmp_path / 'part.npz', source(), counted, chunk=2).score() == whole
    assert len(calls) == 10 - after // 2 * 2    # no whole batch was classified again


def test_a_finished_score_is_not_made_again(tmp_path):
    whole = evaluation(tmp_path / 'part.npz').score()
    assert evaluation(tmp_path / 'part.npz', classify=interrupting(0)).score() == whole


def test_of_another_run(tmp_path):
    run = {'seed': 2, 'protocol': 'tgan-v1', 'weights': {'c3d': 'a'}}
    evaluation(tmp_path / 'part.npz', run=run).score()
    for changes, named in (({'protocol': 'tgan-v2'}, 'protocol'),
                           ({'weights': {'c3d': 'b'}, 'seed': 3}, 'seed and weights')):
        with pytest.raises(SnapshotError, match=f'of other {named}; delete it to start'):
            evaluation(tmp_path / 'part.npz', run={**run, **changes}).score()


def test_a_damaged_file(tmp_path):
    path = tmp_path / 'part.npz'
    evaluation(path).score()
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(SnapshotError, match='delete it to start this score over'):
        evaluation(path).score()


def test_a_place_that_cannot_be_written_to(tmp_path):
    (tmp_path / 'file').touch()
    with pytest.raises(DataError, match='cannot write'):
        evaluation(tmp_path / 'file' / 'part.npz').score()


def test_progress_goes_to_stderr(tmp_path, capsys):
    evaluation(tmp_path / 'part.npz').score()
    assert 'seed 2: 100%' in capsys.readouterr().err
