"""The visualizer command: from a preview picture to its movies, and what it says."""
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tgan_chainer import pictures, visualizer


def save_sheet(path, n=6, channels=3, n_frames=5, size=(16, 24)):
    """Save a sheet of flat videos, the i-th brighter than the one before; return the videos."""
    level = np.linspace(40, 220, n).astype(np.uint8)[:, None, None, None, None]
    videos = np.broadcast_to(level, (n, channels, n_frames, *size)).copy()
    if channels == 3:
        videos[:, 1] //= 2
    pictures.save_png(path, pictures.frame_sheet(videos))
    return videos


def arguments(path, *more):
    return ['--preview_png', str(path), '--H', '16', '--W', '24', *more]


@pytest.mark.parametrize('n_frames', [1, 5, 16])
def test_movies_of_a_sheet(tmp_path, capsys, n_frames):
    videos = save_sheet(tmp_path / 'image_img_1.png', n_frames=n_frames)
    argv = arguments(tmp_path / 'image_img_1.png', '--rows', '2', '--cols', '3')
    assert visualizer.main(argv) == 0
    expected = pictures.tile_movie(videos, 2, 3)
    for suffix in ('.gif', '.mp4'):
        movie = pictures.read_movie(tmp_path / f'image_img_1{suffix}')
        assert movie.shape == expected.shape == (n_frames, 32, 72, 3)
        # GIF is exact here; MP4 halves the resolution of colour, but the edges are of even number.
        assert np.abs(movie.astype(int) - expected).max() <= 12
    assert capsys.readouterr().out == (
        f'{tmp_path / "image_img_1.gif"}: 6 of 6 videos, {n_frames} frames\n'
        f'{tmp_path / "image_img_1.mp4"}: 6 of 6 videos, {n_frames} frames\n')


def test_grey(tmp_path):
    for channels in (1, 3):
        save_sheet(tmp_path / 'a.png', channels=channels)
        argv = arguments(tmp_path / 'a.png', '--C', '1', '--rows', '2', '--cols', '3')
        assert visualizer.main(argv) == 0
        gif = pictures.read_movie(tmp_path / 'a.gif')
        assert (gif == gif[..., :1]).all()


def test_grid_smaller_and_larger_than_the_sheet(tmp_path, capsys):
    save_sheet(tmp_path / 'a.png')
    assert visualizer.main(arguments(tmp_path / 'a.png', '--rows', '2', '--cols', '2')) == 0
    assert '4 of 6 videos' in capsys.readouterr().out
    assert visualizer.main(arguments(tmp_path / 'a.png')) == 0
    assert '6 of 6 videos' in capsys.readouterr().out
    assert pictures.read_movie(tmp_path / 'a.gif').shape == (5, 160, 240, 3)


def test_defaults_are_those_of_the_authors_previews(tmp_path):
    sheet = np.zeros((6400, 1024, 3), np.uint8)
    pictures.save_png(tmp_path / 'a.png', sheet)
    assert visualizer.main(['--preview_png', str(tmp_path / 'a.png')]) == 0
    assert pictures.read_movie(tmp_path / 'a.gif').shape == (16, 640, 640, 3)


@pytest.mark.parametrize(('name', 'flags', 'text'), [
    ('none.png', [], 'No such file or directory'),
    ('text.png', [], 'not a PNG that can be read'),
    ('sheet.gif', [], 'not a PNG that can be read'),
    ('a.png', ['--H', '17'], 'a sheet of 120x96 pixels does not hold whole frames of 24x17'),
])
def test_errors_of_the_user_are_one_line(tmp_path, capsys, name, flags, text):
    save_sheet(tmp_path / 'a.png')
    (tmp_path / 'text.png').write_text('text')
    (tmp_path / 'sheet.gif').write_bytes(b'GIF89a')    # not to be overwritten by its own movie
    before = sorted(tmp_path.iterdir())
    assert visualizer.main(arguments(tmp_path / name, *flags)) == 2
    out, err = capsys.readouterr()
    assert out == ''
    assert err.startswith('error: ')
    assert text in err
    assert err.count('\n') == 1
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize('flags', [['--rows', '0'], ['--C', '2'], ['--W', '-1'], ['--H', 'x']])
def test_flags_out_of_range(tmp_path, capsys, flags):
    with pytest.raises(SystemExit) as caught:
        visualizer.main(arguments(tmp_path / 'a.png', *flags))
    assert caught.value.code == 2
    assert f'argument {flags[0]}' in capsys.readouterr().err


def test_runs_as_a_module(tmp_path):
    save_sheet(tmp_path / 'a.png')
    project = Path(visualizer.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, '-m', 'tgan_chainer.visualizer', *arguments('a.png')], cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(project)}, capture_output=True, text=True, check=True)
    assert done.stdout == 'a.gif: 6 of 6 videos, 5 frames\na.mp4: 6 of 6 videos, 5 frames\n'
    assert done.stderr == ''
