"""Where our side of a check computes; inputs are made, and results compared, in main memory."""
import contextlib
from unittest import mock

import chainer
import numpy as np

from tgan_chainer.device import get_device
from tgan_chainer.functions.choice import runs_on_cpu_kernels

device = chainer.get_device('@numpy')
"""The Chainer device of our networks."""


def use(kernels, gpu):
    """Settle what the checks of this process compute on; raises for what is not there.

    ``kernels`` are one of :data:`tgan_chainer.functions.choice.KERNELS`, or None for what
    TGAN_CPU_KERNELS says; ``gpu`` is -1 for the CPU.
    """
    global device
    device = get_device(gpu)
    device.use()
    chainer.global_config.tgan_cpu_kernels = kernels or chainer.config.tgan_cpu_kernels
    runs_on_cpu_kernels(np.zeros(1))    # raises for an unknown name


def describe():
    """Kernels and device, as a report names them: 'tgan on @numpy'."""
    kernels = 'chainer' if on_gpu() else chainer.config.tgan_cpu_kernels
    return f'{kernels} on {device.name}'


def on_gpu():
    """Whether results come from a GPU, for bounds that are wider there."""
    return device.xp is not np


def send(array):
    """A NumPy array -> the same on the device."""
    return device.send(array)


@contextlib.contextmanager
def random_numbers_of_numpy():
    """Within, the device's random numbers are drawn by NumPy's global generator."""
    with contextlib.ExitStack() as stack:
        if on_gpu():
            for draw in (np.random.randn, np.random.normal, np.random.uniform):
                stack.enter_context(mock.patch.object(
                    device.xp.random, draw.__name__,
                    lambda *args, draw=draw: send(np.asarray(draw(*args)))))
        yield
