"""Progress and time left on the terminal."""
import sys

import tqdm
from chainer.training import extension

from tgan_chainer.io.progress import progress

# PrintReport erases what Chainer's own bar left on the screen; here the bar takes care of itself.
_ERASE = '\033[J'


class ProgressBar(extension.Extension):
    """A bar with iterations done, speed and time left on stderr; lines of text above it.

    On something that is not a terminal it writes a line a minute.

    Args:
        total (int): Iterations of the whole training.
    """

    name = 'progress_bar'

    def __init__(self, total):
        self.total = total
        self._bar = None
        self._line = ''

    def initialize(self, trainer):
        self._bar = progress(total=self.total, initial=trainer.updater.iteration, unit='it')

    def __call__(self, trainer):
        self._bar.update(trainer.updater.iteration - self._bar.n)

    def write(self, text):
        """Write whole lines to stdout above the bar, so that PrintReport can have it as ``out``."""
        *lines, self._line = (self._line + text.replace(_ERASE, '')).split('\n')
        for line in lines:
            tqdm.tqdm.write(line, file=sys.stdout)

    def flush(self):
        sys.stdout.flush()

    def finalize(self):
        if self._bar is not None:
            self._bar.close()
