"""Where the CPU kernels of this package run, and where Chainer's own functions do.

NumPy arrays of float32 and float64 run our kernels. Everything else (GPU arrays, float16, mixed
dtypes, empty arrays) runs Chainer's own functions, and so does everything within
``chainer.using_config('tgan_cpu_kernels', 'chainer')``; ``TGAN_CPU_KERNELS=chainer`` in the
environment, when the package is imported, chooses it from the start.
"""
import os

import chainer
import numpy as np

from tgan_chainer.errors import ConfigError

KERNELS = ('tgan', 'chainer')
"""Values of ``chainer.config.tgan_cpu_kernels``: this package's kernels, or Chainer's own."""

chainer.global_config.tgan_cpu_kernels = os.environ.get('TGAN_CPU_KERNELS', KERNELS[0])


def runs_on_cpu_kernels(*arrays):
    """Whether these inputs are for the kernels of this package: by type, dtype, size and option.

    Args:
        arrays (numpy.ndarray, cupy.ndarray, chainer.Variable or None): None is skipped.

    Raises:
        ConfigError: ``chainer.config.tgan_cpu_kernels`` is not one of :data:`KERNELS`.
    """
    kernels = chainer.config.tgan_cpu_kernels
    if kernels not in KERNELS:
        raise ConfigError(
            f'TGAN_CPU_KERNELS (chainer.config.tgan_cpu_kernels) is {kernels!r}; '
            f'expected one of {", ".join(KERNELS)}.')
    arrays = [a.array if isinstance(a, chainer.Variable) else a for a in arrays if a is not None]
    return (kernels == 'tgan'
            and all(isinstance(a, np.ndarray) for a in arrays)
            and arrays[0].dtype in (np.float32, np.float64)
            and all(a.dtype == arrays[0].dtype and a.size for a in arrays))
