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


class Numbered:
    """Videos that tell their number: 10, 11, 12 ..."""

    draw = staticmethod(np.arange)
    make = staticmethod(lambda numbers: numbers + 10)


# Not the surest, but one of a class that the others lack; of equals the first.
@pytest.mark.parametrize('p, expected', [
    ([[.90, .05, .05], [.89, .06, .05], [.10, .10, .80], [.88, .06, .06]], (12, 2, .8)),
    ([[.02, .97, .01], [.30, .30, .40], [.01, .98, .01], [.02, .97, .01]], (11, 2, .4)),
    ([[.20, .50, .30]] * 4, (10, 0, .2))])
def test_one_of_each_batch(p, expected):
    assert surest(Numbered, lambda videos: np.array(p)[videos - 10], 4) == expected


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

    source = GeneratedVideos(*results.load_system(result, 5, get_device(-1))[:2])
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
