"""Training on many devices with ChainerMN: one process a device, started by mpiexec.

The processes are ranks (:mod:`.ranks`); a training without MPI has :mod:`.one_process` in their
place, so that no caller asks which of the two it is. See docs/many_devices.md.
"""
import os

from tgan_chainer.distributed.one_process import OneProcess
from tgan_chainer.errors import ConfigError

_SIZES = ('OMPI_COMM_WORLD_SIZE', 'PMI_SIZE')    # how Open MPI and MPICH tell of other processes


def connect(communicator):
    """The ranks of ``--communicator NAME``; one process without it, and nothing of MPI imported.

    Raises:
        ConfigError: mpi4py is missing or finds no MPI; the communicator is unknown or cannot be
            used; or several processes were started without one.
        DeviceError: There are fewer GPUs than ranks.
    """
    if communicator is None:
        for name in _SIZES:
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
