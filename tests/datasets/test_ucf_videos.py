import re

import numpy as np
import pytest
from PIL import Image

from tgan_chainer.datasets.ucf_videos import (
    FILTERS,
    UnusableVideo,
    find_videos,
    read_frames,
    read_split_list,
    select_videos,
)
from tgan_chainer.errors import DataError


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'')
    return folder


def write_pictures(folder, n_frames, name='v_Archery_g01_c01', first=1, size=(320, 240), seed=0):
    """Noise, so that every pixel tells where it comes from -> uint8 (T, H, W, 3)."""
    r = np.random.RandomState(seed)
    frames = r.randint(0, 256, (n_frames, *size[::-1], 3)).astype(np.uint8)
    folder.mkdir(parents=True, exist_ok=True)
    for t, frame in enumerate(frames, start=first):
        Image.fromarray(frame).save(folder / f'{name}_{t}.png', compress_level=1)
    return frames


def only(folder):
    (video,) = find_videos(folder)[1].values()
    return video


# -- finding ---------------------------------------------------------------------------------------

def test_videos_in_the_order_of_their_names(tmp_path):
    touch(tmp_path, 'YoYo/v_YoYo_g02_c01.avi', 'Archery/v_Archery_g10_c02.avi',
          'Archery/v_Archery_g02_c11.avi', 'v_HandStandPushups_g01_c01.avi',
          'readme.txt', 'Archery/._v_Archery_g03_c01.avi', 'Archery/v_Archery_g03.avi')
    kind, videos = find_videos(tmp_path)
    assert kind == 'avi'
    assert list(videos) == ['v_Archery_g02_c11', 'v_Archery_g10_c02', 'v_HandStandPushups_g01_c01',
                            'v_YoYo_g02_c01']
    assert [(v.category, v.group, v.scene) for v in videos.values()] == [
        ('Archery', 2, 11), ('Archery', 10, 2), ('HandStandPushups', 1, 1), ('YoYo', 2, 1)]
    assert videos['v_YoYo_g02_c01'].paths == (str(tmp_path / 'YoYo' / 'v_YoYo_g02_c01.avi'),)


def test_pictures_in_the_order_of_their_numbers(tmp_path):
    touch(tmp_path, *(f'v_Archery_g01_c01_{t}.png' for t in (10, 9, 11)), 'a/v_YoYo_g01_c02_0.png')
    kind, videos = find_videos(tmp_path)
    assert kind == 'png'
    assert list(videos) == ['v_Archery_g01_c01', 'v_YoYo_g01_c02']
    assert videos['v_Archery_g01_c01'].numbers == (9, 10, 11)
    assert [path[-6:] for path in videos['v_Archery_g01_c01'].paths] == ['_9.png', '10.png',
                                                                         '11.png']


def test_both_kinds(tmp_path):
    touch(tmp_path, 'v_A_g01_c01.avi', 'v_A_g01_c01_1.png', 'v_A_g01_c01_2.png')
    with pytest.raises(DataError, match='has 1 videos as .avi files and 1 as .png pictures.*--kin'):
        find_videos(tmp_path)
    for kind in ('avi', 'png'):
        assert find_videos(tmp_path, kind)[0] == kind


@pytest.mark.parametrize('kind, found', [(None, '.avi or .png'), ('png', '.png')])
def test_no_videos(tmp_path, kind, found):
    touch(tmp_path, 'other/v_A_g01.avi')
    if kind:
        touch(tmp_path, 'v_A_g01_c01.avi')
    for folder in (tmp_path, tmp_path / 'nowhere')[:1 if kind else 2]:
        with pytest.raises(DataError, match=f'has no {found} files of UCF-101.*--source'):
            find_videos(folder, kind)


def test_a_video_that_is_there_twice(tmp_path):
    touch(tmp_path, 'a/v_A_g01_c01.avi', 'b/v_A_g01_c01.avi')
    with pytest.raises(DataError, match='are both v_A_g01_c01, expected one file; remove'):
        find_videos(tmp_path)


# -- split lists -----------------------------------------------------------------------------------

def listed(tmp_path, text):
    (tmp_path / 'trainlist01.txt').write_bytes(text)
    return read_split_list(tmp_path / 'trainlist01.txt')


@pytest.mark.parametrize('text', [
    b'YoYo/v_YoYo_g08_c01.avi 101\nArchery/v_Archery_g08_c02.avi 3\n',
    b'YoYo/v_YoYo_g08_c01.avi 101\r\n\r\nArchery/v_Archery_g08_c02.avi 3\r\n',
    b'YoYo/v_YoYo_g08_c01.avi\nArchery/v_Archery_g08_c02.avi',
])
def test_split_list(tmp_path, text):
    assert listed(tmp_path, text) == ['v_Archery_g08_c02', 'v_YoYo_g08_c01']


@pytest.mark.parametrize('text, message', [
    (b'', 'names no videos, expected one a line'),
    (b'1 ApplyEyeMakeup\n', "line 1 of '.*' is '1 ApplyEyeMakeup', expected a line such as"),
    (b'A/v_A_g01_c01.avi 1\nv_A_g01 1\n', "line 2 of '.*' is 'v_A_g01 1', expected"),
    (b'\xff\xfe\x00', "line 1 of '.*expected a line such as"),
    (b'A/v_A_g01_c01.avi\n\nA/v_A_g01_c01.avi\n', 'line 3 .* names v_A_g01_c01.avi again, after '
                                                  'line 1; remove'),
])
def test_wrong_list(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        listed(tmp_path, text)


def test_missing_list(tmp_path):
    with pytest.raises(DataError, match="found no file '.*none.txt'.*TrainTestSplits.*--split all"):
        read_split_list(tmp_path / 'none.txt')


def test_a_list_chooses(tmp_path):
    touch(tmp_path, *(f'v_A_g0{k}_c01.avi' for k in range(1, 6)))
    _, videos = find_videos(tmp_path)
    chosen = select_videos(videos, ['v_A_g02_c01', 'v_A_g04_c01'], 'list')
    assert [video.group for video in chosen] == [2, 4]
    names = ['v_A_g02_c01', *(f'v_B_g0{k}_c01' for k in range(1, 6))]
    found = re.escape("'list' names 5 of 6 videos that are not there: v_B_g01_c01, v_B_g02_c01, "
                      'v_B_g03_c01, ...; complete the data set')
    with pytest.raises(DataError, match=found):
        select_videos(videos, names, 'list')
    with pytest.raises(DataError, match='names 1 of 2 videos that are not there: v_B_g01_c01; '):
        select_videos(videos, names[:2], 'list')


# -- reading pictures ------------------------------------------------------------------------------

@pytest.mark.parametrize('resample', FILTERS)
def test_frames_are_resized_as_pillow_does(tmp_path, resample):
    frames = write_pictures(tmp_path, 16)
    result = read_frames(only(tmp_path), resample)
    assert (result.dtype, result.shape, result.flags.c_contiguous) == (
        np.uint8, (16, 3, 64, 85), True)
    for frame, ours in zip(frames, result, strict=True):
        picture = Image.fromarray(frame).resize((85, 64), Image.Resampling[resample.upper()])
        np.testing.assert_array_equal(ours.transpose(1, 2, 0), picture)


def test_the_default_takes_the_nearest_pixel(tmp_path):
    frames = write_pictures(tmp_path, 16)
    rows = (np.arange(64) * 240 + 120) // 64
    columns = (np.arange(85) * 320 + 160) // 85
    ours = read_frames(only(tmp_path)).transpose(0, 2, 3, 1)
    # At column 8 (and every 17 from there) the middle lies between two pixels; rounding decides.
    clear = (np.arange(85) * 320 + 160) % 85 != 0
    assert clear.sum() == 80
    np.testing.assert_array_equal(ours[:, :, clear],
                                  frames[:, rows[:, None], columns[clear]])


def test_frames_of_the_final_size_are_kept(tmp_path):
    frames = write_pictures(tmp_path, 16, size=(85, 64))
    np.testing.assert_array_equal(read_frames(only(tmp_path)).transpose(0, 2, 3, 1), frames)


def test_grey_and_palette_pictures_are_read_as_rgb(tmp_path):
    write_pictures(tmp_path, 16, size=(85, 64))
    Image.new('L', (85, 64), 7).save(tmp_path / 'v_Archery_g01_c01_1.png')
    Image.new('RGB', (85, 64), (1, 2, 3)).quantize().save(tmp_path / 'v_Archery_g01_c01_2.png')
    frames = read_frames(only(tmp_path))
    assert (frames[0] == 7).all()
    assert (frames[1].reshape(3, -1).T == [1, 2, 3]).all()


@pytest.mark.parametrize('n_frames, size, message', [
    (15, (320, 240), 'has 15 frames, fewer than 16'),
    (16, (240, 320), 'is 240 x 320 pixels, not 4:3'),
    (16, (86, 64), 'is 86 x 64 pixels, not 4:3'),
])
def test_pictures_that_cannot_be_used(tmp_path, n_frames, size, message):
    write_pictures(tmp_path, n_frames, size=size)
    with pytest.raises(UnusableVideo, match=message):
        read_frames(only(tmp_path))


@pytest.mark.parametrize('content', [b'', b'no picture', None])
def test_a_damaged_picture(tmp_path, content):
    write_pictures(tmp_path, 16, size=(85, 64))
    path = tmp_path / 'v_Archery_g01_c01_9.png'
    path.write_bytes(path.read_bytes()[:3000] if content is None else content)
    with pytest.raises(UnusableVideo, match='v_Archery_g01_c01_9.png is damaged'):
        read_frames(only(tmp_path))


def test_a_missing_picture(tmp_path):
    write_pictures(tmp_path, 17, size=(85, 64), first=0)
    video = only(tmp_path)
    (tmp_path / 'v_Archery_g01_c01_3.png').unlink()
    with pytest.raises(DataError, match="cannot read '.*_3.png': No such file"):
        read_frames(video)
    with pytest.raises(UnusableVideo, match='has 16 pictures numbered 0 to 16, not one for each'):
        read_frames(only(tmp_path))
    (tmp_path / 'v_Archery_g01_c01_03.png').write_bytes(b'')
    (tmp_path / 'v_Archery_g01_c01_4.png').rename(tmp_path / 'v_Archery_g01_c01_003.png')
    with pytest.raises(UnusableVideo, match='has 17 pictures numbered 0 to 16, not one for each'):
        read_frames(only(tmp_path))
