import io
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import wave
from pathlib import Path
from unittest import mock

import av
import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.movies import read_movie
from tgan_chainer.errors import ConfigError, DataError
from tgan_chainer.io import pictures
from tgan_chainer.prepare import ucf101 as module
from tgan_chainer.prepare import unfinished_h5
from tgan_chainer.prepare.ucf101 import main, make_ucf101

# Frames of the videos that the fixture makes.
VIDEOS = {'v_Archery_g01_c01': 20, 'v_Archery_g01_c02': 16, 'v_YoYo_g01_c01': 33,
          'v_YoYo_g08_c01': 17}


def encode(n_frames, size=(80, 60), seed=0):
    """An .avi file as those of UCF-101: MPEG-4 with the tag XVID -> bytes."""
    r = np.random.RandomState(seed)
    background = r.randint(0, 256, (size[1] // 4, size[0] // 4, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    with av.open(buffer, 'w', format='avi') as movie:
        stream = movie.add_stream('mpeg4', rate=25)
        stream.width, stream.height, stream.pix_fmt = *size, 'yuv420p'
        stream.codec_context.codec_tag = 'XVID'
        for t in range(n_frames):
            frame = np.roll(background, t, axis=1).repeat(4, 0).repeat(4, 1)
            movie.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        movie.mux(stream.encode(None))
    return buffer.getvalue()


ENCODED = {name: encode(n, seed=k) for k, (name, n) in enumerate(VIDEOS.items())}


@pytest.fixture
def source(tmp_path):
    """The folder of the videos, one a category as published."""
    for name, content in ENCODED.items():
        folder = tmp_path / 'UCF-101' / name.split('_')[1]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f'{name}.avi').write_bytes(content)
    return tmp_path / 'UCF-101'


def make(path, source, **arguments):
    return make_ucf101(path, source, **{'workers': 1, **arguments})


def frames_of(path):
    """All frames of a movie, decoded and resized in the plainest way -> uint8 (T, 3, 64, 85)."""
    small = [Image.fromarray(frame).resize((85, 64), Image.Resampling.NEAREST)
             for frame in read_movie(path)]
    return np.stack(small).transpose(0, 3, 1, 2)


def image(path):
    with h5py.File(path) as file:
        return file['image'][...]


def outputs(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_files_hold_all_videos_in_the_order_of_their_names(tmp_path, source):
    (source / 'v_B_g01_c01.avi').write_bytes(b'damaged')
    summary = make(tmp_path / 'a.h5', source, pickles=True)
    frames = image(tmp_path / 'a.h5')
    np.testing.assert_array_equal(frames, np.concatenate(
        [frames_of(next(source.rglob(f'{name}.avi'))) for name in VIDEOS]))
    table = pd.read_csv(summary.table_path)
    assert list(table) == ['category', 'group', 'scene', 'start', 'end']
    assert table.to_numpy().tolist() == [
        ['Archery', 1, 1, 0, 20], ['Archery', 1, 2, 20, 36], ['YoYo', 1, 1, 36, 69],
        ['YoYo', 8, 1, 69, 86]]
    spans = pickle.loads((tmp_path / 'a_conf.pkl').read_bytes())    # for the authors' code
    assert repr(spans) == '[(0, 20), (20, 36), (36, 69), (69, 86)]'    # and no types of NumPy
    pd.testing.assert_frame_equal(pd.read_pickle(tmp_path / 'a_conf_pd.pkl'), table)
    make(tmp_path / 'b.h5', source, resample='bicubic')
    assert (image(tmp_path / 'b.h5') != frames).mean() > 0.1


def test_the_authors_command_and_any_number_of_workers_make_the_same_bytes(tmp_path, source):
    (source / 'v_Z_g01_c01.avi').write_bytes(b'damaged')
    make(tmp_path / '1' / 'a.h5', source)
    command = Path(module.__file__).parents[2] / 'make_ucf101.py'
    result = subprocess.run(
        [sys.executable, command, '--source', source, '--split', 'all', '--out',
         tmp_path / '3' / 'a.h5', '--workers', '3'], capture_output=True, timeout=120)
    assert (result.returncode, result.stderr) == (0, b'')
    assert outputs(tmp_path / '1') == outputs(tmp_path / '3')


WHOLE = ENCODED['v_YoYo_g01_c01']


FLIPPED = bytes(byte ^ 0x5a * (at % 50 == 0 and 1 / 3 < at / len(WHOLE) < 1 / 2)
                for at, byte in enumerate(WHOLE))


def sound():
    buffer = io.BytesIO()
    with wave.open(buffer, 'wb') as file:
        file.setparams((1, 2, 8000, 0, 'NONE', None))
        file.writeframes(bytes(1600))
    return buffer.getvalue()


@pytest.mark.parametrize('content, reason', [
    (b'', 'is damaged or no video'),
    (WHOLE[:3000], 'is damaged or no video'),
    (WHOLE[:len(WHOLE) * 3 // 4], 'is damaged'),
    # The index, 33 entries of 16 bytes, and a little of the last frame are cut off.
    (WHOLE[:-600], 'is damaged, or its end is missing'),
    (FLIPPED, 'is damaged'),
    (WHOLE.replace(b'XVID', b'ZZZZ'), 'has no video stream that can be decoded'),
    (sound(), 'has no video stream that can be decoded'),
    (encode(15), 'has 15 frames, fewer than 16'),
])
def test_a_bad_video_is_left_out_and_reported(tmp_path, source, content, reason):
    path = source / 'Archery' / 'v_Archery_g01_c02.avi'
    path.write_bytes(content)
    summary = make(tmp_path / 'a' / 'a.h5', source)
    assert list(summary.skipped) == ['v_Archery_g01_c02']
    assert summary.skipped['v_Archery_g01_c02'].startswith(reason)
    path.unlink()
    make(tmp_path / 'b' / 'a.h5', source)
    assert outputs(tmp_path / 'a') == outputs(tmp_path / 'b')


def test_without_pyav_nothing_is_begun(tmp_path, source, monkeypatch):
    monkeypatch.setattr(pictures, 'av', None)
    with pytest.raises(ConfigError, match=r'PyAV.*tgan_chainer\[video\]'):
        make(tmp_path / 'out.h5', source, kind='avi')
    assert os.listdir(tmp_path) == ['UCF-101']


def test_no_video_can_be_used(tmp_path, source):
    for path in source.rglob('*.avi'):
        path.write_bytes(b'')
    with pytest.raises(DataError, match='has no video that can be used of 4, the first is damaged'):
        make(tmp_path / 'out' / 'a.h5', source)
    assert os.listdir(tmp_path / 'out') == []


def killed_after(n, path, source):
    """Make the files in a process that is killed when it has appended n videos."""
    class Killed(module.UnfinishedH5):
        def append(self, entry, rows=None):
            super().append(entry, rows)
            if len(self.entries) == n:
                os.kill(os.getpid(), signal.SIGKILL)

    with mock.patch.object(module, 'UnfinishedH5', Killed):
        process = multiprocessing.get_context('fork').Process(target=make, args=(path, source))
        process.start()
    process.join(120)
    assert process.exitcode == -signal.SIGKILL


def test_killed_again_and_again(tmp_path, source, monkeypatch, capsys):
    monkeypatch.setattr(unfinished_h5, 'CHECKPOINT_BYTES', 1)
    (source / 'v_Z_g01_c01.avi').write_bytes(b'damaged')
    (source / 'v_A_g01_c01.avi').write_bytes(encode(16, size=(400, 226)))    # squeezed
    whole = make(tmp_path / 'whole' / 'a.h5', source)
    path = tmp_path / 'killed' / 'a.h5'
    for n in range(1, 7):
        killed_after(n, path, source)
    assert os.listdir(path.parent) == ['a.h5.unfinished']
    capsys.readouterr()
    summary = make(path, source)
    assert capsys.readouterr().out == (
        f"going on with '{path}.unfinished': 5 of 6 videos are done\n")
    assert (summary.skipped, summary.unusual) == (whole.skipped, whole.unusual)
    assert summary.unusual[400, 226] == ['v_A_g01_c01']
    assert outputs(path.parent) == outputs(tmp_path / 'whole')


@pytest.mark.parametrize('step, n_written', [
    ('write_table', 0), ('write_bytes', 1), ('write_frame', 2), ('finish', 3)])
def test_a_run_killed_at_its_end(tmp_path, source, step, n_written):
    """Before and after the tables are written; tables alone are no reason to refuse."""
    make(tmp_path / 'whole' / 'a.h5', source, pickles=True)
    path = tmp_path / 'killed' / 'a.h5'
    place = module.UnfinishedH5 if step == 'finish' else module
    with mock.patch.object(place, step, side_effect=KeyboardInterrupt), \
            pytest.raises(KeyboardInterrupt):
        make(path, source, pickles=True)
    assert len(os.listdir(path.parent)) == 1 + n_written
    make(path, source, pickles=True)
    assert outputs(path.parent) == outputs(tmp_path / 'whole')


def test_other_arguments_do_not_go_on_with_it(tmp_path, source):
    path = tmp_path / 'a.h5'
    killed_after(2, path, source)
    for name in VIDEOS:
        Image.new('RGB', (8, 8)).save(source / f'{name}_0.png')
    with pytest.raises(DataError, match="with kind='avi' .expected 'png'., resample=.*, names="):
        make(path, source, kind='png', resample='bicubic')
    (source / 'YoYo' / 'v_YoYo_g08_c01.avi').unlink()
    with pytest.raises(DataError, match='is unfinished with videos=4 .expected 3., names='):
        make(path, source, kind='avi')
    make(path, source, kind='avi', overwrite=True)
    assert len(pd.read_csv(tmp_path / 'a_pd.csv')) == 3


@pytest.mark.parametrize('name', ['a.h5', 'a_pd.csv', 'a_conf.pkl', 'a_conf_pd.pkl'])
def test_existing_files_are_replaced_only_when_asked(tmp_path, source, name):
    (tmp_path / name).write_bytes(b'precious')
    with pytest.raises(DataError, match=f'{name}. exists, expected a new name; .*--overwrite'):
        make(tmp_path / 'a.h5', source)
    assert (tmp_path / name).read_bytes() == b'precious'
    make(tmp_path / 'a.h5', source, overwrite=True, pickles=True)
    assert len(image(tmp_path / 'a.h5')) == 86
    files, pickles = {'UCF-101', 'a.h5', 'a_pd.csv'}, {'a_conf.pkl', 'a_conf_pd.pkl'}
    assert {*os.listdir(tmp_path)} == files | pickles
    make(tmp_path / 'a.h5', source, overwrite=True)    # whose pickles would be of another h5 file
    assert {*os.listdir(tmp_path)} == files


@pytest.fixture
def command(here, source):
    """The command, run in a folder with `data` as it expects it."""
    os.mkdir('data')
    source.rename('data/UCF-101')
    lists = Path('data/ucfTrainTestlist')
    lists.mkdir()
    (lists / 'trainlist01.txt').write_text('A/v_Archery_g01_c02.avi 1\nY/v_YoYo_g01_c01.avi 2\n')
    (lists / 'testlist02.txt').write_text('YoYo/v_YoYo_g08_c01.avi\n')
    return lambda *args: main([*args, '--workers', '1'])


@pytest.mark.parametrize('args, stem, ends', [
    ([], 'ucf101_train', [16, 49]), (['--split', 'test', '--fold', '2'], 'ucf101_test02', [17]),
    (['--split', 'all', '--fold', '3'], 'ucf101_all', [20, 36, 69, 86]),
])
def test_default_names_and_splits(command, capsys, args, stem, ends):
    assert command(*args) == 0
    assert pd.read_csv(f'data/{stem}_pd.csv')['end'].tolist() == ends
    output = capsys.readouterr()
    assert f'\nwrote {len(ends)} videos of ' in output.out
    assert output.out.endswith(f' frames, to data/{stem}.h5 and data/{stem}_pd.csv\n')
    assert output.err == ''     # no progress bar where there is no terminal


def test_the_summary_names_what_was_left_out(command, capsys):
    Path('data/UCF-101/v_Z_g01_c01.avi').write_bytes(encode(9))
    Path('data/UCF-101/v_Z_g01_c02.avi').write_bytes(encode(16, size=(400, 226)))
    Path('data/UCF-101/v_Z_g01_c03.AVI').write_bytes(encode(16, size=(320, 240)))
    for name in ('readme.txt', 'v_A.avi', 'b.png', 'a.png'):
        Path('data/UCF-101', name).touch()
    assert command('--split', 'all', '--pickles') == 0
    assert capsys.readouterr().out == (
        'left out 1 videos:\n'
        '  v_Z_g01_c01 has 9 frames, fewer than 16\n'
        'resized 4 videos of 80 x 60 pixels, not 320 x 240: v_Archery_g01_c01, v_Archery_g01_c02, '
        'v_YoYo_g01_c01, ...\n'
        'resized 1 videos of 400 x 226 pixels, not 320 x 240: v_Z_g01_c02\n'
        'ignored 4 other files: data/UCF-101/a.png, data/UCF-101/b.png, data/UCF-101/readme.txt, '
        '...\n'
        'wrote 6 videos of 3 categories, 118 frames, to data/ucf101_all.h5 and '
        'data/ucf101_all_pd.csv\n'
        "wrote for the authors' code data/ucf101_all_conf.pkl data/ucf101_all_conf_pd.pkl\n")
