"""The device a command runs on."""
import chainer
import numpy as np

from tgan_chainer.errors import DeviceError


def count_gpus():
    """Number of GPUs that CuPy can use: 0 without CuPy, driver or device."""
    return _probe()[0]


def get_device(gpu):
    """The Chainer device of a ``--gpu`` flag: -1 is the CPU, N the GPU of that number.

    None is GPU 0 if there is one, or else the CPU. One that cannot be used is a DeviceError.
    """
    if gpu == -1 or (gpu is None and not count_gpus()):
        return chainer.get_device('@numpy')
    gpu, (count, reason) = gpu or 0, _probe()
    if gpu < -1:
        raise DeviceError(f'--gpu {gpu}: expected -1, the CPU, or the number of a GPU, from 0')
    if gpu >= count:
        raise DeviceError(f'--gpu {gpu}: {reason or f"there are {count} GPUs, numbered from 0"}. '
                          'Use --gpu -1 for the CPU.')
    return chainer.get_device(f'@cupy:{gpu}')


def gpu_name(device):
    """Name of a Chainer device's GPU, None for the CPU."""
    if device.xp is np:
        return None
    return device.xp.cuda.runtime.getDeviceProperties(device.device.id)['name'].decode()


def gpu_libraries():
    """What computes where there is a GPU: 'CuPy 14.2.0, no cuDNN'."""
    cuda = chainer.backends.cuda
    cudnn = f'cuDNN {cuda.libcudnn.getVersion()}' if cuda.cudnn_enabled else 'no cuDNN'
    return f'CuPy {cuda.cupy.__version__}, {cudnn}'


def _probe():
    """Number of usable GPUs, and why there is none (or None)."""
    try:
        import cupy
    except ImportError as error:
        reason = str(error).splitlines()[0]
        return 0, (f'CuPy is not installed or cannot start ({reason}); '
                   'the extra [cuda13] or [cuda12] brings it')
    try:    # chainer.backends.cuda.available is true where there are CUDA libraries, and no GPU
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        return 0, f'CUDA finds no GPU ({error})'
    if not chainer.backends.cuda.available:
        return 0, f'Chainer cannot use CuPy ({chainer.backends.cuda._resolution_error})'
    return count, None
