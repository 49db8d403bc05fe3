"""Tells that the CPU kernels are being compiled, which delays the first update."""
import sys

import tqdm
from chainer.training import extension
from numba.core import event

_EVENT = 'numba:compile'    # none where the code is found on disk


class Compilation(extension.Extension):
    """Say that kernels are being compiled when the first one is, and how long it took.

    It listens from its construction to the end of the first update.
    """

    name = 'compilation'
    _latest = None

    def __init__(self):
        if Compilation._latest:    # of a trainer that may never have run
            Compilation._latest.finalize()
        Compilation._latest = self
        self._listener = _Listener()
        event.register(_EVENT, self._listener)

    def trigger(self, trainer):
        """Whether this is the first update of this process; a snapshot need not know."""
        return self._listener is not None

    def __call__(self, trainer):
        if self._listener.done:
            _say(f'compiled the CPU kernels in {self._listener.duration:.0f} s')
        self.finalize()

    def finalize(self):
        """Listen no longer."""
        if self._listener is not None:
            event.unregister(_EVENT, self._listener)
            self._listener = None


class _Listener(event.TimingListener):
    def on_start(self, started):
        if not self.done and not self._depth:
            kept = started.data['dispatcher'].stats.cache_path is not None
            _say('compiling the CPU kernels, '
                 + ('once: about half a minute' if kept else
                    'about half a minute at every start: no folder for their code can be written; '
                    'set NUMBA_CACHE_DIR to one'))
        super().on_start(started)


def _say(line):
    tqdm.tqdm.write(line, file=sys.stdout)    # above the progress bar
    sys.stdout.flush()
