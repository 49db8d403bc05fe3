"""Training on many devices with ChainerMN: one process a device, started by mpiexec.

The processes are ranks (:mod:`.ranks`); a training without MPI has :mod:`.one_process` in their
place, so that no caller asks which of the two it is. See docs/many_devices.md.
"""
