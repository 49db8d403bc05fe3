"""Make the h5 file and the table of UCF-101 that training reads (authors' make_ucf101.py).

It reads the .avi files as they are published (Soomro, Zamir, Shah 2012), or images of their
frames. The h5 file has the dataset `image`, uint8 (frames, 3, 64, 85), with all videos one after
another in the order of their names; the table a row a video: category, group, scene, start, end
(exclusive). The result does not depend on the number of workers, nor on interruptions.
"""
import contextlib
import functools
import hashlib
import os
import pickle
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.datasets.checks import require_place
from tgan_chainer.datasets.tables import write_frame, write_table
from tgan_chainer.errors import DataError
from tgan_chainer.io.files import write_bytes
from tgan_chainer.io.pictures import require_av
from tgan_chainer.io.progress import progress
from tgan_chainer.prepare import ucf_videos
from tgan_chainer.prepare.ucf_videos import USUAL_SIZE, some
from tgan_chainer.prepare.unfinished_h5 import UnfinishedH5
from tgan_chainer.prepare.workers import map_in_order

SOURCE = 'data/UCF-101'
LISTS = 'data/ucfTrainTestlist'


class Summary(NamedTuple):
    """What was made."""

    table_path: Path
    pickle_paths: list    #: The authors' two, or none.
    table: dict           #: {column: list}, with a row a video.
    skipped: dict         #: {name: reason} of the videos that could not be used.
    unusual: dict         #: {(width, height): names} of those of another size than 320 x 240.
    ignored: list         #: Other files: no videos, or not of the kind wanted.


def make_ucf101(h5path, source=SOURCE, split_list=None, kind=None, resample='nearest',
                workers=None, overwrite=False, pickles=False):
    """Write the h5 file and, beside it, the table `STEM_pd.csv` -> Summary.

    They appear when they are complete. Until then `H5PATH.unfinished` holds what there is, and the
    same call goes on with it. A video that is damaged, too short or lacks images is left out.

    Args:
        h5path: File to make; 16 kB a frame.
        source: Folder with the videos, see `tgan_chainer.prepare.ucf_videos.find_videos`.
        split_list: File that names the videos to take; None takes all.
        kind: One of `ucf_videos.KINDS`, to read only files of that kind.
        resample: Way to resize, one of FILTERS. The authors used what was Pillow's default in 2017,
            'nearest' (FACTS §4).
        workers: Processes that decode; None is the number of cores.
        overwrite: Whether to replace files that exist, and an unfinished one of other settings.
        pickles: Whether to write also what the authors' code reads (FACTS §11): `STEM_conf.pkl`,
            the list of (start, end), and `STEM_conf_pd.pkl`, the table as a pandas DataFrame.

    Raises:
        DataError: Files exist; videos are missing or none can be used; a file cannot be read or
            written.
    """
    h5path = Path(h5path)
    table_path = h5path.with_name(h5path.stem + '_pd.csv')
    pickle_paths = [h5path.with_name(h5path.stem + end) for end in ('_conf.pkl', '_conf_pd.pkl')]
    found, ignored = ucf_videos.find_videos(source, kind)
    videos = ucf_videos.select_videos(found, split_list) if split_list else list(found.values())
    if any(video.kind == 'avi' for video in videos):
        require_av()
    names = '\n'.join(f'{video.name}.{video.kind}' for video in videos)
    settings = {'kind': ', '.join(sorted({video.kind for video in videos})), 'resample': resample,
                'videos': len(videos), 'names': hashlib.sha256(names.encode()).hexdigest()}
    unfinished = UnfinishedH5(h5path, ucf_videos.FRAME_SHAPE, settings, start_over=overwrite)
    require_place(h5path, overwrite)
    for path in (table_path, *pickle_paths):    # such pickles, wanted or not, are another file's
        # A run that was killed at its very end leaves them and the unfinished h5 file.
        require_place(path, overwrite or unfinished.folder.exists())
    with unfinished:
        done = len(unfinished.entries)
        if done:
            print(f"going on with '{unfinished.folder}': {done} of {len(videos)} videos are done",
                  flush=True)
        left, read = videos[done:], functools.partial(ucf_videos.read_frames, resample=resample)
        with contextlib.closing(map_in_order(read, left, workers)) as results:
            shown = progress(results, total=len(videos), initial=done, unit='video')
            for video, (frames, note) in zip(left, shown, strict=True):
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
    return Summary(table_path, pickle_paths if pickles else [], table, skipped, unusual, ignored)


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


def parse_args(argv=None):
    """Flags of the command."""
    parser = flags.parser_of(
        'make-ucf101', 'Make the h5 file and the table of UCF-101 that training reads. Stopped in '
        'whatever way, the same command goes on where it was.')
    parser.add_argument('--source', default=SOURCE, help='folder with the .avi files, or with '
                        'images v_CATEGORY_gNN_cNN_T.png or v_CATEGORY_gNN_cNN/T.png, also .jpg '
                        '(default: %(default)s)')
    parser.add_argument('--kind', choices=ucf_videos.KINDS, help='read only files of this kind')
    parser.add_argument('--split', choices=('train', 'test', 'all'), default='train',
                        help='videos to take (default: %(default)s)')
    parser.add_argument('--fold', type=int, choices=(1, 2, 3), default=1,
                        help='which of the three official splits (default: %(default)s)')
    parser.add_argument('--lists', default=LISTS,
                        help='folder with the official split lists (default: %(default)s)')
    parser.add_argument('--out', help='h5 file to write (default: data/ucf101_SPLIT.h5; with the '
                        'number of the fold if it is not 1)')
    parser.add_argument('--resample', choices=ucf_videos.FILTERS, default='nearest',
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
    if summary.pickle_paths:
        print("wrote for the authors' code", *summary.pickle_paths)


main = command('make-ucf101', parse_args, _make)
