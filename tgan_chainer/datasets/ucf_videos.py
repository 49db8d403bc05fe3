"""The videos of UCF-101 as they are published, or as pictures: finding and reading them."""
import io
import os
import re
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import av
import numpy as np
from PIL import Image

from tgan_chainer.datasets.checks import require_file
from tgan_chainer.errors import DataError

HEIGHT, WIDTH = 64, 85   # of a frame that is kept: 85 is 64 * 320 / 240, rounded down
FRAME_SHAPE = 3, HEIGHT, WIDTH
MIN_FRAMES = 16
FILTERS = 'nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'
"""Ways to resize, by Pillow's names."""

KINDS = 'avi', 'png'

_NAME = r'(v_(.+)_g(\d+)_c(\d+))'   # whole name, category, group, scene
_PATTERNS = {'avi': re.compile(_NAME + r'()\.avi'), 'png': re.compile(_NAME + r'_(\d+)\.png')}


class Video(NamedTuple):
    """A video of the data set.

    Attributes:
        name: v_CATEGORY_gNN_cNN.
        category, group, scene: What the name says: str, int, int.
        paths: Its file, or its pictures in the order of time.
        numbers: Their numbers; none for a file.
    """

    name: str
    category: str
    group: int
    scene: int
    paths: tuple
    numbers: tuple = ()


class UnusableVideo(Exception):
    """A video is damaged, too short, or of another shape; the message says which."""


def find_videos(folder, kind=None):
    """Find the videos below a folder, however deep, by their names.

    Args:
        folder: Holds `v_CATEGORY_gNN_cNN.avi` files, or `v_CATEGORY_gNN_cNN_T.png` pictures with
            the number T of the frame.
        kind: 'avi' or 'png', needed only where there are both.

    Returns:
        kind, and {name: Video}.

    Raises:
        DataError: There are none, or both kinds, or two files of one video.
    """
    files = {known: defaultdict(list) for known in KINDS}
    for path in _paths(folder):
        for known, pattern in _PATTERNS.items():
            if match := pattern.fullmatch(os.path.basename(path)):
                files[known][match[1]].append((int(match[5] or 0), path))
    kinds = [known for known in KINDS if files[known] and kind in (None, known)]
    if not kinds:
        wanted = f'.{kind}' if kind else '.avi or .png'
        raise DataError(
            f"'{folder}' has no {wanted} files of UCF-101, expected v_CATEGORY_gNN_cNN.avi or "
            'v_CATEGORY_gNN_cNN_T.png, in folders or not; unpack the data set there, or name its '
            'place with --source')
    if len(kinds) > 1:
        raise DataError(
            f"'{folder}' has {len(files['avi'])} videos as .avi files and {len(files['png'])} as "
            '.png pictures, expected one of the two; choose with --kind avi or --kind png')
    make = {'avi': _video_of_file, 'png': _video_of_pictures}[kinds[0]]
    return kinds[0], {name: make(name, found) for name, found in sorted(files[kinds[0]].items())}


def read_split_list(path):
    """Names of the videos in a split list of the data set, such as trainlist01.txt, sorted.

    A line is `Category/v_Category_gNN_cNN.avi`, and may end in a label, which is not used.

    Raises:
        DataError: The list is missing, has no videos or one of them twice, or another kind of line.
    """
    require_file(path, "expected a split list of UCF-101 (trainlist01.txt, testlist01.txt, ...); "
                       'unpack UCF101TrainTestSplits-RecognitionTask.zip, name its folder with '
                       '--lists, or take all videos with --split all')
    names = {}
    lines = Path(path).read_text(encoding='utf-8', errors='replace').splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name = PurePosixPath(line.split()[0]).name
        if not _PATTERNS['avi'].fullmatch(name):
            raise DataError(f"line {number} of '{path}' is {line[:80]!r}, expected a line such as "
                            "'Archery/v_Archery_g08_c01.avi 3'; see that it is the right file")
        if name in names:
            raise DataError(f"line {number} of '{path}' names {name} again, after line "
                            f'{names[name]}; remove one of them')
        names[name] = number
    if not names:
        raise DataError(f"'{path}' names no videos, expected one a line; see that it is the right "
                        'file')
    return sorted(name.removesuffix('.avi') for name in names)


def select_videos(videos, names, list_path):
    """The videos of these names, in their order.

    Raises:
        DataError: Some are not there.
    """
    missing = [name for name in names if name not in videos]
    if missing:
        some = ', '.join(missing[:3]) + (', ...' if len(missing) > 3 else '')
        raise DataError(f"'{list_path}' names {len(missing)} of {len(names)} videos that are not "
                        f'there: {some}; complete the data set, or remove them from the list')
    return [videos[name] for name in names]


def read_frames(video, resample='nearest'):
    """Decode a video and resize each frame.

    Args:
        video: A Video.
        resample: One of FILTERS.

    Returns:
        uint8 (T, 3, 64, 85), T as many frames as could be decoded, whatever a header says.

    Raises:
        UnusableVideo: It is damaged, has fewer than 16 frames, or is not of 4:3.
        DataError: A file cannot be opened.
    """
    frames = _decode_pictures(video) if video.numbers else _decode_file(video.paths[0])
    small = [_resize(frame, resample) for frame in frames]
    if len(small) < MIN_FRAMES:
        raise UnusableVideo(f'has {len(small)} frames, fewer than {MIN_FRAMES}')
    return np.stack(small).transpose(0, 3, 1, 2).copy()


def _paths(folder):
    """Paths of all files below a folder."""
    for parent, _, names in os.walk(folder):
        for name in names:
            yield os.path.join(parent, name)


def _video_of_file(name, files):
    paths = [path for _, path in files]
    if len(paths) > 1:
        raise DataError(f"'{paths[0]}' and '{paths[1]}' are both {name}, expected one file; remove "
                        'the other')
    return _video(name, paths, ())


def _video_of_pictures(name, files):
    numbers, paths = zip(*sorted(files), strict=True)
    return _video(name, paths, numbers)


def _video(name, paths, numbers):
    _, category, group, scene = re.fullmatch(_NAME, name).groups()
    return Video(name, category, int(group), int(scene), tuple(paths), numbers)


def _decode_pictures(video):
    """Yield the pictures of a video."""
    first, last = video.numbers[0], video.numbers[-1]
    if video.numbers != tuple(range(first, last + 1)):
        raise UnusableVideo(
            f'has {len(video.numbers)} pictures numbered {first} to {last}, not one for each')
    for path in video.paths:
        content = _read(path)
        try:
            with Image.open(content) as picture:
                frame = picture.convert('RGB')
        except Exception as error:  # a damaged picture can make Pillow raise almost anything
            raise UnusableVideo(f'{os.path.basename(path)} is damaged ({error})') from error
        yield frame


def _decode_file(path):
    """Yield the frames of a movie as pictures."""
    content = _read(path)
    # One for all frames, since making one takes longer than using it. Its colours are those of
    # FFmpeg's plain conversion, which repeats the chroma of four pixels.
    converter = av.video.reformatter.VideoReformatter()
    try:
        # Titles in no valid UTF-8 are no reason to refuse the frames.
        with av.open(content, metadata_errors='replace') as movie:
            stream = next(iter(movie.streams.video), None)
            if stream is None or stream.codec_context is None:
                raise UnusableVideo('has no video stream that can be decoded')
            stream.codec_context.thread_count = 1   # there is a process for each core already
            for frame in movie.decode(stream):
                # Cut off by the end of the file, or made up for by the decoder.
                if frame.is_corrupt:
                    raise UnusableVideo('is damaged, or its end is missing')
                rgb = converter.reformat(frame, format='rgb24', threads=1)
                yield Image.fromarray(rgb.to_ndarray())
    except UnusableVideo:
        raise
    except Exception as error:  # a damaged file can make PyAV raise almost anything
        reason = getattr(error, 'strerror', None) or error
        raise UnusableVideo(f'is damaged or no video ({reason})') from error


def _read(path):
    """Content of a file in memory, so that a disk that fails is told from a video that is bad."""
    try:
        with open(path, 'rb') as file:
            return io.BytesIO(file.read())
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror}; see that the data set is there "
                        'and can be read, and run the command again') from error


def _resize(frame, resample):
    """Picture (4:3) -> uint8 (64, 85, 3)."""
    if HEIGHT * frame.width // frame.height != WIDTH:
        raise UnusableVideo(f'is {frame.width} x {frame.height} pixels, not 4:3')
    return np.asarray(frame.resize((WIDTH, HEIGHT), Image.Resampling[resample.upper()]))
