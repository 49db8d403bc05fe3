"""Puts the double where ``import cupy`` finds it, before Chainer does.

Only in a process of its own: Chainer decides when it is imported whether there is a GPU.
"""
import sys
import types

import numpy as np

from trust.gpu.double import functions, kernels
from trust.gpu.double.arrays import ndarray

PACKAGES = ('cupy', 'cupy._util', 'cupy.cuda', 'cupy.cuda.cublas', 'cupy.cuda.runtime',
            'cupy.linalg', 'cupy.random', 'cupyx', 'cupyx.scipy', 'cupyx.scipy.linalg',
            'cupyx.scipy.special')
"""Modules of the double. Without ``cupy.cudnn`` Chainer takes cuDNN for absent."""

asked = set()
"""Dotted names that were asked for, such as ``cupy.linalg.eigh``."""


def install(names=None, version='13.6.0'):
    """Make ``import cupy`` give the double.

    Args:
        names (dict or None): Name -> entry of ``names.json``. A name that is not among them raises
            AttributeError. None lets every name pass that NumPy or the double has, to find out
            which are asked for.
        version (str): What ``cupy.__version__`` says; Chainer looks at it.

    Raises:
        RuntimeError: CuPy or Chainer was imported already.
    """
    early = {'cupy', 'chainer'} & sys.modules.keys()
    if early:
        raise RuntimeError(f'{sorted(early)} imported before the double: it needs a process of '
                           'its own')
    random = functions.Random()
    own = {**_own(), **{f'cupy.random.{name}': getattr(random, name)
                        for name in ('choice', 'normal', 'rand', 'randn', 'seed', 'uniform')}}
    own['cupy.__version__'] = version
    modules = {package: _Module(package, names, own) for package in PACKAGES}
    for package, module in modules.items():
        parent, _, last = package.rpartition('.')
        if parent:
            vars(modules[parent])[last] = module
    sys.modules.update(modules)
    return random


class _Module(types.ModuleType):
    """A module whose names are looked up when they are asked for."""

    def __init__(self, package, names, own):
        super().__init__(package)
        self.__path__ = []
        self._names = names
        self._own = own
        if f'{package}.__version__' in own:
            self.__version__ = own[f'{package}.__version__']

    def __getattr__(self, name):
        full = f'{self.__name__}.{name}'
        if name.startswith('__') or full in ('cupy.cudnn', 'cupy.cuda.cudnn'):
            raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')
        if self._names is not None and full not in self._names:
            raise AttributeError(f'{full} is not in trust/gpu/names.json: nobody has looked '
                                 'whether CuPy has it')
        value = self._find(full, name)
        asked.add(full)
        setattr(self, name, value)
        return value

    def _find(self, full, name):
        if full in self._own:
            return self._own[full]
        package = self.__name__.split('.')
        owner = np.linalg if package == ['cupy', 'linalg'] else np if package == ['cupy'] else None
        value = getattr(owner, name, None)
        if value is None:
            if self._names is None:
                raise AttributeError(f'module {self.__name__!r} has no attribute {name!r}')
            raise NotImplementedError(f'the double does not model {full}')
        if isinstance(value, type) or not callable(value):
            return value
        entry = (self._names or {}).get(full, {})
        return functions.from_numpy(full, value, entry.get('parameters'))


def _own():
    """What the double has of its own: dotted name -> object."""
    own = {'cupy.ndarray': ndarray, 'cupy.ElementwiseKernel': kernels.ElementwiseKernel,
           'cupy.ReductionKernel': kernels.ReductionKernel, 'cupyx.rsqrt': functions.rsqrt,
           'cupy._util.PerformanceWarning': type('PerformanceWarning', (RuntimeWarning,), {})}
    for name in ('array', 'asarray', 'ascontiguousarray', 'asnumpy', 'clip', 'copyto',
                 'empty', 'empty_like', 'fuse', 'get_array_module', 'memoize', 'rollaxis',
                 'split', 'where'):
        own[f'cupy.{name}'] = getattr(functions, name)
    for name in ('eigh', 'eigvalsh', 'svd'):
        own[f'cupy.linalg.{name}'] = getattr(functions, name)
    pool = functions.MemoryPool()
    own['cupy.get_default_memory_pool'] = own['cupy.get_default_pinned_memory_pool'] = lambda: pool
    for name in ('Device', 'Event', 'Stream'):
        own[f'cupy.cuda.{name}'] = getattr(functions, name)
    own['cupy.cuda.runtime.CUDARuntimeError'] = functions.CUDARuntimeError
    own['cupy.cuda.runtime.getDeviceCount'] = lambda: 1
    return own
