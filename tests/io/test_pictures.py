"""Layouts of tgan_chainer.io.pictures are exact; what its encoders lose is bounded."""
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from PIL import Image, ImageSequence

from tests.movies import read_movie
from tgan_chainer.errors import DataError
from tgan_chainer.io import pictures

all_movies = pytest.mark.parametrize('suffix', ['.gif', '.avi', '.mov', '.mp4'])


def smooth_movie(height=48, width=64, n_frames=7):
    """A colour movie without sharp edges, so that halving the resolution of colour costs little."""
    t, y, x = np.ogrid[:n_frames, :height, :width]
    phase = x / width + t / n_frames
    frames = np.stack(np.broadcast_arrays(
        np.sin(3 * phase), np.cos(3 * y / height), np.sin(2 * phase + y / height)), axis=-1)
    return pictures.preview_pixels(frames)


@pytest.mark.filterwarnings('error')
def test_previews_are_truncated_and_what_is_outside_is_clipped():
    x = np.append(np.linspace(-1, 1, 10001), [-0.5, 0.5]).astype(np.float32)
    theirs = np.asarray(x * 127 + 127, dtype=np.uint8)    # what the authors' preview does
    np.testing.assert_array_equal(pictures.preview_pixels(x), theirs)
    assert pictures.preview_pixels(x[-2:]).tolist() == [63, 190]    # of 63.5 and 190.5
    for pixels in (pictures.preview_pixels, pictures.infer_pixels):
        assert pixels(np.array([1.5, np.inf, -1.5, -np.inf, np.nan], 'f')).tolist() == [
            255, 255, 0, 0, 0]


@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_inference_is_rounded_as_opencv_does(tmp_path, dtype):
    halves = np.arange(-520, 1040).astype(dtype) / 2    # -260 to 519.5
    values = np.concatenate([halves, np.nextafter(halves, dtype(-999)),
                             np.nextafter(halves, dtype(999))])
    x = (values - 128) / 128
    cv2.imwrite(str(tmp_path / 'a.png'), (x * 128 + 128)[None])
    theirs = cv2.imread(str(tmp_path / 'a.png'), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(pictures.infer_pixels(x)[None], theirs)


def test_a_long_video_goes_on_in_the_next_row():
    videos = np.arange(2 * 5, dtype=np.uint8).reshape(2, 1, 5, 1, 1)
    assert pictures.frame_sheet(videos, 3)[..., 0].tolist() == [
        [0, 1, 2], [3, 4, 255], [5, 6, 7], [8, 9, 255]]


def test_rows_have_names_beside_them():
    movie = np.zeros((2, 3 * 40, 30, 3), np.uint8)
    named = pictures.name_rows(movie, ['A', '', 'HandstandPushupsOfTwo People'])
    assert named.shape == (2, 120, 30 + pictures.NAMES_WIDTH, 3)
    np.testing.assert_array_equal(named[:, :, :30], movie)
    ink = [(row < 128).sum() for row in np.split(named[0, :, 30:], 3)]
    assert ink[1] == 0 < ink[0] < ink[2]


@pytest.mark.parametrize('channels', [1, 3])
@pytest.mark.parametrize('n, columns, grid', [
    (100, None, (10, 10)), (1, None, (1, 1)), (5, None, (2, 3)), (7, None, (3, 3)), (7, 4, (2, 4)),
    (3, 1, (3, 1))])
def test_grid_shows_videos_as_previews_in_their_places_and_else_black(n, columns, grid, channels):
    videos = np.random.default_rng(0).uniform(-1.2, 1.2, (n, channels, 2, 3, 5))
    pixels = pictures.preview_pixels(videos)
    np.testing.assert_array_equal(pictures.frame_sheet(videos), pictures.frame_sheet(pixels))
    movie = pictures.tile_movie(videos, columns)
    assert movie.shape == (2, 3 * grid[0], 5 * grid[1], 3)
    for place, (y, x) in enumerate(np.ndindex(grid)):
        expected = pixels[place].transpose(1, 2, 3, 0) if place < n else 0
        shown = movie[:, 3 * y:3 * y + 3, 5 * x:5 * x + 5]
        np.testing.assert_array_equal(shown, np.broadcast_to(expected, shown.shape))


def test_arrays_that_are_no_videos():
    for shape in ((3, 16, 64, 64), (2, 2, 4, 8, 8), (0, 3, 4, 8, 8)):
        for layout in (pictures.frame_sheet, pictures.tile_movie, pictures.frame_borders):
            with pytest.raises(ValueError, match='videos must be'):
                layout(np.zeros(shape))


def test_png_is_exact(tmp_path):
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    colour = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    for saved, channels, read in ((colour, 3, colour), (np.repeat(grey, 3, axis=2), 1, grey),
                                  (grey[..., 0], 1, grey)):
        pictures.save_png(tmp_path / 'a.png', saved)
        np.testing.assert_array_equal(pictures.read_png(tmp_path / 'a.png', channels), read)


def test_pictures_that_cannot_be_read(tmp_path):
    with pytest.raises(DataError, match='a.png: No such file or directory. Give the path'):
        pictures.read_png(tmp_path / 'a.png')
    pictures.save_png(tmp_path / 'a.png', np.zeros((90, 90, 3), np.uint8))
    data = (tmp_path / 'a.png').read_bytes()
    for damaged in (b'text', data[:60], data[:45] + bytes(9) + data[54:]):
        (tmp_path / 'a.png').write_bytes(damaged)
        with pytest.raises(DataError, match='a.png: not a PNG that can be read'):
            pictures.read_png(tmp_path / 'a.png')


@all_movies
@pytest.mark.parametrize('size, even', [((33, 48), (34, 48)), ((1, 1), (2, 2))])
def test_odd_sides_become_even_and_frames_that_do_not_change_are_all_there(
        tmp_path, suffix, size, even):
    frames = np.full((5, *size, 3), 200, np.uint8)
    pictures.save_movie(tmp_path / f'a{suffix}', frames)
    decoded = read_movie(tmp_path / f'a{suffix}')
    assert decoded.shape == (5, *(size if suffix == '.gif' else even), 3)
    # Flat grey has no colour or detail to lose: what is left is the rounding of YUV, measured 1.
    assert np.abs(decoded.astype(int) - 200).max() <= 2


@pytest.mark.parametrize('suffix, codec, codecs', [
    ('.avi', 'mpeg4', None), ('.mov', 'h264', None), ('.MP4', 'h264', None),
    ('.mov', 'mpeg4', {'mpeg4', 'gif'}), ('.mp4', 'mpeg4', {'mpeg4', 'gif'})])    # no libx264
def test_codec_pixel_format_rate_and_loss(tmp_path, monkeypatch, suffix, codec, codecs):
    monkeypatch.setattr(av, 'codecs_available', codecs or av.codecs_available)
    frames, path = smooth_movie(), tmp_path / f'a{suffix}'
    pictures.save_movie(path, frames, fps=12.5)
    with av.open(str(path)) as movie:
        stream = movie.streams.video[0]
        context = stream.codec_context
        assert (context.name, stream.pix_fmt, stream.average_rate) == (codec, 'yuv420p', 12.5)
        if codec == 'h264':    # which says what YUV it is: BT.601, 16..235
            assert (context.colorspace, context.color_range) == (5, 1)
    error = np.abs(read_movie(path).astype(int) - frames)
    # YUV has 219 levels for 256, is rounded twice and then quantised: measured 2.05 on average, 11
    # at most. Tagged with the wrong matrix (BT.709 for 601) it was 7.8 and 39.
    assert error.mean() < 3
    assert error.max() < 20


def as_the_ffmpeg_command_converts(pictures_of_png, pixel_format):
    """Frames as PNGs hold them, through the filter that the command puts before its encoder."""
    height, width = pictures_of_png.shape[1:3]
    graph = av.filter.Graph()
    graph.link_nodes(
        graph.add_buffer(width=width, height=height, format=pixel_format,
                         time_base=Fraction(1, 25)),
        graph.add('scale'), graph.add('format', 'yuv420p'), graph.add('buffersink')).configure()
    for picture in pictures_of_png:
        graph.push(av.VideoFrame.from_ndarray(picture, format=pixel_format))
        yield graph.pull().to_ndarray()


@pytest.mark.parametrize('channels, pixel_format', [(3, 'rgb24'), (1, 'gray')])
def test_movie_of_inference_is_not_compressed(tmp_path, channels, pixel_format):
    png = np.random.default_rng(0).integers(0, 256, (3, 48, 64, channels), np.uint8)
    paths = pictures.save_movies(tmp_path / 'a', np.repeat(png, 3 // channels, axis=-1))
    assert [path.name for path in paths] == ['a.avi', 'a.mp4', 'a.gif']
    with av.open(str(paths[0])) as movie:
        stream = movie.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.codec_tag) == ('rawvideo', 'I420')
        assert (stream.pix_fmt, stream.average_rate) == ('yuv420p', 25)
        frames = [frame.to_ndarray() for frame in movie.decode(stream)]
    png = png[..., 0] if channels == 1 else png
    np.testing.assert_array_equal(frames, list(as_the_ffmpeg_command_converts(png, pixel_format)))
    for path in paths[1:]:
        with av.open(str(path)) as movie:
            assert movie.streams.video[0].average_rate == 25


@all_movies
def test_same_frames_same_bytes(tmp_path, suffix):
    # Without cpu-independent=1, x264 wrote up to eight different files of this movie.
    path, written = tmp_path / f'a{suffix}', set()
    for _ in range(20):
        pictures.save_movie(path, smooth_movie(80, 48, 12))
        written.add(path.read_bytes())
    assert len(written) == 1


def test_gif_of_few_colours_is_exact_and_of_many_does_not_flicker(tmp_path):
    rng = np.random.default_rng(0)
    grey = np.repeat(rng.integers(0, 256, (4, 31, 33, 1), np.uint8), 3, axis=3)
    few = rng.integers(0, 256, (200, 3), np.uint8)[rng.integers(0, 200, (4, 30, 30))]
    for shown in (grey, grey[::2, ::2, ::-2], few):    # one not contiguous
        pictures.save_movie(tmp_path / 'a.gif', shown)
        np.testing.assert_array_equal(read_movie(tmp_path / 'a.gif'), shown)
    many = np.repeat(smooth_movie()[:1], 4, axis=0)    # some 3,000
    many[:, :8, :8] = rng.integers(0, 256, (4, 8, 8, 3), np.uint8)
    pictures.save_movie(tmp_path / 'a.gif', many)
    decoded = read_movie(tmp_path / 'a.gif')[:, 8:]
    assert (decoded == decoded[0]).all()
    # 256 colours have to do: measured 4 levels on average.
    assert np.abs(decoded.astype(int) - many[:, 8:]).mean() < 8


def test_gif_loops_forever_at_its_rate(tmp_path):
    for fps, milliseconds in ((10, 100), (25, 40)):
        pictures.save_movie(tmp_path / 'a.gif', smooth_movie(), fps)
        with Image.open(tmp_path / 'a.gif') as image:
            assert image.info['loop'] == 0
            assert [frame.info['duration'] for frame in ImageSequence.Iterator(image)] == [
                milliseconds] * 7


@pytest.mark.parametrize('name, frames, error, message', [
    *((name, smooth_movie(), DataError, f'{name}: unknown movie format "{Path(name).suffix}". Use '
       'one of .avi, .gif, .mov, .mp4.') for name in ('a.webm', 'a', 'a.mp4.txt')),
    *(('a.mp4', frames, ValueError, 'frames must be uint8') for frames in (
        np.zeros((2, 8, 8, 3)), np.zeros((2, 8, 8, 1), 'u1'), np.zeros((0, 8, 8, 3), 'u1')))])
def test_what_is_no_movie(tmp_path, name, frames, error, message):
    with pytest.raises(error, match=message):
        pictures.save_movie(tmp_path / name, frames)
    assert not any(tmp_path.iterdir())


def test_failing_encoder_leaves_the_old_movie(tmp_path, monkeypatch):
    path = tmp_path / 'a.mp4'
    path.write_bytes(b'old')
    monkeypatch.setattr(av, 'VideoFrame', None)
    with pytest.raises(AttributeError):
        pictures.save_movie(path, smooth_movie())
    assert [*tmp_path.iterdir()] == [path] and path.read_bytes() == b'old'
