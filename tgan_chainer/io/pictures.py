"""Videos as images and movies: sheets, grids, PNG, GIF, and MP4, MOV and AVI.

Videos are NumPy arrays (N, C, T, H, W) with C = 1 (grey) or 3 (RGB): floats in [-1, 1], which are
shown as previews are, or uint8. Images are uint8 (H, W, 3), movies uint8 (T, H, W, 3); other arrays
are a ValueError. Layouts follow the authors' preview and inference (FACTS §10). What cannot be read
or written is a DataError. Movies are encoded by PyAV, the extra [video].
"""
import io
import math
import textwrap
from fractions import Fraction
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image, ImageDraw

from tgan_chainer.errors import ConfigError, DataError
from tgan_chainer.io import files

try:
    import av
except ImportError:
    av = None

VIDEO_EXTRA = 'pip install "tgan_chainer[video]"'    #: What brings PyAV.
NAMES_WIDTH = 100    #: Of a column of names, in pixels.
FPS = 10    #: Frames per second of the authors' previews.
INFER_FPS = 25    #: Of the movies of inference: ffmpeg's choice, which the authors left to it.

# The choices of ffmpeg itself for these suffixes, which the authors' previews were made with.
_CODECS = {'.avi': 'mpeg4', '.gif': 'gif', '.mov': 'libx264', '.mp4': 'libx264'}

# Constant quality at which the loss of these codecs is hard to see. MPEG-4's is the quantiser 2 of
# 1..31, in units of 1/118. x264 shares its work out by the number of cores and picks some
# algorithms by CPU and by where its memory lies; told not to, it writes the same bytes each time.
# This preset takes a quarter of the time of ffmpeg's, for files of the same size and look.
_OPTIONS = {'libx264': {'crf': '18', 'preset': 'veryfast', 'threads': '1',
                        'x264-params': 'cpu-independent=1'},
            'mpeg4': {'flags': '+qscale', 'global_quality': str(2 * 118)}}


def preview_pixels(x):
    """Floats in [-1, 1] -> uint8 of the authors' previews: x * 127 + 127, truncated (FACTS §11).

    What lies outside becomes 0 or 255, NaN becomes 0.
    """
    return _to_uint8(x * 127 + 127)


def infer_pixels(x):
    """The same of inference: x * 128 + 128, as OpenCV's imwrite rounds floats, halves to even."""
    return _to_uint8(np.rint(x * 128 + 128))


def _to_uint8(values):
    return np.nan_to_num(np.clip(values, 0, 255)).astype(np.uint8)


def enlarge(videos, scale):
    """Videos (N, C, T, H, W) -> (N, C, T, scale H, scale W), every pixel a square of its own."""
    return videos.repeat(scale, axis=3).repeat(scale, axis=4)


def frame_sheet(videos, columns=None):
    """Videos -> uint8 (N * H, T * W, 3), the authors' preview: frames side by side, a row for each.

    With ``columns`` one goes on in the next row after as many frames; places left over are white.
    """
    pixels = _rgb_pixels(videos)
    _, t, h, w, _ = pixels.shape
    columns = min(columns or t, t)
    pixels = np.pad(pixels, ((0, 0), (0, -t % columns), *[(0, 0)] * 3), constant_values=255)
    return _grid(pixels.reshape(-1, h, w, 3), columns)


def name_rows(frames, names):
    """Images (..., H, W, 3) of len(names) equal rows -> with a column of names, if any, at right.

    It is :data:`NAMES_WIDTH` pixels wide. Long names go on in a next line.
    """
    if not names:
        return frames
    height = frames.shape[-3] // len(names)
    column = Image.new('RGB', (NAMES_WIDTH, frames.shape[-3]), 'white')
    for row, name in enumerate(names):
        ImageDraw.Draw(column).multiline_text(
            (4, (row + 0.5) * height), '\n'.join(textwrap.wrap(name, 16)), 'black', anchor='lm')
    column = np.broadcast_to(np.array(column), (*frames.shape[:-2], NAMES_WIDTH, 3))
    return np.concatenate([frames, column], axis=-2)


def frame_borders(videos, every=None):
    """Videos -> uint8 (N, 3, T, H + 4, W + 4) with a border of 2 pixels around every frame.

    It is red around each ``every``-th, from the first, and white around others.
    """
    pixels = _rgb_pixels(videos)
    n, t, h, w, _ = pixels.shape
    framed = np.full((n, t, h + 4, w + 4, 3), 255, np.uint8)
    if every:
        framed[:, ::every] = 214, 39, 40
    framed[:, :, 2:-2, 2:-2] = pixels
    return framed.transpose(0, 4, 1, 2, 3)


def columns_of(every):
    """Frames after which an image wraps so that every row starts with an ``every``-th one."""
    return every * max(1, 16 // every)


def split_sheet(sheet, height, width):
    """Cut uint8 (N * height, T * width, C) of :func:`frame_sheet` -> (N, C, T, height, width)."""
    rows, columns, channels = sheet.shape
    if rows % height or columns % width:
        raise DataError(f'a sheet of {columns}x{rows} pixels does not hold whole frames of '
                        f'{width}x{height} (width x height). Give the size of its frames.')
    frames = sheet.reshape(rows // height, height, columns // width, width, channels)
    return frames.transpose(0, 4, 2, 1, 3)


def tile_movie(videos, columns=None):
    """Videos -> movie (T, rows * H, columns * W, 3) of all in a grid, row by row, else black.

    Without ``columns`` there are as many as the square root of N, rounded up.
    """
    columns = columns or math.ceil(math.sqrt(len(videos)))
    return _grid(np.pad(_rgb_pixels(videos), ((0, -len(videos) % columns), *[(0, 0)] * 4)), columns)


def _grid(images, columns):
    """(rows * columns, ..., H, W, 3) -> (..., rows * H, columns * W, 3), row by row."""
    rows, (h, w) = len(images) // columns, images.shape[-3:-1]
    grid = np.moveaxis(images.reshape(rows, columns, *images.shape[1:]), (0, 1), (-5, -3))
    return grid.reshape(*grid.shape[:-5], rows * h, columns * w, 3)


def _rgb_pixels(videos):
    """Videos (N, C, T, H, W) -> uint8 (N, T, H, W, 3)."""
    if videos.ndim != 5 or videos.shape[1] not in (1, 3) or 0 in videos.shape:
        raise ValueError(f'videos must be (N, 1 or 3, T, H, W) and not empty, got {videos.shape}')
    pixels = videos if videos.dtype == np.uint8 else preview_pixels(videos)
    return np.repeat(pixels.transpose(0, 2, 3, 4, 1), 3 // pixels.shape[1], axis=-1)


def save_png(path, image):
    """Write an image, uint8 (H, W, 3), or (H, W) for a grey file, as PNG whatever the suffix."""
    with files.atomic_path(path) as temporary:
        # Pillow's own level takes four times as long, for a twentieth of the size.
        Image.fromarray(image).save(temporary, 'PNG', compress_level=1)


def read_png(path, channels=3):
    """Read a PNG image -> uint8 (H, W, channels), RGB, or with 1 channel its luminance."""
    try:
        with Image.open(path, formats=['PNG']) as image:
            pixels = np.array(image.convert('L' if channels == 1 else 'RGB'))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        # Pillow's name for a damaged PNG is SyntaxError.
        reason = getattr(error, 'strerror', None) or 'not a PNG that can be read'
        raise DataError(f'cannot read {path}: {reason}. Give the path of a PNG image.') from error
    return pixels.reshape(*pixels.shape[:2], channels)


def require_av():
    """Raise a ConfigError where PyAV is missing: before anything is made or written."""
    if av is None:
        raise ConfigError('PyAV, which reads and writes movies, is not installed or cannot start: '
                          f'{VIDEO_EXTRA}')


def save_movie(path, frames, fps=FPS, raw=False):
    """Write a movie in the format of its suffix; a DataError for an unknown one.

    ``.mp4`` and ``.mov`` are H.264, or MPEG-4 where PyAV was built without libx264; ``.avi`` is
    MPEG-4, or with ``raw`` not compressed; all in yuv420p, which every player shows, and which
    needs even sides: the last row or column is repeated. A ``.gif`` loops forever, in one palette
    and not dithered, so that what does not move does not flicker; up to 256 colours are kept
    exactly. Browsers slow down more than 50 frames a second.
    """
    require_av()
    suffix = Path(path).suffix.lower()
    if suffix not in _CODECS:
        raise DataError(f'cannot write {path}: unknown movie format "{suffix}". Use one of '
                        f'{", ".join(_CODECS)}.')
    if frames.ndim != 4 or frames.shape[3] != 3 or 0 in frames.shape or frames.dtype != np.uint8:
        raise ValueError(f'frames must be uint8 (T, H, W, 3) and not empty, '
                         f'got {frames.dtype} {frames.shape}')
    codec = 'rawvideo' if raw else _CODECS[suffix]
    codec = codec if codec in av.codecs_available else 'mpeg4'
    files.write_bytes(path, _encode(
        frames, suffix[1:], codec, Fraction(fps).limit_denominator(1000)))


def save_movies(stem, frames, fps=INFER_FPS):
    """Write the authors' movie of infer.py, STEM.avi, not compressed (FACTS §11) -> list of paths.

    The .mp4 and .gif beside it are smaller, and for browsers.
    """
    paths = [Path(f'{stem}{suffix}') for suffix in ('.avi', '.mp4', '.gif')]
    for path in paths:
        save_movie(path, frames, fps, raw=path.suffix == '.avi')
    return paths


def save_strips(stem, videos, names, columns=None):
    """Write each of uint8 ``videos`` (N, C, T, H, W) as a :func:`frame_sheet` -> their paths.

    With ``names`` of categories, each has as many videos as the others, one after another. A sheet
    of a grey video has one channel, as the authors' have (FACTS §11).
    """
    each = len(videos) // max(1, len(names))
    for i, video in enumerate(videos):
        # Quoted: a category may be called by what a file may not.
        category = f'_{quote(names[i // each], safe="")}' if names else ''
        path = Path(f'{stem}{category}_{i % each}.png')
        sheet = frame_sheet(video[np.newaxis], columns)
        save_png(path, sheet[..., 0] if len(video) == 1 else sheet)
        yield path


def _encode(frames, container, codec, rate):
    """A movie (T, H, W, 3) as the bytes of a file."""
    buffer = io.BytesIO()
    with av.open(buffer, 'w', format=container) as output:
        stream = output.add_stream(codec, rate=rate, options=_OPTIONS.get(codec, {}))
        if codec == 'gif':
            stream.pix_fmt, encoded = 'pal8', _gif_frames(frames)
        else:
            even = ((0, side % 2) for side in frames.shape[1:3])
            frames = np.pad(frames, ((0, 0), *even, (0, 0)), 'edge')
            stream.pix_fmt, encoded = 'yuv420p', _yuv_frames(frames)
            # AVCOL_SPC_BT470BG and AVCOL_RANGE_MPEG, as swscale turns RGB into YUV. Players would
            # take a movie of 720 rows or more for BT.709 if the file did not say.
            stream.codec_context.colorspace, stream.codec_context.color_range = 5, 1
        stream.height, stream.width = frames.shape[1:3]
        for number, frame in enumerate(encoded):
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def _yuv_frames(frames):
    """Yield (T, H, W, 3) as PyAV's frames in yuv420p, converted as ffmpeg converts PNGs.

    It takes the bicubic filter, where PyAV would take the bilinear one; and the authors' PNGs of
    grey videos have one channel, from which the conversion rounds otherwise than from three.
    """
    is_grey = (frames == frames[..., :1]).all()
    for pixels in np.ascontiguousarray(frames[..., 0] if is_grey else frames):
        frame = av.VideoFrame.from_ndarray(pixels, format='gray' if is_grey else 'rgb24')
        yield frame.reformat(format='yuv420p', interpolation='BICUBIC')


def _gif_frames(frames):
    """Yield (T, H, W, 3) as PyAV's frames in one palette of 256 colours for all of them."""
    height, width = frames.shape[1:3]
    sheet = Image.fromarray(frames.reshape(-1, width, 3)).quantize()
    palette = np.roll(np.resize(sheet.getpalette('RGBA'), (256, 4)), 1, axis=1).astype(np.uint8)
    for colours in np.asarray(sheet).reshape(-1, height, width):
        yield av.VideoFrame.from_ndarray((colours, palette), 'pal8')
