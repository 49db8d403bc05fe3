"""The command interpolate.py: frames between frames, strips that mark the given ones, movies."""
import numpy as np
import pytest
from PIL import Image

from tests.movies import read_movie
from tgan_chainer import infer
from tgan_chainer.commands import interpolate
from tgan_chainer.io import pictures

RED = (214, 39, 40)


def run(result, *flags):
    return interpolate.main(['--result_dir', str(result), '--gpu', '-1', '--n', '2', *flags])


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
def test_files(small_result, tmp_path, capsys, between):
    assert run(small_result, '--between', str(between), '--seed', '4') == 0
    stem = f'infer/small_iter-10_seed-4_between-{between}'
    names = [*(f'{stem}{suffix}' for suffix in ('.avi', '.mp4', '.gif')),
             *(f'{stem}_{i}.png' for i in range(2))]
    assert capsys.readouterr().out.split() == names
    n_frames = 16 + 15 * between
    for name in names[:3]:
        assert read_movie(tmp_path / name).shape == (n_frames, 64, 128, 3)
    for name in names[3:]:
        frames, red = frames_of(tmp_path / name)
        assert len(frames) == n_frames
        assert [i for i, marked in enumerate(red) if marked] == list(
            range(0, n_frames, between + 1))


def test_the_given_frames_are_those_of_infer(small_result, tmp_path):
    assert run(small_result, '--seed', '4') == 0
    assert infer.main(['--result_dir', str(small_result), '--gpu', '-1', '--n', '2', '--images',
                       '--seed', '4']) == 0
    for i in range(2):
        frames, red = frames_of(tmp_path / 'infer' / f'small_iter-10_seed-4_between-3_{i}.png')
        strip = pictures.read_png(tmp_path / 'infer' / f'small_iter-10_seed-4_{i}.png')
        expected = strip.reshape(64, 16, 64, 3).swapaxes(0, 1)
        # One level: how many frames BLAS takes at once decides its last bits.
        np.testing.assert_allclose(frames[red].astype(int), expected, atol=1)


def test_categories(make_result, here, capsys, refused):
    folder = make_result('cond', 'conditional')
    assert run(folder, '--category', 'C', '--category', 'A', '--between', '1') == 0
    stem = 'infer/cond_iter-5_seed-0_between-1'
    assert capsys.readouterr().out.split()[2:] == [
        f'{stem}_C+A.gif', *(f'{stem}_{name}_{i}.png' for name in 'CA' for i in range(2))]
    movie = read_movie(here / f'{stem}_C+A.gif')
    assert movie.shape == (31, 128, 128 + pictures.NAMES_WIDTH, 3)
    assert run(folder, '--between', '1') == 0
    for flags, message in (
            ([folder, '--category', 'Z'], "there is no category 'Z'"),
            ([make_result('whole', '3d')], 'VideoGenerator3D makes whole videos from one latent')):
        assert message in refused(interpolate.main, '--gpu', '-1', '--result_dir', *flags)


def test_ten_given_frames_a_second_and_up_to_50_in_all(small_result, monkeypatch):
    rates = []
    monkeypatch.setattr(pictures, 'save_movie', lambda path, frames, fps, raw: rates.append(fps))
    assert run(small_result, '--between', '1') == 0
    assert run(small_result, '--between', '9') == 0
    assert rates == [20] * 3 + [50] * 3
