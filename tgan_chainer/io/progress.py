"""Progress and time left, on stderr: a bar on a terminal, plain lines elsewhere."""
import sys

import tqdm

_LINE = '{desc}{n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]'
_STEP = '{desc} [{elapsed}<{remaining}]'    # without numbers, which are in its text


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


class Steps:
    """Progress of a long command by ``n`` named steps: every one is shown, also in a log.

    Time left is told by the ``cost`` of all of them; None where each costs 1.
    """

    def __init__(self, n, cost=None):
        self._n, self._number = n, 0
        bar_format = '{desc} |{bar:20}| {elapsed}<{remaining}' if sys.stderr.isatty() else _STEP
        self._bar = progress(total=n if cost is None else cost, bar_format=bar_format,
                             delay=1e-9, leave=False)    # nothing before the first step

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._bar.close()

    def end(self, text, cost=1):
        """Count a step, and show its number and text, or, at no cost, those of one that begins."""
        self._bar.n += cost
        self._number += 1
        self._bar.set_description_str(f'[{self._number:{len(str(self._n))}}/{self._n}] {text}')


def steps(names):
    """Yield names, and show them as :class:`Steps` that begin."""
    with Steps(len(names)) as shown:
        for done, name in enumerate(names):
            shown.end(name, cost=done > 0)    # of the one before
            yield name


def chunk_progress(starts, unit='video'):
    """Progress of what is made in chunks, for the functions of ``models/sampling.py``.

    It appears after some seconds only. ``starts`` is a range, the first number of each chunk.
    """
    return progress(starts, unit=unit, unit_scale=starts.step, delay=5)
