"""Progress and time left, on stderr: a bar on a terminal, plain lines elsewhere."""
import contextlib
import itertools
import sys

import tqdm


def progress(iterable=None, **kwargs):
    """A ``tqdm.tqdm`` of these arguments; a log file gets a line a minute, none of a short work."""
    if sys.stderr.isatty():
        return tqdm.tqdm(iterable, mininterval=0.2, dynamic_ncols=True, **kwargs)
    if kwargs.get('desc'):
        kwargs['desc'] += ': '
    return tqdm.tqdm(iterable, **{
        'mininterval': 60, 'maxinterval': 60, 'delay': 1, 'file': _Lines(),
        'bar_format': '{desc}{n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}]', **kwargs})


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


@contextlib.contextmanager
def counted(n, cost=None):
    """Progress of a long command by ``n`` steps: every one is shown, also in a log.

    Gives the body a function that counts a step, and shows its number and text, or, at no cost,
    those of one that begins. Time left is told by the ``cost`` of all; None where each costs 1.
    """
    left = '|{bar:20}| {elapsed}<{remaining}' if sys.stderr.isatty() else '[{elapsed}<{remaining}]'
    numbers = itertools.count(1)
    with progress(total=n if cost is None else cost, bar_format=f'{{desc}} {left}',
                  delay=1e-9, leave=False) as bar:    # nothing before the first step
        def end(text, cost=1):
            bar.n += cost
            bar.set_description_str(f'[{next(numbers):{len(str(n))}}/{n}] {text}')
        yield end


def steps(names):
    """Yield names, and show them as steps that begin."""
    with counted(len(names)) as end:
        for done, name in enumerate(names):
            end(name, cost=done > 0)    # of the one before
            yield name
