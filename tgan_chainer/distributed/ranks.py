"""The ranks of a training that mpiexec started. Importing this initialises MPI."""
import contextlib
import os
import signal
import sys
import time
import traceback

import chainer
import chainermn
import numpy as np
from chainermn.communicators import _memory_utility
from mpi4py import MPI

from tgan_chainer.datasets.drawing import DrawnDataset
from tgan_chainer.device import count_gpus
from tgan_chainer.distributed import OneProcess
from tgan_chainer.errors import EXIT_INTERRUPTED, ConfigError, DeviceError, TGANError
from tgan_chainer.links import BatchNormalization

COMMUNICATORS = ('naive', 'pure_nccl')    #: ChainerMN's on the CPU, and on GPUs, one a rank.
EXIT_FAULT = 1    #: Exit code after an exception that the user did not cause, as Python's own.


class Ranks(OneProcess):
    """The processes that mpiexec started; methods as of the base class, which all ranks call."""

    # mpiexec of Open MPI 5 kills its ranks half a second after a SIGINT or SIGTERM of its own,
    # but passes SIGUSR1 on and waits.
    stop_signals = (*OneProcess.stop_signals, signal.SIGUSR1)

    def __init__(self, communicator, uses_gpus=False):
        self.communicator = communicator
        self.rank = communicator.rank
        self.size = communicator.size
        self.is_first = self.rank == 0
        self._uses_gpus = uses_gpus
        self._mpi = communicator.mpi_comm
        self._shared_error = None    # one that all ranks know of, and end with

    def get_device(self, gpu):
        """The CPU, or the GPU of this rank's number on its node; no other may be asked for."""
        if gpu != -1:
            raise ConfigError(
                f'--gpu {gpu}: --communicator decides on the device: with pure_nccl every rank '
                'takes the GPU of its number on its node, with naive the CPU. Leave --gpu out')
        return super().get_device(self.communicator.intra_rank if self._uses_gpus else -1)

    def on_all(self, function, *args):
        result, error = _outcome(function, args)
        self._raise_first(self.gather(error))
        return result

    def on_first(self, function, *args):
        result, error = self._mpi.bcast(_outcome(function, args) if self.is_first else None)
        self._raise_first([error])
        return result

    def _raise_first(self, errors):
        rank, error = next(((rank, error) for rank, error in enumerate(errors) if error), (0, None))
        if error and not self.is_first:
            raise SystemExit(error.exit_code)
        if error:
            self._shared_error = type(error)(f'rank {rank}: {error}') if rank else error
            raise self._shared_error

    @contextlib.contextmanager
    def ending_together(self):
        # The others wait for the rank that fails, which prints what happened and kills them.
        try:
            yield
        except (Exception, KeyboardInterrupt) as error:
            if self.size == 1 or error is self._shared_error:
                raise
            message, code = f'rank {self.rank}: {traceback.format_exc()}', EXIT_FAULT
            if isinstance(error, TGANError):
                message, code = f'error: rank {self.rank}: {error}', error.exit_code
            elif isinstance(error, KeyboardInterrupt):
                message, code = f'interrupted: rank {self.rank}', EXIT_INTERRUPTED
            sys.stdout.flush()
            print(message, file=sys.stderr, flush=True)
            time.sleep(0.5)    # mpiexec throws away what a rank printed just before it aborts
            self._mpi.Abort(code)

    def gather(self, value):
        return self._mpi.allgather(value)

    def mean(self, array):
        xp = chainer.backend.get_array_module(array)
        contiguous = xp.ascontiguousarray(array)
        if xp is np:
            self.communicator._multi_node_mean(None, contiguous)
        else:
            contiguous = self._mean_nccl(contiguous)
        array[...] = contiguous
        return array

    def _mean_nccl(self, array):
        # The way of ChainerMN's own batch normalisation; nothing comes to the host.
        given, received = _memory_utility.DeviceMemory(), _memory_utility.DeviceMemory()
        for memory in (given, received):
            memory.assign(array.nbytes)
        given.array(array.shape, dtype=array.dtype)[...] = array
        self.communicator._multi_node_mean_nccl(
            given, received, array.size, array.dtype, chainer.cuda.Stream.null)
        return received.array(array.shape, dtype=array.dtype)

    def broadcast(self, link):
        for param in link.params(include_uninit=False):
            param.array = param.xp.ascontiguousarray(param.array)    # or a copy would receive
        self.communicator.bcast_data(link)

    def averaging(self, optimizer):
        # ChainerMN's own optimizer would take every first update for a broadcast alone. As the
        # first hook of Chainer's, this comes before those that clip.
        optimizer.add_hook(self._average, 'average_over_ranks', 'pre')
        return optimizer

    def _average(self, optimizer):
        """Average, in one message each, gradients and statistics of each rank's own batches.

        Singular value clipping bounds gamma by the statistics, and a snapshot holds one of each.
        """
        arrays = [array for child in optimizer.target.links()
                  if isinstance(child, BatchNormalization) and child.ranks is None
                  for array in (child.avg_mean, child.avg_var)]
        if arrays:
            means = self.mean(optimizer.target.xp.concatenate([each.ravel() for each in arrays]))
            for array in arrays:
                array[...], means = means[:array.size].reshape(array.shape), means[array.size:]
        for param in optimizer.target.params(include_uninit=False):
            if param.grad is not None:    # of one that is not contiguous a copy would get the mean
                param.grad = param.xp.ascontiguousarray(param.grad)
        self.communicator.multi_node_mean_grad(optimizer.target)

    def share(self, dataset, seed):
        """As ``chainermn.scatter_dataset(shuffle=True)`` cuts it, but of indices: nothing is sent.

        All shares are of one length; some examples belong to two where the ranks do not divide the
        data set.
        """
        if self.size == 1:    # all of it, in its own order: as a process without MPI does
            return dataset
        order = np.random.RandomState(seed).permutation(len(dataset))
        begin, end = chainermn.scatter_index(len(dataset), self.communicator)
        return Share(dataset, order[begin:end])


class Share(DrawnDataset):
    """The examples of ``dataset`` at ``indices``, which are drawn and loaded as there."""

    def __init__(self, dataset, indices):
        self.dataset = dataset
        self.indices = indices

    def __len__(self):
        return len(self.indices)

    def draw(self, i, streams):
        return self.dataset.draw(self.indices[i], streams)

    def load(self, i, drawn):
        return self.dataset.load(self.indices[i], drawn)


def _outcome(function, args):
    """The result of a call and None, or None and its TGANError."""
    try:
        return function(*args), None
    except TGANError as error:
        return None, error


def connect_ranks(name):
    """The ranks that mpiexec started, one without it, with ChainerMN's communicator ``name``."""
    ranks = Ranks(chainermn.create_communicator('naive'))
    if name == 'naive':
        # The kernels of every rank of a node get the same number of threads, unless it is given.
        cores = max(1, (os.cpu_count() or 1) // ranks.communicator.intra_size)
        os.environ.setdefault('TGAN_NUM_THREADS', str(cores))
        return ranks
    # In two steps: a rank that fails the first must not miss when the others talk in the second.
    ranks.on_all(_require_gpus, name, ranks.communicator)
    return ranks.on_all(_on_gpus, name)


def _on_gpus(name):
    try:
        return Ranks(chainermn.create_communicator(name), uses_gpus=True)
    except RuntimeError as error:
        raise ConfigError(f'--communicator {name}: {error} NCCL comes with '
                          'the extra [cuda13] or [cuda12]') from error


def _require_gpus(name, communicator):
    if name not in COMMUNICATORS:
        raise ConfigError(f'--communicator {name}: unknown; expected one of '
                          + ', '.join(COMMUNICATORS))
    count = count_gpus()
    if count < communicator.intra_size:
        raise DeviceError(
            f'--communicator {name}: found {count} GPUs for {communicator.intra_size} ranks on '
            f'{MPI.Get_processor_name()}, and every rank takes one of its own. Start fewer ranks '
            'there, or use --communicator naive, which runs on the CPU. Support for GPUs comes '
            'with the extra [cuda13] or [cuda12]')
