import io
import multiprocessing
import os
import pickle
import re
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
from tgan_chainer.prepare.ucf101 import find_videos, main, make_ucf101, read_frames

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
    assert command('--split', 'all', '--fold', '3', '--pickles') == 0
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


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'')
    return folder


def write_images(folder, n_frames, size=(320, 240)):
    """Noise, so that every pixel tells where it comes from -> uint8 (T, H, W, 3)."""
    frames = np.random.RandomState(0).randint(0, 256, (n_frames, *size[::-1], 3)).astype(np.uint8)
    for t, frame in enumerate(frames, start=1):
        Image.fromarray(frame).save(folder / f'v_Archery_g01_c01_{t}.png', compress_level=1)
    return frames


def only(folder):
    (video,) = find_videos(folder)[0].values()
    return video


def test_videos_in_the_order_of_their_names(tmp_path):
    touch(tmp_path, 'elsewhere/v_YoYo_g02_c01.avi')
    source = touch(tmp_path / 'source', 'Archery/v_Archery_g10_c02.avi',
                   'Archery/v_Archery_g02_c11.avi', 'v_HandStandPushups_g01_c01.AVI',
                   'readme.txt', 'Archery/._v_Archery_g03_c01.avi', 'Archery/v_Archery_g03.avi',
                   'Archery/v_Archery_g03_c01.png', 'Archery/v_Archery_g03_c01_1.avi')
    (source / 'YoYo').symlink_to(tmp_path / 'elsewhere')
    videos, ignored = find_videos(source)
    assert ignored == [str(source / name) for name in (
        'Archery/._v_Archery_g03_c01.avi', 'Archery/v_Archery_g03.avi',
        'Archery/v_Archery_g03_c01.png', 'Archery/v_Archery_g03_c01_1.avi', 'readme.txt')]
    assert [(name, *video[1:5]) for name, video in videos.items()] == [
        ('v_Archery_g02_c11', 'avi', 'Archery', 2, 11),
        ('v_Archery_g10_c02', 'avi', 'Archery', 10, 2),
        ('v_HandStandPushups_g01_c01', 'avi', 'HandStandPushups', 1, 1),
        ('v_YoYo_g02_c01', 'avi', 'YoYo', 2, 1)]
    assert videos['v_YoYo_g02_c01'].paths == (str(source / 'YoYo' / 'v_YoYo_g02_c01.avi'),)


@pytest.mark.parametrize('names, kind', [
    (['v_A_g01_c01_10.png', 'v_A_g01_c01_9.png'], 'png'),
    (['v_A_g01_c01_010.JPG', 'v_A_g01_c01_0009.jpg'], 'jpg'),
    (['B/v_A_g01_c01/10.PNG', 'B/v_A_g01_c01/9.png'], 'png'),
    (['v_A_g01_c01/00010.jpeg', 'v_A_g01_c01/v_A_g01_c01_9.Jpeg'], 'jpg'),
])
def test_images_in_the_order_of_their_numbers(tmp_path, names, kind):
    touch(tmp_path, *names, 'v_A_g01_c01/readme.txt', 'other/0001.png')
    videos, ignored = find_videos(tmp_path)
    assert videos == {'v_A_g01_c01': (
        'v_A_g01_c01', kind, 'A', 1, 1, tuple(str(tmp_path / name) for name in names[::-1]),
        (9, 10))}
    assert [os.path.basename(path) for path in ignored] == ['0001.png', 'readme.txt']


def test_a_folder_of_several_kinds(tmp_path):
    touch(tmp_path, 'v_A_g01_c01.avi', 'v_A_g01_c02/1.png', 'v_A_g01_c03_1.jpg')
    assert [v.kind for v in find_videos(tmp_path)[0].values()] == ['avi', 'png', 'jpg']
    touch(tmp_path, 'v_A_g01_c02.avi')
    videos, ignored = find_videos(tmp_path, 'avi')
    assert [*videos] == ['v_A_g01_c01', 'v_A_g01_c02']
    assert [os.path.basename(path) for path in ignored] == ['1.png', 'v_A_g01_c03_1.jpg']


@pytest.mark.parametrize('kind, paths, message', [
    (None, [], 'has no .avi or .png or .jpg or .jpeg files of UCF-101.*--source'),
    (None, ['other/v_A_g01.avi'], 'has no .avi or .png or .jpg or .jpeg files of UCF-101'),
    ('png', ['v_A_g01_c01.avi'], 'has no .png files of UCF-101'),
    (None, ['v_A_g01_c02.avi', 'v_A_g01_c02/2.png'],
     "c02.avi' and '.*2.png' are both v_A_g01_c02, .*--kind avi or --kind png, or remove"),
    *((None, paths, f'{paths[-2]}.*{paths[-1]}.* are both {what}v_A_g01_c01, .*; remove the')
      for paths, what in (
        (['a/v_A_g01_c01.avi', 'b/v_A_g01_c01.avi'], ''),
        (['v_A_g01_c01.AVI', 'v_A_g01_c01.avi'], ''),
        (['a/v_A_g01_c01/0.png', 'b/v_A_g01_c01/0.png'], 'image 0 of '),
        (['v_A_g01_c01/1.jpg', 'v_A_g01_c01/3.jpg', 'v_A_g01_c01_03.jpeg'], 'image 3 of '))),
])
def test_a_folder_that_is_refused(tmp_path, kind, paths, message):
    with pytest.raises(DataError, match=message):
        find_videos(touch(tmp_path / 'source', *paths), kind)


@pytest.fixture
def select(tmp_path):
    """Function that selects from A's five videos and one of B by a list of this content."""
    touch(tmp_path, *(f'v_A_g0{k}_c01.avi' for k in range(1, 6)), 'v_B_g01_c01.avi')

    def select(content):
        (tmp_path / 'trainlist01.txt').write_bytes(content)
        return module.select_videos(find_videos(tmp_path)[0], tmp_path / 'trainlist01.txt')
    return select


def test_a_list_chooses(select):
    for text in (b'B/v_B_g01_c01.avi 101\nA/v_A_g04_c01.avi 3\n',
                 b'B/v_B_g01_c01.avi 101\r\n\r\nA/v_A_g04_c01.avi 3\r\n',
                 b'B/v_B_g01_c01.avi\nA/v_A_g04_c01.AVI'):
        assert [video.name for video in select(text)] == ['v_A_g04_c01', 'v_B_g01_c01']


@pytest.mark.parametrize('text, message', [
    (b'', 'names no videos, expected one a line'),
    (b'1 ApplyEyeMakeup\n', "line 1 of '.*' is '1 ApplyEyeMakeup', expected a line such as"),
    (b'A/v_A_g01_c01_1.png\n', "line 1 of '.*' is 'A/v_A_g01_c01_1.png', expected"),
    (b'A/v_A_g01_c01.avi 1\nv_A_g01 1\n', "line 2 of '.*' is 'v_A_g01 1', expected"),
    (b'\xff\xfe\x00', "line 1 of '.*expected a line such as"),
    (b'A/v_A_g01_c01.avi\n\nA/v_A_g01_c01.avi\n', 'line 3 .* names v_A_g01_c01 again, after '
                                                  'line 1; remove'),
    (b'v_A_g01_c01.avi\n' + b''.join(b'v_C_g0%d_c01.avi\n' % k for k in range(5)),
     "list01.txt' names 5 of 6 videos that are not there: v_C_g00_c01, v_C_g01_c01, v_C_g02_c01, "
     '...; complete the data set'),
])
def test_wrong_list(tmp_path, select, text, message):
    with pytest.raises(DataError, match=message):
        select(text)
    with pytest.raises(DataError, match="found no file '.*none.txt'.*TrainTestSplits.*--split all"):
        module.select_videos({}, tmp_path / 'none.txt')


@pytest.mark.parametrize('arguments, size', [
    *(([resample], (320, 240)) for resample in module.FILTERS),
    *(([], size) for size in ((400, 226), (226, 400), (85, 64), (1, 1)))])
def test_frames_are_resized_as_pillow_does_by_default_to_the_nearest_pixel(
        tmp_path, arguments, size):
    frames = write_images(tmp_path, 16, size=size)
    result, note = read_frames(only(tmp_path), *arguments)
    assert note == {'unusual': [size] if size != (320, 240) else []}
    assert (result.dtype, result.shape, result.flags.c_contiguous) == (
        np.uint8, (16, 3, 64, 85), True)
    method = Image.Resampling[(arguments or ['nearest'])[0].upper()]
    for frame, ours in zip(frames, result, strict=True):
        image = Image.fromarray(frame).resize((85, 64), method)
        np.testing.assert_array_equal(ours.transpose(1, 2, 0), image)


def test_images_of_several_sizes_modes_and_formats(tmp_path):
    plain = Image.new('RGB', (85, 64), (10, 100, 50))
    images = [plain.resize((400, 226)), Image.new('L', (85, 64), 7), plain.quantize(),
              *13 * [plain]]
    for t, image in enumerate(images):
        image.save(tmp_path / f'v_A_g01_c01_{t}.JPG', 'png' if t < 3 else 'jpeg')
    frames, note = read_frames(only(tmp_path))
    assert note == {'unusual': [(85, 64), (400, 226)]}
    expected = np.array([(10, 100, 50)] * 16)
    expected[1] = 7
    error = abs(frames - expected[:, :, None, None]).max(axis=(1, 2, 3))
    # JPEG rounds a plain colour by at most 2.
    assert error[:3].max() == 0 and error.max() <= 2


@pytest.mark.parametrize('name', ['v_A_g01_c01.avi', 'v_A_g01_c01_0.png'])
def test_a_disk_that_goes_away_is_no_bad_video(tmp_path, name):
    video = only(touch(tmp_path, name))
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=f"cannot read '.*{name}': No such file"):
        read_frames(video)


WHOLE = ENCODED['v_YoYo_g01_c01']
FLIPPED = bytes(byte ^ 0x5a * (at % 50 == 0 and 1 / 3 < at / len(WHOLE) < 1 / 2)
                for at, byte in enumerate(WHOLE))


def sound():
    buffer = io.BytesIO()
    with wave.open(buffer, 'wb') as file:
        file.setparams((1, 2, 8000, 0, 'NONE', None))
        file.writeframes(bytes(1600))
    return buffer.getvalue()


def png(mode, colour):
    buffer = io.BytesIO()
    Image.new(mode, (85, 64), colour).save(buffer, 'png')
    return buffer.getvalue()


@pytest.mark.parametrize('number, content, reason', [
    (None, b'', 'is damaged or no video'),
    (None, WHOLE[:3000], 'is damaged or no video'),
    (None, WHOLE[:len(WHOLE) * 3 // 4], 'is damaged'),
    # The index, 33 entries of 16 bytes, and a little of the last frame are cut off.
    (None, WHOLE[:-600], 'is damaged, or its end is missing'),
    (None, FLIPPED, 'is damaged'),
    (None, WHOLE.replace(b'XVID', b'ZZZZ'), 'has no video stream that can be decoded'),
    (None, sound(), 'has no video stream that can be decoded'),
    (None, encode(15), 'has 15 frames, fewer than 16'),
    *((9, content, r'v_Archery_g01_c01_9.png is damaged \([^<]*\)$')
      for content in (b'', b'no picture', png('RGB', 0)[:-40])),
    (9, png('I;16', 40000), 'v_Archery_g01_c01_9.png has more than 8 bits a channel'),
    (9, None, 'has image 10 but no 9, expected one for each number from 0 or 1'),
    (1, None, 'has image 2 but no 1, expected'),
])
def test_a_video_that_cannot_be_used(tmp_path, number, content, reason):
    path = tmp_path / 'v_Archery_g01_c01.avi'
    if number:    # of an image
        write_images(tmp_path, 16, size=(85, 64))
        path = tmp_path / f'v_Archery_g01_c01_{number}.png'
        path.unlink()
    if content is not None:
        path.write_bytes(content)
    frames, note = read_frames(only(tmp_path))
    assert frames is None and re.match(reason, note['skipped'])
