"""Training on many devices with ChainerMN: one process a device, started by mpiexec.

The processes are ranks (:mod:`.ranks`); a training without MPI has :class:`OneProcess` in their
place, so that no caller asks which of the two it is. See docs/many_devices.md.
"""
import contextlib
import os
import signal

from tgan_chainer.device import get_device
from tgan_chainer.errors import ConfigError


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


def connect(communicator):
    """The ranks of ``--communicator NAME``; one process without it, and nothing of MPI imported.

    Raises:
        ConfigError: mpi4py is missing or finds no MPI; the communicator is unknown or cannot be
            used; or several processes were started without one.
        DeviceError: There are fewer GPUs than ranks.
    """
    if communicator is None:
        for name in ('OMPI_COMM_WORLD_SIZE', 'PMI_SIZE'):    # of Open MPI, and of MPICH
            if os.environ.get(name, '1') != '1':
                raise ConfigError(
                    f'{os.environ[name]} processes were started ({name}), and each would train on '
                    'its own: add --communicator pure_nccl (GPUs) or --communicator naive (CPU), '
                    'or start without mpiexec')
        return OneProcess()
    try:
        from mpi4py import MPI  # noqa: F401 -- initialises MPI
    except (ImportError, RuntimeError) as error:    # RuntimeError: there is no MPI library
        raise ConfigError(
            f'--communicator {communicator}: mpi4py is not installed or cannot start '
            f'({str(error).splitlines()[0]}); the extra [mpi] brings it'
        ) from error
    from tgan_chainer.distributed.ranks import connect_ranks
    return connect_ranks(communicator)
