"""When a training ends: at its last iteration, or soon after a signal."""
import contextlib
import signal


class StopAt:
    """A trainer's stop trigger: true from ``iterations`` updates on, or after a signal.

    A signal lets the current update finish; ``signal_name`` is then its name, such as 'SIGINT'. Of
    many ranks all end after the same update, whichever of them got it.
    """

    def __init__(self, iterations, ranks):
        self.iterations = iterations
        self.signal_name = None
        self._ranks = ranks
        self._number = 0    # of the signal that came to this process

    def __call__(self, trainer):
        number = max(self._ranks.gather(self._number))
        self.signal_name = signal.Signals(number).name if number else None
        return self.signal_name is not None or trainer.updater.iteration >= self.iterations

    def get_training_length(self):
        """(iterations, 'iteration'), which Chainer's own extensions ask for."""
        return self.iterations, 'iteration'

    @contextlib.contextmanager
    def on_signals(self, *numbers):
        """Within this context the signals end the training; a second one acts as usual."""
        self._previous = {number: signal.signal(number, self._handle) for number in numbers}
        try:
            yield
        finally:
            for number, handler in self._previous.items():
                signal.signal(number, handler)

    def _handle(self, number, frame):
        self._number = number
        signal.signal(number, self._previous[number])
