"""Where these tests compute: on the CPU, where their code is tried, and on GPU 0 (-m gpu)."""
import contextlib
import warnings

import chainer
import numpy as np
import pytest

from parity import backend
from tgan_chainer.device import get_device
from tgan_chainer.errors import DeviceError


@pytest.fixture(params=[-1, pytest.param(0, marks=pytest.mark.gpu)], ids=['cpu', 'gpu'])
def gpu(request, monkeypatch):
    """Number for --gpu; Chainer's own functions run, as a GPU has no others."""
    try:
        device = get_device(request.param)
    except DeviceError as error:
        pytest.skip(str(error))
    device.use()
    monkeypatch.setattr(backend, 'device', device)    # where random numbers go
    monkeypatch.setenv('TGAN_CPU_KERNELS', 'chainer')
    with chainer.using_config('tgan_cpu_kernels', 'chainer'):
        yield request.param


@pytest.fixture
def device(gpu):
    """Its Chainer device."""
    return backend.device


@contextlib.contextmanager
def no_waiting(device):
    """On a GPU, an error where the host fetches an array or waits for the device."""
    with contextlib.ExitStack() as stack:
        if device.xp is not np:
            import cupyx
            stack.enter_context(warnings.catch_warnings())
            warnings.simplefilter('ignore')    # that it may go one day; CuPy 14 has it
            stack.enter_context(cupyx.allow_synchronize(False))
        yield
