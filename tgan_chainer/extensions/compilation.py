"""Tells that the CPU kernels are being compiled, which delays the first update."""
import sys

import tqdm
from chainer.training import extension
from numba.core import event

_EVENT = 'numba:compile'    # none where the code is found on disk


class Compilation(extension.Extension, event.TimingListener):
    """Say that kernels are being compiled when the first one is, and how long it took.

    It listens from its construction to the end of the first update.
    """

    name = 'compilation'
    _listening = None    # one at a time

    def __init__(self):
        super().__init__()
        if Compilation._listening:
            Compilation._listening.finalize()    # of a trainer that never ran
        Compilation._listening = self
        event.register(_EVENT, self)

    def trigger(self, trainer):
        """Whether this is the first update of this process; a snapshot need not know."""
        return Compilation._listening is self

    def __call__(self, trainer):
        if self.done:
            _say(f'compiled the CPU kernels in {self.duration:.0f} s')
        self.finalize()

    def finalize(self):
        if Compilation._listening is self:
            event.unregister(_EVENT, self)
            Compilation._listening = None

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
