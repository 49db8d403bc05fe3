"""Make the h5 file and the table of UCF-101 that training reads (authors' make_ucf101.py).

    python make_ucf101.py                # data/ucf101_train.h5, data/ucf101_train_pd.csv
    python make_ucf101.py --split all    # all 13,320 videos, as in the paper

It reads the .avi files as they are published (Soomro, Zamir, Shah 2012), or PNG pictures of their
frames. The h5 file has the dataset `image`, uint8 (frames, 3, 64, 85), with all videos one after
another in the order of their names; the table a row a video: category, group, scene, start, end
(exclusive). The result does not depend on the number of workers, nor on interruptions.
"""
import argparse
import contextlib
import functools
import hashlib
import os
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from tgan_chainer.command import run_command
from tgan_chainer.datasets.checks import require_place
from tgan_chainer.datasets.tables import write_table
from tgan_chainer.datasets.ucf_videos import (
    FILTERS,
    FRAME_SHAPE,
    KINDS,
    UnusableVideo,
    find_videos,
    read_frames,
    read_split_list,
    select_videos,
)
from tgan_chainer.datasets.unfinished_h5 import UnfinishedH5, unfinished_folder
from tgan_chainer.datasets.workers import available_cores, map_in_order
from tgan_chainer.errors import DataError

SPLITS = 'train', 'test', 'all'
FOLDS = 1, 2, 3
SOURCE = 'data/UCF-101'
LISTS = 'data/ucfTrainTestlist'


class Summary(NamedTuple):
    """What was made.

    Attributes:
        h5path, table_path: The files.
        n_videos, n_frames, n_categories: What they hold.
        skipped: {name: reason} of the videos that could not be used.
    """

    h5path: Path
    table_path: Path
    n_videos: int
    n_frames: int
    n_categories: int
    skipped: dict


def make_ucf101(h5path, source=SOURCE, split_list=None, kind=None, resample='nearest',
                workers=None, overwrite=False, progress=True):
    """Write the h5 file and, beside it, the table `STEM_pd.csv`.

    Both appear when they are complete. Until then `H5PATH.unfinished` holds what there is, and the
    same call goes on with it. A video that is damaged, too short or of another shape is left out.

    Args:
        h5path: File to make; 16 kB a frame.
        source: Folder with the videos, see `tgan_chainer.datasets.ucf_videos.find_videos`.
        split_list: File that names the videos to take; None takes all.
        kind: 'avi' or 'png', where `source` has both.
        resample: Way to resize, one of FILTERS. The authors used what was Pillow's default in 2017,
            'nearest' (FACTS §4).
        workers: Processes that decode; None is the number of cores.
        overwrite: Whether to replace files that exist, and an unfinished one of other settings.
        progress: Whether to show a progress bar on a terminal.

    Returns:
        Summary

    Raises:
        DataError: An argument is wrong; files exist; videos are missing or none can be used; a file
            cannot be read or written.
    """
    workers = available_cores() if workers is None else workers
    if workers < 1:
        raise DataError(f'found {workers} workers, expected 1 or more')
    h5path = Path(h5path)
    table_path = h5path.with_name(h5path.stem + '_pd.csv')
    require_place(h5path, overwrite)
    # A run that was killed at its very end leaves the table and the unfinished h5 file.
    require_place(table_path, overwrite or unfinished_folder(h5path).exists())
    names = read_split_list(split_list) if split_list else None
    kind, videos = find_videos(source, kind)
    videos = select_videos(videos, names, split_list) if names else list(videos.values())
    settings = {'kind': kind, 'resample': resample, 'videos': len(videos), 'names': _digest(videos)}
    with UnfinishedH5(h5path, FRAME_SHAPE, settings, start_over=overwrite) as unfinished:
        done = len(unfinished.entries)
        if done:
            print(f"going on with '{unfinished.folder}': {done} of {len(videos)} videos are done",
                  flush=True)
        _read_all(videos[done:], resample, workers, unfinished, tqdm(
            total=len(videos), initial=done, unit='video', disable=None if progress else True))
        summary = _summarize(h5path, table_path, unfinished.entries)
        if not summary.n_videos:
            unfinished.discard()
            raise DataError(
                f"'{source}' has no video that can be used of {len(videos)}, the first "
                f"{unfinished.entries[0]['skipped']}; see that the files are whole")
        write_table(table_path, _table(videos, unfinished.entries))
        unfinished.finish()
    return summary


def _read_all(videos, resample, workers, unfinished, bar):
    """Append the frames of all videos, and in the entry of a bad one the reason."""
    read = functools.partial(_read, resample=resample)
    with bar, contextlib.closing(map_in_order(read, videos, workers)) as results:
        for video, frames in zip(videos, results, strict=True):
            if isinstance(frames, str):
                unfinished.append({'video': video.name, 'skipped': frames})
            else:
                unfinished.append({'video': video.name}, frames)
            bar.update()


def _read(video, resample):
    """Frames of a video, or the reason why there are none."""
    try:
        return read_frames(video, resample)
    except UnusableVideo as error:
        return str(error)


def _table(videos, entries):
    """DataFrame with a row a video that was read."""
    rows = np.array([entry['rows'] for entry in entries])
    end = np.cumsum(rows)
    table = pd.DataFrame({
        'category': [video.category for video in videos],
        'group': [video.group for video in videos],
        'scene': [video.scene for video in videos],
        'start': end - rows, 'end': end})
    return table[rows > 0]


def _summarize(h5path, table_path, entries):
    good = [entry for entry in entries if entry['rows']]
    return Summary(h5path, table_path, len(good), sum(entry['rows'] for entry in good),
                   len({entry['video'].rsplit('_', 2)[0] for entry in good}),
                   {entry['video']: entry['skipped'] for entry in entries if not entry['rows']})


def _digest(videos):
    return hashlib.sha256('\n'.join(video.name for video in videos).encode()).hexdigest()


def _parser():
    parser = argparse.ArgumentParser(
        prog='make_ucf101.py',
        description='Make the h5 file and the table of UCF-101 that training reads. Stopped in '
                    'whatever way, the same command goes on where it was.')
    parser.add_argument('--source', default=SOURCE,
                        help='folder with the .avi files, or with pictures '
                             'v_CATEGORY_gNN_cNN_T.png (default: %(default)s)')
    parser.add_argument('--kind', choices=KINDS, help='which to take where the folder has both')
    parser.add_argument('--split', choices=SPLITS, default='train',
                        help='videos to take (default: %(default)s)')
    parser.add_argument('--fold', type=int, choices=FOLDS, default=1,
                        help='which of the three official splits (default: %(default)s)')
    parser.add_argument('--lists', default=LISTS,
                        help='folder with the official split lists (default: %(default)s)')
    parser.add_argument('--out', help='h5 file to write (default: data/ucf101_SPLIT.h5; with the '
                        'number of the fold if it is not 1)')
    parser.add_argument('--resample', choices=FILTERS, default='nearest',
                        help="way to resize; the authors' is the default, %(default)s")
    parser.add_argument('--workers', type=int, metavar='N',
                        help='processes that decode (default: one a core)')
    parser.add_argument('--overwrite', action='store_true', help='replace files that exist')
    return parser


def main(argv=None):
    """Run the command; returns its exit code."""
    return run_command(_make, _parser().parse_args(argv))


def _make(args):
    fold = '' if args.fold == 1 or args.split == 'all' else f'{args.fold:02d}'
    out = args.out or os.path.join('data', f'ucf101_{args.split}{fold}.h5')
    split_list = (None if args.split == 'all'
                  else os.path.join(args.lists, f'{args.split}list{args.fold:02d}.txt'))
    summary = make_ucf101(out, args.source, split_list, args.kind, args.resample, args.workers,
                          args.overwrite)
    if summary.skipped:
        print(f'left out {len(summary.skipped)} videos:')
        for name, reason in summary.skipped.items():
            print(f'  {name} {reason}')
    print(f'wrote {summary.n_videos} videos of {summary.n_categories} categories, '
          f'{summary.n_frames} frames, to {summary.h5path} and {summary.table_path}')


if __name__ == '__main__':
    sys.exit(main())
