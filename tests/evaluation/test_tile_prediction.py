"""The movie of the videos that the classifier is surest of."""
import json

import numpy as np
import pytest

from tgan_chainer import pictures, results
from tgan_chainer.device import get_device
from tgan_chainer.errors import EXIT_USER_ERROR
from tgan_chainer.evaluation import tile_prediction as command
from tgan_chainer.evaluation.tile_prediction import surest
from tgan_chainer.models.sampling import make_video


class Counting:
    """Videos that tell their number: 0, 1, 2 ..."""

    def __init__(self):
        self.drawn = 0

    def draw(self, n):
        self.drawn += n
        return np.arange(self.drawn - n, self.drawn)

    def make(self, drawn):
        return np.broadcast_to(drawn[:, None, None, None, None], (len(drawn), 3, 16, 2, 2))


@pytest.mark.parametrize('chunk', [None, 1, 2, 5])
def test_one_of_each_batch(chunk):
    sureness = np.array([0.5, 0.9, 0.6, 0.7, 0.8, 0.95, 0.51, 0.99, 0.5, 0.6])

    def classify(videos):
        numbers = videos[:, 0, 0, 0, 0]
        p = sureness[numbers][:, None]
        return np.where(np.arange(2) == numbers[:, None] % 2, p, 1 - p)

    source = Counting()
    found = [surest(source, classify, 5, chunk) for _ in range(2)]
    assert [int(video[0, 0, 0, 0]) for video, _, _ in found] == [1, 7]
    assert [(category, p) for _, category, p in found] == [(1, 0.9), (1, 0.99)]


@pytest.fixture
def run(result, commands_classify, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *flags: command.main(
        ['--result_dir', str(result), '--gpu', '-1', '--batchsize', '3', '--n', '2', *flags])


def test_the_files(run, result, tmp_path, capsys, small_classifier):
    assert run('--seed', '6') == 0
    stem = f'infer/{result.name}_prediction_seed-6'
    names = [f'{stem}{suffix}' for suffix in ('.avi', '.mp4', '.gif', '.json')]
    assert capsys.readouterr().out.split() == names
    for name in names[:3]:
        assert pictures.read_movie(tmp_path / name).shape == (16, 64, 128, 3)

    fsgen, vgen = results.load_generators(result, 5, get_device(-1))
    np.random.seed(6)
    for found in json.loads((tmp_path / names[3]).read_text()):
        probabilities = small_classifier()(make_video(fsgen, vgen, 3)[0])
        # float32, from batches of another size
        assert found['probability'] == pytest.approx(probabilities.max(), rel=1e-5)
        assert found['class'] == np.unravel_index(probabilities.argmax(), probabilities.shape)[1]


def test_the_seed_decides(run, tmp_path, result):
    stem = f'{result.name}_prediction_seed-'
    assert run('--seed', '1') == run('--seed', '2') == 0
    one, two = ((tmp_path / 'infer' / f'{stem}{seed}.gif').read_bytes() for seed in '12')
    assert run('--seed', '1') == 0
    assert (tmp_path / 'infer' / f'{stem}1.gif').read_bytes() == one != two


def test_the_authors_defaults():
    args = command.parse_args(['--result_dir', 'r'])
    assert (args.n, args.batchsize, args.seed, args.out_dir, args.interpolation) == (
        100, 48, 0, 'infer', 'INTER_CUBIC')


def test_errors(run, result, capsys):
    assert run('--iter', '9') == EXIT_USER_ERROR
    assert 'no networks of iteration 9' in capsys.readouterr().err
    for flags in (['--n', '0'], ['--batchsize', '-1'], ['--seed', 'x']):
        with pytest.raises(SystemExit, match='2'):
            run(*flags)
