"""The command infer.py on results of ours and in the authors' form."""
import shutil

import chainer
import cv2
import numpy as np
import pytest
from PIL import Image

from tgan_chainer import config, infer, results
from tgan_chainer.errors import EXIT_USER_ERROR
from tgan_chainer.io import pictures


@pytest.fixture
def result(tmp_path, small_experiment, monkeypatch):
    """A result folder in the authors' form: their file names, and a copy of the experiment."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / 'results' / 'small_2026-01-01_00-00-00_0'
    folder.mkdir(parents=True)
    shutil.copy(small_experiment, folder / 'anything.yml')
    np.random.seed(0)
    fsgen, vgen, _ = config.load(str(small_experiment)).build_models()
    for iteration in (5, 10):
        chainer.serializers.save_npz(str(folder / f'gen_iter_{iteration}.npz'), fsgen)
        chainer.serializers.save_npz(str(folder / f'vgen_iter_{iteration}.npz'), vgen)
    return folder


def run(result, *flags):
    return infer.main(['--result_dir', str(result), '--gpu', '-1', '--n', '3', *flags])


def test_files_of_both_flags(result, tmp_path, capsys):
    assert run(result, '--iter', '5', '--video', '--images', '--seed', '4') == 0
    stem = f'infer/{result.name}_seed-4'
    names = [*(f'{stem}{suffix}' for suffix in ('.avi', '.mp4', '.gif')),
             *(f'{stem}_{i}.png' for i in range(3))]
    assert capsys.readouterr().out.split() == names
    with Image.open(tmp_path / f'{stem}_2.png') as strip:
        assert strip.size == (16 * 64, 64)
        assert strip.mode == 'L'    # of a grey video, as OpenCV writes it
    for name in names[:3]:
        assert pictures.read_movie(tmp_path / name).shape == (16, 128, 128, 3)


def test_the_seed_decides_what_is_drawn(result, tmp_path):
    for out, seed in (('a', '1'), ('b', '1'), ('c', '2')):
        assert run(result, '--images', '--seed', seed, '--out_dir', out) == 0
    a, b, c = (next((tmp_path / out).glob('*_0.png')).read_bytes() for out in 'abc')
    assert a == b != c


def test_values_follow_the_authors_scale(result, tmp_path):
    assert run(result, '--images', '--n', '1') == 0
    fsgen, vgen = results.load_generators(result, 10, chainer.get_device('@numpy'))
    np.random.seed(0)
    video, _, _ = infer.make_video(fsgen, vgen, 1)
    picture = np.array(Image.open(next((tmp_path / 'infer').glob('*.png'))))
    # As the authors' script: frames side by side, and OpenCV makes bytes of the floats.
    floats = np.concatenate(list(video[0, 0] * 128 + 128), axis=1)
    cv2.imwrite(str(tmp_path / 'theirs.png'), floats)
    np.testing.assert_array_equal(picture, np.array(Image.open(tmp_path / 'theirs.png')))


def test_strips_of_colour(tmp_path):
    videos = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 5, 6), np.uint8)
    paths = list(pictures.save_strips(tmp_path / 'a', videos, []))
    assert paths == [tmp_path / 'a_0.png', tmp_path / 'a_1.png']
    for path, video in zip(paths, videos, strict=True):
        with Image.open(path) as strip:
            assert strip.mode == 'RGB'
            np.testing.assert_array_equal(strip, np.concatenate(
                [video[:, t].transpose(1, 2, 0) for t in range(4)], axis=1))


def test_errors(result, capsys):
    assert run(result, '--images', '--iter', '7') == EXIT_USER_ERROR
    assert 'no networks of iteration 7, only of 5, 10' in capsys.readouterr().err
    assert run('nowhere', '--images') == EXIT_USER_ERROR
    assert 'nowhere: there is no such result folder' in capsys.readouterr().err
    shutil.copy(result / 'anything.yml', result / 'second.yml')
    assert run(result, '--images') == EXIT_USER_ERROR
    assert 'found 2 .yml files' in capsys.readouterr().err


@pytest.mark.parametrize('flags', [[], ['--video', '--n', '0'], ['--video', '--seed', '-1']])
def test_flags_that_ask_for_nothing(result, flags):
    with pytest.raises(SystemExit) as caught:
        run(result, *flags)
    assert caught.value.code == EXIT_USER_ERROR


def test_a_gpu_that_is_not_there(result, capsys, monkeypatch):
    assert infer.main(['--result_dir', str(result), '--gpu', '99', '--video']) == EXIT_USER_ERROR
    assert capsys.readouterr().err.startswith('error: --gpu 99: ')
