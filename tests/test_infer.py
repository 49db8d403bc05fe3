"""The command infer.py: what files it makes, and that their values are the authors'."""
from pathlib import Path

import chainer
import cv2
import numpy as np
import pytest
from PIL import Image

from tests.movies import read_movie
from tgan_chainer import infer, results
from tgan_chainer.commands.flags import PRETRAINED
from tgan_chainer.io import pictures


def run(result, *flags):
    return infer.main(['--result_dir', str(result), '--gpu', '-1', '--n', '3', *flags])


def test_files_of_both_flags(small_result, tmp_path, capsys):
    assert run(small_result, '--iter', '5', '--video', '--images', '--seed', '4') == 0
    stem = 'infer/small_iter-5_seed-4'
    names = [*(f'{stem}{suffix}' for suffix in ('.avi', '.mp4', '.gif')),
             *(f'{stem}_{i}.png' for i in range(3))]
    assert capsys.readouterr().out.split() == names
    with Image.open(tmp_path / f'{stem}_2.png') as strip:
        assert strip.size == (16 * 64, 64)
        assert strip.mode == 'L'    # of a grey video, as OpenCV writes it
    for name in names[:3]:
        assert read_movie(tmp_path / name).shape == (16, 128, 128, 3)


def test_a_training_that_comes_with_the_package(here, capsys):
    assert infer.main(['--pretrained', 'default', '--n', '2', '--images']) == 0
    videos = np.stack([Image.open(path) for path in capsys.readouterr().out.split()])
    assert videos.shape == (2, 32, 16 * 32) and (videos[0] != videos[1]).any()
    assert videos.min() < 20 and videos.max() > 200    # bright on black, as a trained one's
    assert sum(file.stat().st_size for file in PRETRAINED.rglob('*')) < 10 * 10 ** 6
    with pytest.raises(SystemExit):
        infer.main(['--pretrained', 'defalt', '--images'])
    assert "--pretrained: found 'defalt', expected default" in capsys.readouterr().err


@pytest.mark.parametrize('seed', [0, 2])
def test_values_follow_the_seed_and_the_authors_scale(small_result, tmp_path, seed):
    assert run(small_result, '--images', '--n', '1', '--seed', str(seed), '--out_dir', 'out') == 0
    fsgen, vgen = results.load_generators(small_result, 10, chainer.get_device('@numpy'))
    np.random.seed(seed)
    video, _, _ = infer.make_video(fsgen, vgen, 1)
    picture = np.array(Image.open(tmp_path / 'out' / f'small_iter-10_seed-{seed}_0.png'))
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


def test_only_the_authors_iteration_has_their_name(make_result, small_experiment, tmp_path,
                                                    capsys):
    folder = make_result('whole', small_experiment, (5, 100000))
    for flags in ([], ['--iter', '5']):
        assert run(folder, '--images', '--n', '1', '--out_dir', str(tmp_path), *flags) == 0
    assert capsys.readouterr().out.splitlines() == [
        f'{tmp_path}/whole_seed-0_0.png', f'{tmp_path}/whole_iter-5_seed-0_0.png']


def test_larger_pixels(small_result, tmp_path):
    for scale in (1, 3):
        assert run(small_result, '--images', '--n', '1', '--scale', str(scale), '--out_dir',
                   str(tmp_path / str(scale))) == 0
    small, large = (np.array(Image.open(tmp_path / scale / 'small_iter-10_seed-0_0.png'))
                    for scale in '13')
    assert large.shape == (3 * 64, 3 * 1024)
    np.testing.assert_array_equal(large, np.kron(small, np.ones((3, 3), np.uint8)))


@pytest.mark.parametrize('flags, message', [
    (['--iter', '7'], 'no networks of iteration 7, only of 5, 10'),
    (['--result_dir', 'nowhere'], 'nowhere: there is no such result folder'),
    (['--result_dir', 'results/a/snapshot_iter_10.npz'],
     'results/a/snapshot_iter_10.npz: found a file, expected a result folder; give the one it is '
     'in, results/a, with --iter 10'),
    (['--result_dir', 'file'], 'file: found a file, expected a result folder; give the one it is '
     'in, .\n'),
    (['--gpu', '99'], 'error: --gpu 99: ')])
def test_errors(small_result, refused, flags, message):
    Path('results/a').mkdir(parents=True)
    for path in ('results/a/snapshot_iter_10.npz', 'file'):
        Path(path).touch()
    assert message in refused(
        infer.main, '--result_dir', small_result, '--gpu', '-1', '--images', *flags)
