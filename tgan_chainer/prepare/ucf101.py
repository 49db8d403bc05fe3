"""Make the h5 file and the table of UCF-101 that training reads (authors' make_ucf101.py).

It reads the .avi files as they are published (Soomro, Zamir, Shah 2012), or images of their frames.
The h5 file has the dataset `image`, uint8 (frames, 3, 64, 85), of all videos in the order of their
names; the table a row a video: category, group, scene, start, end (exclusive). Neither depends on
the number of workers, nor on interruptions.
"""
import functools
import hashlib
import io
import itertools
import os
import pickle
import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, UnidentifiedImageError

from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.datasets.checks import require_file, require_place
from tgan_chainer.datasets.published import obtain
from tgan_chainer.datasets.tables import write_frame, write_table
from tgan_chainer.errors import DataError
from tgan_chainer.io.files import write_bytes
from tgan_chainer.io.pictures import av, require_av
from tgan_chainer.io.progress import progress
from tgan_chainer.prepare.unfinished_h5 import UnfinishedH5
from tgan_chainer.prepare.workers import map_in_order

SOURCE = 'data/UCF-101'
LISTS = 'data/ucfTrainTestlist'
USUAL_SIZE = 320, 240    # width and height of all but four published videos (FACTS §11)
HEIGHT, WIDTH = 64, 85   # of a frame that is kept: 85 is 64 * 320 / 240, rounded down
MIN_FRAMES = 16
FILTERS = 'nearest', 'box', 'bilinear', 'hamming', 'bicubic', 'lanczos'    #: Pillow's, to resize.
KINDS = 'avi', 'png', 'jpg'
_KIND_OF = {'.avi': 'avi', '.png': 'png', '.jpg': 'jpg', '.jpeg': 'jpg'}
_NAME = re.compile(r'(v_(.+)_g(\d+)_c(\d+))(?:_(\d+))?')  # name, category, group, scene, frame


class Video(NamedTuple):
    """A video of the data set."""

    name: str         #: v_CATEGORY_gNN_cNN, and what that says:
    kind: str         #: One of KINDS.
    category: str
    group: int
    scene: int
    paths: tuple      #: Its file, or its images in the order of time.
    numbers: tuple    #: Their numbers; 0 for a file.


class Summary(NamedTuple):
    """What was made."""

    table_path: Path
    table: dict           #: {column: list}, with a row a video.
    skipped: dict         #: {name: reason} of the videos that could not be used.
    unusual: dict         #: {(width, height): names} of those of another size than 320 x 240.
    ignored: list         #: Other files: no videos, or not of the kind wanted.


class _UnusableVideo(Exception):
    """A video is damaged, too short, or lacks frames; the message says which."""


def make_ucf101(h5path, source=SOURCE, split_list=None, kind=None, resample='nearest',
                workers=None, overwrite=False, pickles=False):
    """Write the h5 file and, beside it, the table `STEM_pd.csv` -> Summary.

    They appear when they are complete. Until then `H5PATH.unfinished` holds what there is, and the
    same call goes on with it. A video that is damaged, too short or lacks images is left out.

    Args:
        h5path: File to make; 16 kB a frame.
        source: Folder with the videos, see `find_videos`.
        split_list: File that names the videos to take; None takes all.
        kind: One of `KINDS`, to read only files of that kind.
        resample: Way to resize, one of FILTERS. The authors used what was Pillow's default in 2017,
            'nearest' (FACTS §4).
        workers: Processes that decode; None is the number of cores.
        overwrite: Whether to replace files that exist, and an unfinished one of other settings.
        pickles: Whether to write also what the authors' code reads (FACTS §11): `STEM_conf.pkl`,
            a list of (start, end), and `STEM_conf_pd.pkl`, the table as a pandas DataFrame.

    Raises:
        DataError: Files exist; videos are missing or none can be used; a file cannot be read or
            written.
    """
    h5path = Path(h5path)
    table_path, *pickle_paths = (h5path.with_name(h5path.stem + end)
                                 for end in ('_pd.csv', '_conf.pkl', '_conf_pd.pkl'))
    found, ignored = find_videos(source, kind)
    videos = select_videos(found, split_list) if split_list else list(found.values())
    if any(video.kind == 'avi' for video in videos):
        require_av()
    names = '\n'.join(f'{video.name}.{video.kind}' for video in videos)
    settings = {'kind': ', '.join(sorted({video.kind for video in videos})), 'resample': resample,
                'videos': len(videos), 'names': hashlib.sha256(names.encode()).hexdigest()}
    unfinished = UnfinishedH5(h5path, (3, HEIGHT, WIDTH), settings, start_over=overwrite)
    require_place(h5path, overwrite)
    for path in (table_path, *pickle_paths):    # such pickles, wanted or not, are another file's
        # A run that was killed at its very end leaves them and the unfinished h5 file.
        require_place(path, overwrite or unfinished.folder.exists())
    with unfinished.opened():
        done = len(unfinished.entries)
        if done:
            print(f"going on with '{unfinished.folder}': {done} of {len(videos)} videos are done",
                  flush=True)
        left, read = videos[done:], functools.partial(read_frames, resample=resample)
        results = progress(map_in_order(read, left, workers), total=len(videos), initial=done,
                           unit='video')
        for video, (frames, note) in zip(left, results, strict=True):
            unfinished.append({'video': video.name, **note}, frames)
        table, skipped, unusual = _summarize(videos, unfinished.entries)
        if not table['end']:
            unfinished.discard()
            raise DataError(
                f"'{source}' has no video that can be used of {len(videos)}, the first "
                f"{skipped[videos[0].name]}; see that the files are whole")
        write_table(table_path, table)
        for path in pickle_paths:    # of an h5 file that is overwritten
            path.unlink(missing_ok=True)
        if pickles:
            spans = list(zip(table['start'], table['end'], strict=True))
            # In the newest protocol that Python 2 reads.
            write_bytes(pickle_paths[0], pickle.dumps(spans, protocol=2))
            write_frame(pickle_paths[1], table)
        unfinished.finish()
    return Summary(table_path, table, skipped, unusual, ignored)


def _summarize(videos, entries):
    """The table {column: list} with a row a video that was read, and what else Summary has."""
    rows, skipped, unusual, end = [], {}, defaultdict(list), 0
    for video, entry in zip(videos, entries, strict=True):
        if not entry['rows']:
            skipped[video.name] = entry['skipped']
            continue
        start, end = end, end + entry['rows']
        rows.append((video.category, video.group, video.scene, start, end))
        for size in entry['unusual']:
            unusual[tuple(size)].append(video.name)
    columns = 'category', 'group', 'scene', 'start', 'end'
    table = {column: [row[i] for row in rows] for i, column in enumerate(columns)}
    return table, skipped, dict(unusual)


def find_videos(folder, kind=None):
    """Find the videos below a folder, however deep, by their names.

    Args:
        folder: Holds files v_CATEGORY_gNN_cNN.avi; or images v_CATEGORY_gNN_cNN_T.png, .jpg or
            .jpeg, T being the number of the frame; or images T.png, ... in a folder
            v_CATEGORY_gNN_cNN. The case of a suffix does not matter.
        kind: One of KINDS, to take only files of that kind; needed where a video is there in two.

    Returns:
        {name: Video} in the order of the names, and the sorted paths of all other files.

    Raises:
        DataError: There are none; or a video is there in two kinds, or a file of it twice.
    """
    files, ignored = defaultdict(list), []
    for parent, _, names in os.walk(folder, followlinks=True):
        for path in (os.path.join(parent, name) for name in names):
            name, found, number = _identify(path)
            if name and kind in (None, found):
                files[name].append((found, number, path))
            else:
                ignored.append(path)
    if not files:
        wanted = f'.{kind}' if kind else ' or '.join(_KIND_OF)
        raise DataError(
            f"'{folder}' has no {wanted} files of UCF-101, expected v_CATEGORY_gNN_cNN.avi, "
            'v_CATEGORY_gNN_cNN_T.png or v_CATEGORY_gNN_cNN/T.png, in folders or not; unpack the '
            f"data set there, or name its place with --source. It is in {obtain('ucf101')}")
    return {name: _video(name, sorted(files[name])) for name in sorted(files)}, sorted(ignored)


def select_videos(videos, path):
    """Those of {name: Video} that a split list names, such as trainlist01.txt, sorted by name.

    A line is `Category/v_Category_gNN_cNN.avi`, and may end in a label, which is not used.

    Raises:
        DataError: The list is missing, has no videos, one of them twice, one that is not there, or
            another kind of line.
    """
    require_file(path, "expected a split list of UCF-101 (trainlist01.txt, testlist01.txt, ...); "
                       f"it is in {obtain('ucf101-splits')} into data/; name another folder with "
                       '--lists, or take all videos with --split all')
    names = {}
    lines = Path(path).read_text(encoding='utf-8', errors='replace').splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        name, kind, _ = _identify(line.split()[0])
        if kind != 'avi':
            raise DataError(f"line {number} of '{path}' is {line[:80]!r}, expected a line such as "
                            "'Archery/v_Archery_g08_c01.avi 3'; see that it is the right file")
        if name in names:
            raise DataError(f"line {number} of '{path}' names {name} again, after line "
                            f'{names[name]}; remove one of them')
        names[name] = number
    if not names:
        raise DataError(f"'{path}' names no videos, expected one a line; see that it is the right "
                        'file')
    if missing := sorted(names.keys() - videos.keys()):
        raise DataError(f"'{path}' names {len(missing)} of {len(names)} videos that are not there: "
                        f'{some(missing)}; complete the data set, or remove them from the list')
    return [videos[name] for name in sorted(names)]


def some(names):
    """The first names of a list, for a message."""
    return ', '.join(names[:3]) + (', ...' if len(names) > 3 else '')


def read_frames(video, resample='nearest'):
    """Decode a video and resize each frame by one of FILTERS.

    Returns:
        uint8 (T, 3, 64, 85), all frames that are there, whatever a header says; and
        {'unusual': [(width, height), ...]}, sizes before other than USUAL_SIZE. Or, of a video that
        is damaged, has fewer than 16 frames or lacks an image, None and {'skipped': reason}.

    Raises:
        DataError: A file cannot be opened.
    """
    small, sizes, method = [], set(), Image.Resampling[resample.upper()]
    try:
        for frame in (_decode_file if video.kind == 'avi' else _decode_images)(video):
            sizes.add(frame.size)
            small.append(np.asarray(frame.resize((WIDTH, HEIGHT), method)))
        if len(small) < MIN_FRAMES:
            raise _UnusableVideo(f'has {len(small)} frames, fewer than {MIN_FRAMES}')
    except _UnusableVideo as error:
        return None, {'skipped': str(error)}
    return np.stack(small).transpose(0, 3, 1, 2).copy(), {'unusual': sorted(sizes - {USUAL_SIZE})}


def _identify(path):
    """Name, kind and frame number (0 for a movie) of a file by its path; Nones for other files."""
    folder, base = os.path.split(path)
    stem, suffix = os.path.splitext(base)
    kind = _KIND_OF.get(suffix.lower())
    if kind != 'avi' and stem.isdecimal():
        stem = f'{os.path.basename(folder)}_{stem}'
    match = _NAME.fullmatch(stem)
    if kind and match and (kind == 'avi') == (match[5] is None):
        return match[1], kind, int(match[5] or 0)
    return None, None, None


def _video(name, files):
    """Video of its sorted (kind, number, path)."""
    kinds, numbers, paths = zip(*files, strict=True)
    if kinds[0] != kinds[-1]:
        raise DataError(
            f"'{paths[0]}' and '{paths[-1]}' are both {name}, expected one of the two; choose with "
            f'--kind {kinds[0]} or --kind {kinds[-1]}, or remove the others')
    for (_, before, first), (_, number, second) in itertools.pairwise(files):
        if number == before:
            what = name if kinds[0] == 'avi' else f'image {number} of {name}'
            raise DataError(f"'{first}' and '{second}' are both {what}, expected one file; remove "
                            'the other')
    _, category, group, scene, _ = _NAME.fullmatch(name).groups()
    return Video(name, kinds[0], category, int(group), int(scene), paths, numbers)


def _decode_images(video):
    """Yield the images of a video, which are numbered from 0 or 1 without gaps."""
    for expected, number in enumerate(video.numbers, start=min(video.numbers[0], 1)):
        if number != expected:
            raise _UnusableVideo(f'has image {number} but no {expected}, expected one for each '
                                'number from 0 or 1 on')
    for path in video.paths:
        content = _read(path)
        try:
            with Image.open(content) as image:
                frame, mode = image.convert('RGB'), image.mode
        except Exception as error:  # a damaged image can make Pillow raise almost anything
            # Pillow's message would be of an address in memory, another each time.
            reason = 'no image' if isinstance(error, UnidentifiedImageError) else error
            raise _UnusableVideo(f'{os.path.basename(path)} is damaged ({reason})') from error
        if mode[0] in 'IF':    # Pillow clips larger values to white
            raise _UnusableVideo(f'{os.path.basename(path)} has more than 8 bits a channel, '
                                f"expected Pillow's modes RGB, L or P, found {mode}")
        yield frame


def _decode_file(video):
    """Yield the frames of a movie as images."""
    content = _read(video.paths[0])
    # One for all frames, since making one takes long. Colours come out as with FFmpeg's plain
    # conversion, which repeats the chroma of four pixels.
    converter = av.video.reformatter.VideoReformatter()
    try:
        # Titles in no valid UTF-8 are no reason to refuse the frames.
        with av.open(content, metadata_errors='replace') as movie:
            stream = next(iter(movie.streams.video), None)
            if stream is None or stream.codec_context is None:
                raise _UnusableVideo('has no video stream that can be decoded')
            stream.codec_context.thread_count = 1   # there is a process for each core already
            for frame in movie.decode(stream):
                # Cut off by the end of the file, or made up for by the decoder.
                if frame.is_corrupt:
                    raise _UnusableVideo('is damaged, or its end is missing')
                rgb = converter.reformat(frame, format='rgb24', threads=1)
                yield Image.fromarray(rgb.to_ndarray())
    except _UnusableVideo:
        raise
    except Exception as error:  # a damaged file can make PyAV raise almost anything
        reason = getattr(error, 'strerror', None) or error
        raise _UnusableVideo(f'is damaged or no video ({reason})') from error


def _read(path):
    """Content of a file in memory, so that a disk that fails is told from a video that is bad."""
    try:
        with open(path, 'rb') as file:
            return io.BytesIO(file.read())
    except OSError as error:
        raise DataError(f"cannot read '{path}': {error.strerror}; see that the data set is there "
                        'and can be read, and run the command again') from error


def parse_args(argv=None):
    """Flags of the command."""
    parser = flags.parser_of(
        'make-ucf101', 'Make the h5 file and the table of UCF-101 that training reads. Stopped in '
        'whatever way, the same command goes on where it was.')
    parser.add_argument('--source', default=SOURCE, help='folder with the .avi files, or with '
                        'images v_CATEGORY_gNN_cNN_T.png or v_CATEGORY_gNN_cNN/T.png, also .jpg '
                        '(default: %(default)s)')
    parser.add_argument('--kind', choices=KINDS, help='read only files of this kind')
    parser.add_argument('--split', choices=('train', 'test', 'all'), default='train',
                        help='videos to take (default: %(default)s)')
    parser.add_argument('--fold', type=int, choices=(1, 2, 3), default=1,
                        help='which of the three official splits (default: %(default)s)')
    parser.add_argument('--lists', default=LISTS,
                        help='folder with the official split lists (default: %(default)s)')
    parser.add_argument('--out', help='h5 file to write (default: data/ucf101_SPLIT.h5; with the '
                        'number of the fold if it is not 1)')
    parser.add_argument('--resample', choices=FILTERS, default='nearest',
                        help="way to resize; the authors' is the default, %(default)s")
    flags.add(parser, 'workers')
    parser.add_argument('--pickles', action='store_true', help="write also what the authors' code "
                        'reads beside the h5 file, STEM_conf.pkl and STEM_conf_pd.pkl')
    flags.add(parser, 'overwrite')
    return parser.parse_args(argv)


def _make(args):
    fold = '' if args.fold == 1 or args.split == 'all' else f'{args.fold:02d}'
    out = args.out or os.path.join('data', f'ucf101_{args.split}{fold}.h5')
    split_list = (None if args.split == 'all'
                  else os.path.join(args.lists, f'{args.split}list{args.fold:02d}.txt'))
    summary = make_ucf101(out, args.source, split_list, args.kind, args.resample, args.workers,
                          args.overwrite, pickles=args.pickles)
    if summary.skipped:
        print(f'left out {len(summary.skipped)} videos:',
              *map(' '.join, summary.skipped.items()), sep='\n  ')
    for (width, height), names in sorted(summary.unusual.items()):
        print(f'resized {len(names)} videos of {width} x {height} pixels, not {USUAL_SIZE[0]} x '
              f'{USUAL_SIZE[1]}: {some(names)}')
    if summary.ignored:
        print(f'ignored {len(summary.ignored)} other files: {some(summary.ignored)}')
    ends = summary.table['end']
    print(f'wrote {len(ends)} videos of {len(set(summary.table["category"]))} categories, '
          f'{ends[-1]} frames, to {out} and {summary.table_path}')
    if args.pickles:
        stem = os.path.splitext(out)[0]
        print(f"wrote for the authors' code {stem}_conf.pkl {stem}_conf_pd.pkl")


main = command('make-ucf101', parse_args, _make)
