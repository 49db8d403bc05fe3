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


def test_negative_is_the_cpu_and_any_other_is_refused():
    assert get_device(-1) == chainer.get_device('@numpy')
    with pytest.raises(DeviceError, match='--gpu -2: expected -1, the CPU, or the number'):
        get_device(-2)


@pytest.mark.parametrize('cupy, count, message', [
    (None, 0, 'CuPy is not installed.*--gpu -1 for the CPU'),
    (fake_cupy(None), 0, 'cudaErrorInsufficientDriver'),
    (fake_cupy(2), 2, 'there are 2 GPUs')], ids=['no CuPy', 'no driver', 'too few'])
def test_a_gpu_that_is_not_there(monkeypatch, cupy, count, message):
    monkeypatch.setitem(sys.modules, 'cupy', cupy)
    monkeypatch.setattr(chainer.backends.cuda, 'available', count > 0)
    assert count_gpus() == count
    with pytest.raises(DeviceError, match=message):
        get_device(2)
