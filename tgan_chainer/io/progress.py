"""Progress and time left, on stderr: a bar on a terminal, a line a minute elsewhere."""
import sys

import tqdm


def progress(iterable=None, **kwargs):
    """A ``tqdm.tqdm`` of these arguments that does not fill a log file."""
    interval = 0.2 if sys.stderr.isatty() else 60
    return tqdm.tqdm(iterable, mininterval=interval, maxinterval=max(10, interval),
                     dynamic_ncols=True, **kwargs)


def chunk_progress(starts, unit='video'):
    """Progress of what is made in chunks, for the functions of ``models/sampling.py``.

    It appears after some seconds only, which is more than few videos take. ``starts`` is a range,
    the number of the first one of each chunk.
    """
    return progress(starts, unit=unit, unit_scale=starts.step, delay=5)
