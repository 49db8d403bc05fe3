"""How our side times a call, and what it can count, on the CPU and on a GPU."""
import contextlib
from unittest import mock

import numpy as np

from benchmarks.protocol import peak_memory, time_on_host

TO_HOST, TO_GPU = 'copies to the host', 'copies to the GPU'


class DeviceClock:
    """Times and counts on one device.

    Args:
        device (chainer.backend.Device): The CPU or a GPU.
    """

    def __init__(self, device):
        self._xp = device.xp

    @property
    def on_gpu(self):
        """Whether the device is a GPU."""
        return self._xp is not np

    def time(self, function):
        """Call ``function()`` -> (seconds, what it returned).

        On a GPU the seconds are the device's, between two events of its stream.
        """
        if not self.on_gpu:
            return time_on_host(function)
        cuda = self._xp.cuda
        start, end = cuda.Event(), cuda.Event()
        start.record()
        result = function()
        end.record()
        end.synchronize()
        return cuda.get_elapsed_time(start, end) / 1000, result

    def peak(self):
        """The most memory so far, in bytes: of this process, or what CuPy's pool has taken."""
        if not self.on_gpu:
            return peak_memory()
        return self._xp.get_default_memory_pool().total_bytes()

    def count(self, function):
        """Call ``function()`` -> (counts, what it returned).

        On a GPU the counts are of copies between host and GPU through CuPy's Python interface
        (what C code starts, such as ``float(array)``, passes by uncounted), and None for the
        launches of kernels, of which CuPy has no count. On the CPU there is nothing to count.
        """
        if not self.on_gpu:
            return {}, function()
        counts = {TO_HOST: 0, TO_GPU: 0, 'kernel launches': None}
        xp = self._xp
        with contextlib.ExitStack() as stack:
            for owner, name, key in ((xp.ndarray, 'get', TO_HOST), (xp.ndarray, 'set', TO_GPU),
                                     (xp, 'array', TO_GPU), (xp, 'asarray', TO_GPU)):
                counted = _counted(getattr(owner, name), counts, key, owner is xp and xp.ndarray)
                stack.enter_context(mock.patch.object(owner, name, counted))
            result = function()
        return counts, result


def _counted(function, counts, key, but_not_of):
    """The function, which counts its calls but those on arrays that are on the GPU already."""
    def call(first, *args, **kwargs):
        if not (but_not_of and isinstance(first, but_not_of)):
            counts[key] += 1
        return function(first, *args, **kwargs)
    return call
