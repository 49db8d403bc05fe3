"""Progress and time left, on stderr: a bar on a terminal, plain lines elsewhere."""
import sys

import tqdm

_LINE = '{desc}{n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]'


def progress(iterable=None, **kwargs):
    """A ``tqdm.tqdm`` of these arguments; a log file gets a line a minute, none of a short work."""
    if sys.stderr.isatty():
        return tqdm.tqdm(iterable, mininterval=0.2, dynamic_ncols=True, **kwargs)
    if kwargs.get('desc'):
        kwargs['desc'] += ': '
    return tqdm.tqdm(iterable, **{
        'mininterval': 60, 'maxinterval': 60, 'delay': 1, 'file': _Lines(), 'bar_format': _LINE,
        **kwargs})


class _Lines:
    """Stderr for tqdm, which would draw one line over another."""

    _last = ''

    def write(self, text):
        line = text.strip()
        if line not in ('', self._last):
            self._last = line
            print(line, file=sys.stderr, flush=True)

    def flush(self):
        """Every line is flushed."""


def chunk_progress(starts, unit='video'):
    """Progress of what is made in chunks, for the functions of ``models/sampling.py``.

    It appears after some seconds only. ``starts`` is a range, the first number of each chunk.
    """
    return progress(starts, unit=unit, unit_scale=starts.step, delay=5)
