import sys
from unittest import mock

import chainer
import pytest

from tgan_chainer.device import count_gpus, get_device
from tgan_chainer.errors import DeviceError


def fake_cupy(**count):
    runtime = mock.Mock(CUDARuntimeError=OSError, **{
        f'getDeviceCount.{key}': value for key, value in count.items()})
    return mock.Mock(cuda=mock.Mock(runtime=runtime))


@pytest.mark.parametrize('cupy, count, message', [
    (None, 0, 'CuPy is not installed.*--gpu -1 for the CPU'),
    (fake_cupy(side_effect=OSError('cudaErrorInsufficientDriver')), 0, 'InsufficientDriver'),
    (fake_cupy(return_value=2), 2, 'there are 2 GPUs')], ids=['no CuPy', 'no driver', 'too few'])
def test_a_gpu_that_is_not_there(monkeypatch, cupy, count, message):
    monkeypatch.setitem(sys.modules, 'cupy', cupy)
    monkeypatch.setattr(chainer.backends.cuda, 'available', count > 0)
    assert count_gpus() == count
    assert get_device(-1) == chainer.get_device('@numpy')
    for gpu, expected in ((2, message), (-2, '--gpu -2: expected -1, the CPU, or the number')):
        with pytest.raises(DeviceError, match=expected):
            get_device(gpu)
