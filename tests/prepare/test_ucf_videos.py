import io
import os
import re

import numpy as np
import pytest
from PIL import Image

from tgan_chainer.errors import DataError
from tgan_chainer.prepare import ucf_videos
from tgan_chainer.prepare.ucf_videos import find_videos, read_frames


def unusable(folder):
    """Why the only video in a folder cannot be used."""
    frames, note = read_frames(only(folder))
    assert frames is None
    return note['skipped']


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
        return ucf_videos.select_videos(find_videos(tmp_path)[0], tmp_path / 'trainlist01.txt')
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
        ucf_videos.select_videos({}, tmp_path / 'none.txt')


@pytest.mark.parametrize('arguments, size', [
    *(([resample], (320, 240)) for resample in ucf_videos.FILTERS),
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


def png(mode, colour):
    buffer = io.BytesIO()
    Image.new(mode, (85, 64), colour).save(buffer, 'png')
    return buffer.getvalue()


@pytest.mark.parametrize('content, message', [
    (b'', r'_9.png is damaged \([^<]*\)$'), (b'no picture', r'_9.png is damaged \([^<]*\)$'),
    (png('RGB', 0)[:-40], r'_9.png is damaged \([^<]*\)$'),
    (png('I;16', 40000), 'c01_9.png has more than 8 bits a channel'),
])
def test_an_image_that_cannot_be_used(tmp_path, content, message):
    write_images(tmp_path, 16, size=(85, 64))
    (tmp_path / 'v_Archery_g01_c01_9.png').write_bytes(content)
    assert re.search(message, unusable(tmp_path))


@pytest.mark.parametrize('name', ['v_A_g01_c01.avi', 'v_A_g01_c01_0.png'])
def test_a_disk_that_goes_away_is_no_bad_video(tmp_path, name):
    video = only(touch(tmp_path, name))
    (tmp_path / name).unlink()
    with pytest.raises(DataError, match=f"cannot read '.*{name}': No such file"):
        read_frames(video)


@pytest.mark.parametrize('numbers, message', [
    ([*range(3), *range(4, 18)], 'has image 4 but no 3, expected one for each number from 0 or 1'),
    ([1, *range(3, 20)], 'has image 3 but no 2'),
    (range(2, 20), 'has image 2 but no 1'),
])
def test_a_gap(tmp_path, numbers, message):
    touch(tmp_path, *(f'v_A_g01_c01/{number}.png' for number in numbers))
    assert re.search(message, unusable(tmp_path))
