"""The movie of the videos that the classifier is surest of."""
import json

import numpy as np
import pytest

from tests.movies import read_movie
from tgan_chainer import results
from tgan_chainer.device import get_device
from tgan_chainer.evaluation import tile_prediction as command
from tgan_chainer.evaluation.sources import GeneratedVideos
from tgan_chainer.evaluation.tile_prediction import surest


class Counting:
    """Videos that tell their number: 0, 1, 2 ..."""

    drawn = 0

    def draw(self, n):
        self.drawn += n
        return np.arange(self.drawn - n, self.drawn)

    def make(self, drawn):
        return np.broadcast_to(drawn[:, None, None, None, None], (len(drawn), 3, 16, 2, 2))


def test_one_of_each_batch():
    p = np.array([
        [0.90, 0.05, 0.05], [0.89, 0.06, 0.05], [0.10, 0.10, 0.80], [0.88, 0.06, 0.06],
        [0.02, 0.97, 0.01], [0.30, 0.30, 0.40], [0.01, 0.98, 0.01], [0.02, 0.97, 0.01],
        [0.20, 0.50, 0.30], [0.20, 0.50, 0.30], [0.20, 0.50, 0.30], [0.20, 0.50, 0.30]])
    source = Counting()
    found = [surest(source, lambda videos: p[videos[:, 0, 0, 0, 0]], 4) for _ in range(3)]
    # Not the surest, but one of a class that the others lack; of equals the first.
    assert [int(video[0, 0, 0, 0]) for video, _, _ in found] == [2, 5, 8]
    assert [(category, value) for _, category, value in found] == [(2, 0.8), (2, 0.4), (0, 0.2)]


@pytest.fixture
def run(result, commands_classify, here):
    return lambda *flags: command.main(
        ['--result_dir', str(result), '--gpu', '-1', '--batchsize', '3', '--n', '2', *flags])


def test_the_files(run, result, tmp_path, capsys, small_classifier):
    assert run('--seed', '6') == 0
    stem = f'infer/{result.name}_iter-5_seed-6'
    names = [f'{stem}{suffix}' for suffix in ('.avi', '.mp4', '.gif', '.json')]
    out = capsys.readouterr().out.split()
    assert out[-4:] == names and out[:3] == ['sha256', 'of', 'c3d:']
    for name in names[:3]:
        assert read_movie(tmp_path / name).shape == (16, 64, 128, 3)

    source = GeneratedVideos(*results.load_generators(result, 5, get_device(-1)))
    np.random.seed(6)
    for found in json.loads((tmp_path / names[3]).read_text()):
        _, category, probability = surest(source, small_classifier(), 3)    # masks of their order
        # float32, from chunks of another size
        assert found == {'class': category, 'probability': pytest.approx(probability, rel=1e-5)}


def test_the_movie_of_another_command_is_not_replaced(run, result, tmp_path, refused):
    movie = tmp_path / 'infer' / f'{result.name}_iter-5_seed-0.avi'
    movie.parent.mkdir()
    movie.write_bytes(b'of infer.py')
    assert f'infer/{movie.name} is there, but no {movie.stem}.json' in refused(lambda _: run())
    assert movie.read_bytes() == b'of infer.py'


def test_a_rehearsal(result, commands_classify, here, capsys):
    assert command.main(['--result_dir', str(result), '--gpu', '-1', '--rehearsal']) == 0
    stem = f'{result.name}_iter-5_seed-0_rehearsal'
    assert {path.stem for path in (here / 'infer').iterdir()} == {stem}
    assert read_movie(here / 'infer' / f'{stem}.avi').shape == (16, 128, 128, 3)
    assert all(line.startswith('rehearsal (no measurement): ')
               for line in capsys.readouterr().out.splitlines())
    found = json.loads((here / 'infer' / f'{stem}.json').read_text())
    assert len(found) == 4 and all(entry['rehearsal'] for entry in found)


def test_the_authors_defaults():
    args = command.parse_args(['--result_dir', 'r'])
    assert (args.n, args.batchsize, args.seed, args.out_dir, args.interpolation) == (
        100, 48, 0, 'infer', 'INTER_CUBIC')
