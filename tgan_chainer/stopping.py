"""When a training ends: at its last iteration, or soon after a signal."""
import contextlib
import signal


class StopAt:
    """A trainer's stop trigger: true from ``iterations`` updates on, or after a signal.

    A signal lets the current update finish, so that the trainer can be saved.

    Args:
        iterations (int): Updates in all.

    Attributes:
        signal_name (str or None): The signal that ended the training, such as 'SIGINT'.
    """

    def __init__(self, iterations):
        self.iterations = iterations
        self.signal_name = None

    def __call__(self, trainer):
        return self.signal_name is not None or trainer.updater.iteration >= self.iterations

    def get_training_length(self):
        """(iterations, 'iteration'), which Chainer's own extensions ask for."""
        return self.iterations, 'iteration'

    @contextlib.contextmanager
    def on_signals(self, *numbers):
        """Within this context the signals end the training; a second one acts as usual."""
        previous = {number: signal.signal(number, self._handle) for number in numbers}
        self._previous = previous
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _handle(self, number, frame):
        self.signal_name = signal.Signals(number).name
        signal.signal(number, self._previous[number])
