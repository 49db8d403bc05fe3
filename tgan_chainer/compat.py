"""Lets Chainer 7.8.1 (2022) run on current NumPy, Python, setuptools and CuPy wheels.

Imported before anything else in the package; no other module patches anything. The patches are
the smallest set that the project's own path needs, and each is skipped where it is not needed:

* ``chainer._environment_check`` imports ``numpy.distutils`` (gone in Python 3.12, broken by
  setuptools 74) and ``pkg_resources`` (gone in setuptools 82), only to print version warnings.
  An empty module takes its place while Chainer is imported.
* ``numpy.sctypes`` (gone in NumPy 2.0) is read by ``chainer/functions/array/as_strided.py`` when
  it is imported and when it runs. The table of NumPy 1.26 is put back.
* CuPy 13 does not look into NVIDIA's wheels for cuBLAS, cuRAND, cuSOLVER, NVRTC and cuDNN. Where
  such wheels are installed they are loaded by name first, so that CuPy finds them in the process.

What is left alone: ``numpy.float`` (only ``F.resize_images``, not used here) and ``pkg_resources``
for ``chainer.gradient_check`` (only the tests, which install ``setuptools<81``).
"""
import ctypes
import importlib
import sys
import types
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


def _preload_cuda_wheels():
    """Load NVIDIA's libraries from their wheels; without those wheels, do nothing.

    A library that cannot be loaded is left to CuPy, whose own error names it better.
    """
    for folder in dict.fromkeys(sys.path):
        for library in _CUDA_LIBRARIES:
            path = Path(folder, 'nvidia', library)
            if path.is_file():
                try:
                    ctypes.CDLL(str(path))
                except OSError:
                    continue


def _restore_numpy_sctypes():
    if 'sctypes' in np.__dict__:
        return
    np.sctypes = {
        'int': [np.int8, np.int16, np.int32, np.int64],
        'uint': [np.uint8, np.uint16, np.uint32, np.uint64],
        'float': [np.float16, np.float32, np.float64, np.longdouble],
        'complex': [np.complex64, np.complex128, np.clongdouble],
        'others': [bool, object, bytes, str, np.void],
    }


def _import_chainer():
    if 'chainer' in sys.modules:
        return sys.modules['chainer']
    # An earlier `import chainer` without these patches failed halfway and left submodules behind.
    for name in [name for name in sys.modules if name.startswith('chainer.')]:
        del sys.modules[name]
    environment_check = types.ModuleType('chainer._environment_check')
    environment_check.check = lambda: None
    sys.modules['chainer._environment_check'] = environment_check
    return importlib.import_module('chainer')


def install():
    """Make Chainer importable and import it. Safe to call again, and after ``import chainer``.

    Raises:
        ImportError: Chainer is missing, or not the version that these patches were written for.
    """
    _preload_cuda_wheels()
    _restore_numpy_sctypes()
    try:
        chainer = _import_chainer()
    except ModuleNotFoundError as error:
        if error.name != 'chainer':
            raise
        raise ImportError(
            f'Chainer is not installed: tgan_chainer needs {_INSTALL}') from None
    if chainer.__version__ != SUPPORTED_CHAINER:
        raise ImportError(
            f'found Chainer {chainer.__version__}, but tgan_chainer is written for {_INSTALL}')
