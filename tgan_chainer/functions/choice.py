"""Where the CPU kernels of this package run, and where Chainer's own functions do.

NumPy arrays of float32 and float64 run our kernels. Everything else (GPU arrays, float16, mixed
dtypes, empty arrays) runs Chainer's own functions, and so does everything within
``chainer.using_config('tgan_cpu_kernels', 'chainer')``; ``TGAN_CPU_KERNELS=chainer`` in the
environment, when the package is imported, chooses it from the start, and so does the lack of numba,
which the extra [cpu] brings.
"""
import os

import chainer
import numpy as np

from tgan_chainer.errors import ConfigError
from tgan_chainer.functions.cpu import jit

KERNELS = 'tgan', 'chainer'    #: Of ``chainer.config.tgan_cpu_kernels``: ours, or Chainer's own.

chainer.global_config.tgan_cpu_kernels = os.environ.get(
    'TGAN_CPU_KERNELS', 'chainer' if jit.numba is None else 'tgan')

_CPU_EXTRA = 'pip install "tgan_chainer[cpu]"'


def cpu_kernels_in_use():
    """What computes on the CPU, for a reader; a ConfigError as :func:`runs_on_cpu_kernels`."""
    if runs_on_cpu_kernels(np.ones(1, np.float32)):
        return "this package's kernels"
    return "Chainer's kernels" + (
        f' (without numba; for some that are several times as fast: {_CPU_EXTRA})'
        if jit.numba is None else '')


def runs_on_cpu_kernels(*arrays):
    """Whether these inputs are for the kernels of this package: by type, dtype, size and option.

    Args:
        arrays (numpy.ndarray, cupy.ndarray, chainer.Variable or None): None is skipped.

    Raises:
        ConfigError: ``chainer.config.tgan_cpu_kernels`` is not one of :data:`KERNELS`, or is
            ``tgan`` without numba.
    """
    kernels = chainer.config.tgan_cpu_kernels
    if kernels not in KERNELS:
        raise ConfigError(
            f'TGAN_CPU_KERNELS (chainer.config.tgan_cpu_kernels) is {kernels!r}; '
            f'expected one of {", ".join(KERNELS)}.')
    if kernels == 'tgan' and jit.numba is None:
        raise ConfigError("TGAN_CPU_KERNELS (chainer.config.tgan_cpu_kernels) is 'tgan', but numba "
                          f'is not installed or cannot start: {_CPU_EXTRA}')
    arrays = [a.array if isinstance(a, chainer.Variable) else a for a in arrays if a is not None]
    return (kernels == 'tgan'
            and all(isinstance(a, np.ndarray) for a in arrays)
            and arrays[0].dtype in (np.float32, np.float64)
            and all(a.dtype == arrays[0].dtype and a.size for a in arrays))
