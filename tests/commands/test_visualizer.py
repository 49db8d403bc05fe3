import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from tests.movies import read_movie
from tgan_chainer.commands import visualizer
from tgan_chainer.io import pictures


def save_sheet(path, n=4, channels=3, n_frames=5, size=(16, 24)):
    """Save a sheet of flat videos, the i-th brighter than the one before; return the videos."""
    level = np.linspace(40, 220, n).astype(np.uint8)[:, None, None, None, None]
    videos = np.broadcast_to(level, (n, channels, n_frames, *size)).copy()
    if channels == 3:
        videos[:, 1] //= 2
    pictures.save_png(path, pictures.frame_sheet(videos))
    return videos


def arguments(path, *more):
    return ['--preview_png', str(path), '--H', '16', '--W', '24', '--rows', '4', '--cols', '5',
            *more]


def read_frames(folder):
    """What the command wrote: frames as (T, H, W, 3), and a list of its movies."""
    names = sorted(path.name for path in folder.iterdir())
    frames = [f'{number}.png' for number in range(len(names) - 2)]
    assert names == sorted([*frames, 'out.avi', 'out.mov'])
    return (np.stack([pictures.read_png(folder / name) for name in frames]),
            [read_movie(folder / name) for name in ('out.avi', 'out.mov')])


@pytest.mark.parametrize('n, n_frames, grid', [
    (4, 1, (2, 2)), (4, 16, (2, 2)), (1, 5, (1, 1)), (5, 5, (2, 3))])
def test_movies_of_a_sheet(tmp_path, capsys, n, n_frames, grid):
    videos = save_sheet(tmp_path / 'image_img_1.png', n, n_frames=n_frames)
    argv = arguments(tmp_path / 'image_img_1.png', '--rows', str(n), '--cols', str(n_frames))
    assert visualizer.main(argv) == 0
    folder = tmp_path / 'image_img_1'
    frames, movies = read_frames(folder)
    assert frames.shape == (n_frames, 16 * grid[0], 24 * grid[1], 3)
    np.testing.assert_array_equal(frames, pictures.tile_movie(videos))
    for movie in movies:
        assert movie.shape == frames.shape
        # Their codecs halve the resolution of colour, but edges are at even places: measured 6.
        assert np.abs(movie.astype(int) - frames).max() <= 12
    for name in ('out.avi', 'out.mov'):
        with av.open(str(folder / name)) as movie:
            assert movie.streams.video[0].average_rate == 10
    assert capsys.readouterr().out == ''.join(
        f'{folder / name}: {n} videos, {n_frames} frames\n' for name in ('out.avi', 'out.mov'))


def test_a_sheet_with_names_and_larger_pixels(tmp_path):
    path = tmp_path / 'image_img_1.png'
    videos = save_sheet(path)
    pictures.save_png(path, pictures.name_rows(pictures.frame_sheet(videos), list('ABCD')))
    assert visualizer.main(arguments(path, '--scale', '2')) == 0
    frames, _ = read_frames(tmp_path / 'image_img_1')
    np.testing.assert_array_equal(frames, pictures.tile_movie(videos).repeat(2, 1).repeat(2, 2))


def test_grey_and_the_defaults_which_are_those_of_the_authors_previews(tmp_path):
    for channels in (1, 3):
        save_sheet(tmp_path / 'a.png', channels=channels)
        assert visualizer.main(arguments(tmp_path / 'a.png', '--C', '1')) == 0
        frames, _ = read_frames(tmp_path / 'a')
        assert (frames == frames[..., :1]).all()
    pictures.save_png(tmp_path / 'b.png', np.zeros((6400, 1024, 3), np.uint8))
    assert visualizer.main(['--preview_png', str(tmp_path / 'b.png')]) == 0
    frames, movies = read_frames(tmp_path / 'b')
    assert frames.shape == movies[0].shape == movies[1].shape == (16, 640, 640, 3)


@pytest.mark.parametrize('name, flags, text', [
    ('none.png', [], 'No such file or directory'),
    ('sheet.gif', [], 'not a PNG that can be read'),
    ('none', [], 'a name without a suffix'),
    ('a.png', ['--H', '17'], 'a sheet of 120x64 pixels does not hold whole frames of 24x17'),
    ('a.png', ['--rows', '5'], 'holds 4 videos of 5 frames of 24x16 pixels (width x height), '
     'expected 5 of 5. If those are its frames, give --rows 4 --cols 5; if not, '
     'their size by --H and --W'),
    ('a.png', ['--W', '12'], 'holds 4 videos of 10 frames'),
    ('taken.png', [], 'cannot write'),
])
def test_errors_of_the_user_are_one_line(here, refused, name, flags, text):
    for each in ('a.png', 'taken.png'):
        save_sheet(here / each)
    (here / 'sheet.gif').write_bytes(b'GIF89a')
    (here / 'taken').write_text('a file, where the folder would be')
    err = refused(visualizer.main, *arguments(name, *flags))
    assert text in err and err.count('\n') == 1


def test_the_script_at_the_root(tmp_path):
    save_sheet(tmp_path / 'a.png')
    script = Path(visualizer.__file__).parents[2] / 'visualizer.py'
    done = subprocess.run([sys.executable, str(script), *arguments('a.png')], cwd=tmp_path,
                          capture_output=True, text=True, check=True)
    assert done.stdout.endswith('a/out.mov: 4 videos, 5 frames\n')
    assert done.stderr == ''
