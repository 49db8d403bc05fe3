"""The classifier of moving digits. That its videos' classes are right shows in how good it is."""
import numpy as np

from benchmarks import train_digit_classifier as trainer
from tgan_chainer.evaluation import digit_classifier


def test_softened_videos():
    videos, _ = trainer.Videos('train', 5).draw(300)
    soft = trainer.soften(videos, np.random.RandomState(0))
    assert soft.min() >= -1 - 1e-6 and soft.max() < 1    # float32
    # A video that is only faded differs from its original by one factor, a blurred one does not.
    faded = [np.ptp((b + 1)[a > 0] / (a + 1)[a > 0]) < 1e-5
             for a, b in zip(videos, soft, strict=True)]
    assert 0.4 < np.mean(faded) < 0.6    # 300 videos: half of them, +- 0.03


def test_training_is_repeatable(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(trainer, 'TEST_VIDEOS', 60)
    monkeypatch.setattr(trainer, 'UPDATES', 2)
    for name, threads in (('a.npz', '1'), ('b.npz', '2')):
        monkeypatch.setenv('TGAN_NUM_THREADS', threads)
        assert trainer.main(['--out', str(tmp_path / name)]) == 0
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
