"""The classifier of moving digits: what it is told, that it learns, and how good it is."""
import numpy as np
import pytest

from tgan_chainer.evaluation import digit_classifier
from tgan_chainer.evaluation import train_digit_classifier as trainer
from tgan_chainer.evaluation.digit_classifier import DIGIT_SETS, PACES
from tgan_chainer.prepare.digits import load_digits


@pytest.fixture(scope='module')
def drawn():
    return trainer.Videos('train', 5).draw(300)


def centres(videos):
    """Centre of brightness in each frame, (N, 16, 2)."""
    ink = videos[:, 0] + 1
    rows = np.arange(32)
    weights = ink.sum(axis=(2, 3))
    return np.stack([(ink.sum(axis=3) @ rows) / weights, (ink.sum(axis=2) @ rows) / weights], -1)


def test_one_digit_is_told_by_its_class(drawn):
    videos, classes = drawn
    images, labels = load_digits('train')
    # The digit at the brightest box of the first frame, by its nearest image of the split.
    assert {DIGIT_SETS[c] for c in classes[:100, 0]} == {(digit,) for digit in range(10)}
    small = images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)) / 128
    right = 0
    for video, number in zip(videos[:8, 0, 0] + 1, classes[:8, 0], strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(video, (14, 14)).reshape(-1, 14, 14)
        errors = ((windows[windows.sum(axis=(1, 2)) >= 0.99 * video.sum()][:, None]
                   - small[None]) ** 2).sum(axis=(2, 3))
        right += labels[errors.argmin(axis=1)[errors.min(axis=1).argmin()]] == number
    assert right >= 7    # one may lie between two pixels of the smaller frame and look like another


def test_two_digits_are_a_set(drawn):
    _, classes = drawn
    sizes = np.bincount([len(DIGIT_SETS[c]) for c in classes[100:, 0]])
    assert sizes[1] < 45 and sizes[2] > 155    # a tenth of pairs are of one digit: 20 +- 4


def test_motion_is_told_by_its_class(drawn):
    videos, classes = drawn
    one = slice(100)    # of one digit: the centre of brightness is the digit's
    centre, (_, pace, start, end) = centres(videos[one]), classes[one].T
    length = np.median(np.linalg.norm(np.diff(centre, axis=1), axis=2), axis=1)
    for number, speed in enumerate(PACES):
        if speed is not None:    # a step is 0.1 of 18 pixels; corners are whole pixels of 36
            assert np.abs(length[pace == number] - 1.8 * speed).max() < 0.5
    way = np.diff(centre, axis=1)[pace == PACES.index(None)]
    assert (way.std(axis=1) > 1.2).any(axis=1).all()    # jumps to and fro
    for told, a, b in ((start, 0, 7), (end, 8, 15)):
        moves = (pace != PACES.index(0)) & (pace != PACES.index(None))
        assert (told[~moves] == -1).all()
        down, right = (centre[:, b] - centre[:, a])[moves].T
        clear = (np.abs(down) > 1) & (np.abs(right) > 1)    # pixels, above what rounding does
        np.testing.assert_array_equal(told[moves][clear], (2 * (down > 0) + (right > 0))[clear])


def test_softened_videos(drawn):
    videos, _ = drawn
    soft = trainer.soften(videos, np.random.RandomState(0))
    assert soft.min() >= -1 - 1e-6 and soft.max() < 1    # float32
    # A video that is only faded differs from its original by one factor, a blurred one does not.
    faded = [np.ptp((b + 1)[a > 0] / (a + 1)[a > 0]) < 1e-5
             for a, b in zip(videos, soft, strict=True)]
    assert 0.4 < np.mean(faded) < 0.6    # 300 videos: half of them, +- 0.03


def test_training_is_repeatable(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trainer, 'TEST_VIDEOS', 60)
    for name, threads in (('a.npz', '1'), ('b.npz', '2')):
        monkeypatch.setenv('TGAN_NUM_THREADS', threads)
        assert trainer.main(['--out', str(tmp_path / name), '--updates', '2']) == 0
    with np.load(tmp_path / 'a.npz') as a, np.load(tmp_path / 'b.npz') as b:
        assert all(a[key].tobytes() == b[key].tobytes() for key in a.files)
        assert {a[key].dtype for key in a.files if a[key].ndim} == {np.dtype(np.float16)}
    out = capsys.readouterr().out.splitlines()
    assert len(out) == 4 and out[:2] == out[2:]


def test_the_weights_of_the_package():
    classifier = digit_classifier.load_classifier()
    assert digit_classifier.WEIGHTS.stat().st_size < 1e6
    assert {param.dtype for param in classifier.params()} == {np.dtype(np.float32)}
    found = trainer.accuracies(classifier, 'heldout', 300, seed=2)
    assert found.keys() == {*digit_classifier.TASKS, 'one digit', 'two digits'}
    for task, stated in STATED.items():
        # Three standard errors of the 100 videos of one digit, more of the others.
        assert found[task] > stated - 3 * np.sqrt(stated * (1 - stated) / 100), task


# docs/evaluation.md
STATED = {'digits': 0.714, 'pace': 0.998, 'start': 0.909, 'end': 0.924, 'one digit': 0.905}
