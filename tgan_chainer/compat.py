"""Lets Chainer 7.8.1 (2022) run on current NumPy, Python, setuptools and CuPy wheels.

No other module patches anything. An installation has ``tgan_chainer.pth`` in site-packages, a line
that Python runs at its start: the first ``import chainer`` then imports this package before
Chainer; where that fails, Chainer's own error is what the user sees. The patches:

* ``chainer._environment_check`` imports ``numpy.distutils`` (gone in Python 3.12, broken by
  setuptools 74) and ``pkg_resources`` (gone in setuptools 82), only to print version warnings.
  In its place Chainer's version is compared with the one of these patches.
* ``numpy.sctypes`` (gone in NumPy 2.0) is read by ``chainer/functions/array/as_strided.py`` when
  it is imported and when it runs. The table of NumPy 1.26 is put back.
* CuPy 13, unlike 14, does not look into NVIDIA's wheels for its libraries. Where such wheels are
  installed they are loaded by name first, so that CuPy finds them in the process.
* Chainer warns of a missing cuDNN, and to install CuPy again. CuPy 14 has none, and Chainer's own
  kernels run then: ``tgan doctor`` says which.

What is left alone: ``numpy.float`` (only ``F.resize_images``, not used here) and ``pkg_resources``
for ``chainer.gradient_check`` (only the tests, which install ``setuptools<81``).
"""
import contextlib
import ctypes
import importlib.util
import sys
import types
import warnings
from pathlib import Path

import numpy as np

SUPPORTED_CHAINER = '7.8.1'

# Chainer's setup.py imports pkg_resources, which pip's isolated builds no longer have.
_INSTALL = (f'chainer {SUPPORTED_CHAINER}. Run: pip install "setuptools<81" wheel && '
            f'pip install --no-build-isolation chainer=={SUPPORTED_CHAINER}')

# Order matters: a library is loaded after those it links to.
_CUDA_LIBRARIES = (
    'cuda_runtime/lib/libcudart.so.12',
    'cuda_nvrtc/lib/libnvrtc.so.12',
    'nvjitlink/lib/libnvJitLink.so.12',
    'cublas/lib/libcublasLt.so.12',
    'cublas/lib/libcublas.so.12',
    'curand/lib/libcurand.so.10',
    'cusparse/lib/libcusparse.so.12',
    'cusolver/lib/libcusolver.so.11',
    'cudnn/lib/libcudnn.so.8',
)

_NUMPY_SCTYPES = {
    'int': [np.int8, np.int16, np.int32, np.int64],
    'uint': [np.uint8, np.uint16, np.uint32, np.uint64],
    'float': [np.float16, np.float32, np.float64, np.longdouble],
    'complex': [np.complex64, np.complex128, np.clongdouble],
    'others': [bool, object, bytes, str, np.void],
}


def _preload_cuda_wheels():
    for folder in dict.fromkeys(sys.path):
        for library in _CUDA_LIBRARIES:
            path = Path(folder, 'nvidia', library)
            if path.is_file():
                with contextlib.suppress(OSError):    # CuPy's own error names it better
                    ctypes.CDLL(str(path))


def _check_version(found):
    if found != SUPPORTED_CHAINER:
        raise ImportError(f'found Chainer {found}, but tgan_chainer is written for {_INSTALL}')


def install():
    """Make Chainer importable, without importing it. Safe to call again, and after it is imported.

    Raises an ImportError, or has ``import chainer`` raise it, if Chainer is missing or not the
    version that these patches were written for.
    """
    _preload_cuda_wheels()
    warnings.filterwarnings('ignore', 'cuDNN is not enabled', UserWarning)
    if 'sctypes' not in np.__dict__:
        np.sctypes = _NUMPY_SCTYPES
    if 'chainer' in sys.modules:
        _check_version(sys.modules['chainer'].__version__)
    elif importlib.util.find_spec('chainer'):
        # An earlier `import chainer` without these patches failed halfway and left submodules.
        for name in [name for name in sys.modules if name.startswith('chainer.')]:
            del sys.modules[name]
        module = types.ModuleType('chainer._environment_check')
        # Chainer has no __version__ yet when it calls this.
        module.check = lambda: _check_version(sys.modules['chainer._version'].__version__)
        sys.modules[module.__name__] = module
    else:
        raise ImportError(f'Chainer is not installed: tgan_chainer needs {_INSTALL}')
