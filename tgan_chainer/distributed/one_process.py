"""The ranks of a training that runs in one process, without MPI."""
import contextlib
import signal

from tgan_chainer.device import get_device


class OneProcess:
    """What a training asks of its ranks, where there is one; imports nothing of MPI."""

    rank = 0           #: Number of this process, from 0.
    size = 1           #: Number of processes.
    is_first = True    #: Whether this is rank 0, which writes all files and text.
    stop_signals = (signal.SIGINT, signal.SIGTERM)    #: They end the training with a snapshot.

    def get_device(self, gpu):
        """The Chainer device of this process, with ``--gpu`` as given."""
        return get_device(gpu)

    def on_all(self, function, *args):
        """``function(*args)`` on every rank; an error of one of them ends all of them.

        Raises:
            TGANError: On rank 0: the error of the lowest rank that has one.
            SystemExit: On the others, with the exit code of that error.
        """
        return function(*args)

    def on_first(self, function, *args):
        """``function(*args)`` on rank 0 -> its result, on every rank; errors as for on_all."""
        return function(*args)

    def say(self, text):
        """Print ``text``, on rank 0."""
        if self.is_first:
            print(text, flush=True)

    def ending_together(self):
        """Context in which an error that only one rank has ends all of them."""
        return contextlib.nullcontext()

    def gather(self, value):
        """All ranks' ``value`` -> list by rank, on every rank."""
        return [value]

    def mean(self, array):
        """Put into ``array`` the mean over all ranks' arrays, and return it."""
        return array

    def broadcast(self, link):
        """Give all ranks the parameters of rank 0's ``link``."""

    def averaging(self, optimizer):
        """``optimizer``, whose updates then take the mean of all ranks' gradients."""
        return optimizer

    def share(self, dataset, seed):
        """The part of ``dataset`` that this rank trains on."""
        return dataset
