"""A GPU that is not there is one clear message; what CuPy answers decides."""
import sys
import types

import chainer
import pytest

from tgan_chainer.device import count_gpus, get_device
from tgan_chainer.errors import DeviceError


class CUDARuntimeError(Exception):
    pass


def fake_cupy(count):
    def get_device_count():
        if count is None:
            raise CUDARuntimeError('cudaErrorInsufficientDriver')
        return count
    runtime = types.SimpleNamespace(getDeviceCount=get_device_count,
                                    CUDARuntimeError=CUDARuntimeError)
    return types.SimpleNamespace(cuda=types.SimpleNamespace(runtime=runtime))


def test_negative_is_the_cpu():
    assert get_device(-1) == chainer.get_device('@numpy')


def test_any_other_negative_is_refused():
    with pytest.raises(DeviceError, match='--gpu -2: expected -1, the CPU, or the number'):
        get_device(-2)


def test_without_cupy(monkeypatch):
    monkeypatch.setitem(sys.modules, 'cupy', None)
    assert count_gpus() == 0
    with pytest.raises(DeviceError, match='CuPy is not installed.*--gpu -1 for the CPU'):
        get_device(0)


def test_cupy_without_a_driver(monkeypatch):
    monkeypatch.setitem(sys.modules, 'cupy', fake_cupy(None))
    assert count_gpus() == 0
    with pytest.raises(DeviceError, match='cudaErrorInsufficientDriver'):
        get_device(0)


def test_number_of_a_gpu_that_is_not_there(monkeypatch):
    monkeypatch.setitem(sys.modules, 'cupy', fake_cupy(2))
    monkeypatch.setattr(chainer.backends.cuda, 'available', True)
    assert count_gpus() == 2
    with pytest.raises(DeviceError, match='there are 2 GPUs'):
        get_device(2)
