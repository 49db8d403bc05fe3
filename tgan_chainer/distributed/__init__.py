"""Training on many devices with ChainerMN: one process a device, started by mpiexec.

What the processes (ranks) do together is in :class:`~tgan_chainer.distributed.ranks.Ranks`; a
training without MPI has a :class:`~tgan_chainer.distributed.one_process.OneProcess` in its place,
so that no caller asks which of the two it is. See docs/many_devices.md.
"""
