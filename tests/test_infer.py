from pathlib import Path

import chainer
import cv2
import numpy as np
import pytest
from PIL import Image

from tests.movies import read_movie
from tgan_chainer import infer, results
from tgan_chainer.commands import interpolate
from tgan_chainer.commands.flags import PRETRAINED
from tgan_chainer.io import pictures

RED = (214, 39, 40)


def run(result, *flags, main=infer.main):
    return main(['--result_dir', str(result), '--gpu', '-1', '--n', '3', *flags])


@pytest.mark.parametrize('main, flags, stem, movie, mode, size', [
    (infer.main, ['--iter', '5', '--video', '--images', '--seed', '4'], 'small_iter-5_seed-4',
     (16, 128, 128, 3), 'L', (16 * 64, 64)),    # of a grey video, as OpenCV writes it
    (interpolate.main, ['--between', '1'], 'small_iter-10_seed-0_between-1',
     (31, 128, 128, 3), 'RGB', (16 * 68, 2 * 68)),
    (interpolate.main, [], 'small_iter-10_seed-0_between-3',
     (61, 128, 128, 3), 'RGB', (16 * 68, 4 * 68))])
def test_files(small_result, tmp_path, capsys, main, flags, stem, movie, mode, size):
    assert run(small_result, *flags, main=main) == 0
    names = [*(f'infer/{stem}{suffix}' for suffix in ('.avi', '.mp4', '.gif')),
             *(f'infer/{stem}_{i}.png' for i in range(3))]
    assert capsys.readouterr().out.split() == names
    for name in names[:3]:
        assert read_movie(tmp_path / name).shape == movie
    with Image.open(tmp_path / names[5]) as strip:
        assert (strip.mode, strip.size) == (mode, size)


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
    fsgen, vgen = results.load_system(small_result, 10, chainer.get_device('@numpy'))[:2]
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


# -- frames between frames -------------------------------------------------------------------------

def frames_of(path):
    """The frames (T, 64, 64, 3) of a strip of rows, and whether each has a red border."""
    strip = np.array(Image.open(path).convert('RGB'))
    assert strip.shape[1] == 16 * 68
    frames = strip.reshape(-1, 68, 16, 68, 3).swapaxes(1, 2).reshape(-1, 68, 68, 3)
    while (frames[-1] == 255).all():    # places left over
        frames = frames[:-1]
    border = frames.copy()
    border[:, 2:-2, 2:-2] = frames[:, :1, :1]
    assert (border == frames[:, :1, :1]).all()
    return frames[:, 2:-2, 2:-2], [tuple(frame[0, 0]) == RED for frame in frames]


@pytest.mark.parametrize('between', [1, 3])
def test_the_given_frames_are_those_of_infer(small_result, tmp_path, between):
    flags = '--seed', '4', '--n', '2'
    assert run(small_result, '--between', str(between), *flags, main=interpolate.main) == 0
    assert run(small_result, '--images', *flags) == 0
    for i in range(2):
        frames, red = frames_of(
            tmp_path / 'infer' / f'small_iter-10_seed-4_between-{between}_{i}.png')
        assert red == [t % (between + 1) == 0 for t in range(16 + 15 * between)]
        strip = pictures.read_png(tmp_path / 'infer' / f'small_iter-10_seed-4_{i}.png')
        expected = strip.reshape(64, 16, 64, 3).swapaxes(0, 1)
        # One level: how many frames BLAS takes at once decides its last bits.
        np.testing.assert_allclose(frames[red].astype(int), expected, atol=1)


def test_categories_of_interpolation(make_result, here, capsys, refused):
    folder = make_result('cond', 'conditional')
    flags = '--between', '1', '--n', '2'
    assert run(folder, '--category', 'C', '--category', 'A', *flags, main=interpolate.main) == 0
    stem = 'infer/cond_iter-5_seed-0_between-1'
    assert capsys.readouterr().out.split()[2:] == [
        f'{stem}_C+A.gif', *(f'{stem}_{name}_{i}.png' for name in 'CA' for i in range(2))]
    movie = read_movie(here / f'{stem}_C+A.gif')
    assert movie.shape == (31, 128, 128 + pictures.NAMES_WIDTH, 3)
    assert run(folder, *flags, main=interpolate.main) == 0
    for flags, message in (
            ([folder, '--category', 'Z'], "there is no category 'Z'"),
            ([make_result('whole', '3d')], 'VideoGenerator3D makes whole videos from one latent')):
        assert message in refused(interpolate.main, '--gpu', '-1', '--result_dir', *flags)


def test_ten_given_frames_a_second_and_up_to_50_in_all(small_result, monkeypatch):
    rates = []
    monkeypatch.setattr(pictures, 'save_movie', lambda path, frames, fps, raw: rates.append(fps))
    for between in '19':
        assert run(small_result, '--between', between, main=interpolate.main) == 0
    assert rates == [20] * 3 + [50] * 3
