"""Progress and time left on the terminal."""
import signal
import sys

import tqdm
from chainer.training import extension

from tgan_chainer.io.progress import progress


class ProgressBar(extension.Extension):
    """A bar with iterations done, speed and time left on stderr; lines of text above it.

    If whoever reads stdout or stderr leaves (``| head``), the training ends as by SIGTERM.
    ``total`` is the number of iterations of the whole training.
    """

    name = 'progress_bar'

    def __init__(self, total):
        self.total = total
        self._bar = None
        self._line = ''          # begun, and to be written when it is whole
        self._unread = False

    def initialize(self, trainer):
        self._bar = progress(total=self.total, initial=trainer.updater.iteration, unit='it',
                             delay=0)

    def __call__(self, trainer):
        self._show(self._bar.update, trainer.updater.iteration - self._bar.n)

    def write(self, text):
        """Write whole lines to stdout above the bar, so that PrintReport can have it as ``out``."""
        # PrintReport erases what Chainer's own bar left on the screen; this one is not in its way.
        *lines, self._line = (self._line + text.replace('\033[J', '')).split('\n')
        for line in lines:
            self._show(tqdm.tqdm.write, line, file=sys.stdout)

    def flush(self):
        self._show(sys.stdout.flush)

    def finalize(self):
        if self._bar is not None:
            self._show(self._bar.close)

    def _show(self, function, *args, **kwargs):
        try:
            function(*args, **kwargs)
        except BrokenPipeError:
            if not self._unread:    # once: a second signal ends the process
                self._unread = True
                signal.raise_signal(signal.SIGTERM)
