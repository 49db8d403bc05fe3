"""Functions of ``cupy``, ``cupy.cuda``, ``cupy.linalg`` and ``cupy.random`` on the double's arrays.

Those that need no thought are made from NumPy's of the same name by :func:`from_numpy`: the same
result, on the device, and a TypeError for host arrays among the arguments.
"""
import functools
import inspect
import itertools

import numpy as np

from trust.gpu.double import arrays, transfers
from trust.gpu.double.arrays import argument, ndarray, operand, uninitialised, wrap

# CuPy fetches the size of their results, which the double does not model.
_WAITING = {'argwhere', 'bincount', 'compress', 'extract', 'flatnonzero', 'histogram', 'nonzero',
            'unique', 'array_equal', 'allclose', 'repeat', 'digitize', 'searchsorted'}


def from_numpy(name, function, parameters=None):
    """NumPy's ``function`` on arrays of the double.

    Args:
        name (str): CuPy's name, for messages.
        parameters (list or None): CuPy's own parameters, see :mod:`trust.gpu.probe`: a call that
            does not fit them is refused, whatever NumPy would accept.
    """
    if name.rsplit('.', 1)[-1] in _WAITING:
        return _not_modelled(name, 'makes the host wait in CuPy')
    signature = _signature(parameters)
    if isinstance(function, np.ufunc):
        return Ufunc(function, signature)

    @functools.wraps(function)
    def on_device(*args, **kwargs):
        if signature is not None:
            signature.bind(*args, **kwargs)
        out = kwargs.pop('out', None)
        if isinstance(out, np.ndarray):
            raise TypeError('Output arguments type must be cupy.ndarray')
        if out is not None:
            kwargs['out'] = out._values
        result = function(*map(argument, args),
                          **{key: argument(value) if key != 'out' else value
                             for key, value in kwargs.items()})
        return wrap(result) if out is None else out
    return on_device


class Ufunc:
    """``cupy.ufunc``: called only."""

    def __init__(self, ufunc, signature=None):
        self._ufunc = ufunc
        self.__name__ = ufunc.__name__
        self.nin, self.nout = ufunc.nin, ufunc.nout

    def __call__(self, *args, out=None, dtype=None):
        if len(args) == self.nin + 1:
            *args, out = args
        return arrays.apply(self._ufunc, *args, out=out, dtype=dtype)


def _not_modelled(name, why):
    def refused(*args, **kwargs):
        raise NotImplementedError(f'{name} {why}; the double does not model it')
    return refused


def _signature(parameters):
    if parameters is None:
        return None
    return inspect.Signature([
        inspect.Parameter(name, inspect._ParameterKind(kind),
                          default=None if has_default else inspect.Parameter.empty)
        for name, kind, has_default in parameters])


# -- making arrays ---------------------------------------------------------------------------------

def array(obj, dtype=None, copy=True, order='K', subok=False, ndmin=0, *, blocking=False):
    if isinstance(obj, ndarray):
        values = obj._values
        fits = dtype is None or values.dtype == np.dtype(dtype)
        if not copy and fits and ndmin <= values.ndim:
            return obj
        return wrap(np.array(values, dtype, copy=True, order=order, ndmin=ndmin))
    if isinstance(obj, (list, tuple)) and any(isinstance(part, ndarray) for part in obj):
        return wrap(np.array([operand(part) for part in obj], dtype, ndmin=ndmin))
    values = np.array(obj, dtype, order=order, ndmin=ndmin)
    if values.dtype.kind not in 'biufc':
        raise ValueError(f'Unsupported dtype {values.dtype}')
    transfers.record(transfers.TO_DEVICE, 'array', values.nbytes)
    return wrap(values)


def asarray(a, dtype=None, order=None, *, blocking=False):
    return array(a, dtype, copy=False, order=order or 'K')


def ascontiguousarray(a, dtype=None):
    a = asarray(a, dtype)
    return a if a.flags.c_contiguous and a.ndim else wrap(np.ascontiguousarray(a._values))


def asnumpy(a, stream=None, order='C', out=None, *, blocking=True):
    return a.get(out=out) if isinstance(a, ndarray) else np.asarray(a, order=order)


def empty(shape, dtype=float, order='C'):
    return wrap(uninitialised(shape, dtype, order))


def empty_like(prototype, dtype=None, order='K', subok=None, shape=None):
    if not isinstance(prototype, ndarray):
        raise TypeError(f'Unsupported type {type(prototype)}')
    values = np.empty_like(prototype._values, dtype, order, shape=shape)
    values[...] = uninitialised((), values.dtype)
    return wrap(values)


# -- functions whose ways differ from NumPy's ------------------------------------------------------

def clip(a, a_min, a_max, out=None):
    if not isinstance(a, ndarray):
        raise TypeError(f'Unsupported type {type(a)}')
    result = np.clip(a._values, *(None if bound is None else operand(bound)
                                  for bound in (a_min, a_max)))
    result = result.astype(a.dtype, copy=False)
    if out is None:
        return wrap(result)
    out[...] = wrap(result)
    return out


def copyto(dst, src, casting='same_kind', where=None):
    if where is not None or not isinstance(src, ndarray):
        raise NotImplementedError('the double copies whole device arrays only')
    dst[...] = src


def where(condition, x=None, y=None):
    if x is None:
        _not_modelled('where of one argument', 'makes the host wait in CuPy')()
    return wrap(np.where(operand(condition).astype(bool), operand(x), operand(y)))


def rollaxis(a, axis, start=0):
    return wrap(np.rollaxis(operand(a), axis, start))


def split(ary, indices_or_sections, axis=0):
    """By numbers of the host, which CuPy makes slices of; no copy."""
    return wrap(np.split(operand(ary), indices_or_sections, axis))


def eigh(a, UPLO='L'):
    return tuple(wrap(np.linalg.eigh(_factorisable(a), UPLO)))


def eigvalsh(a, UPLO='L'):
    return wrap(np.linalg.eigvalsh(_factorisable(a), UPLO))


def svd(a, full_matrices=True, compute_uv=True):
    return tuple(wrap(np.linalg.svd(_factorisable(a), full_matrices, compute_uv)))


def _factorisable(a):
    values = operand(a)
    if values.dtype.char not in 'fd' or values.ndim != 2:
        raise RuntimeError(f'the double factorises matrices of float32 and float64, not '
                           f'{values.dtype} {values.shape}')
    return values


def rsqrt(x, out=None, dtype=None):
    root = arrays.apply(np.sqrt, x, dtype=dtype)
    return arrays.apply(np.true_divide, 1, root, out=out)


def get_array_module(*args):
    import cupy
    return cupy if any(isinstance(arg, ndarray) for arg in args) else np


def memoize(for_each_device=False):
    def decorator(function):
        return functools.cache(function)
    return decorator


def fuse(*args, **kwargs):
    """``cupy.fuse()``: Chainer decorates functions of LSTMs when it is imported."""
    return lambda function: _not_modelled(function.__name__, 'is fused')


# -- random numbers --------------------------------------------------------------------------------

class Random:
    """``cupy.random``: a stream of its own, in float64 unless a dtype is given.

    Attributes:
        stream: RandomState that draws; :func:`share` puts NumPy's global one here.
    """

    def __init__(self):
        self.own()

    def share(self):
        """Draw from NumPy's global stream, so that a run can be compared with one on NumPy."""
        self.stream = np.random

    def own(self):
        """Draw from a stream of its own again."""
        self.stream = np.random.RandomState()

    def seed(self, seed=None):
        if self.stream is np.random:
            np.random.seed(seed)
        else:
            self.stream = np.random.RandomState(seed)

    def uniform(self, low=0.0, high=1.0, size=None, dtype=float):
        return self._cast(self.stream.uniform(low, high, size), dtype)

    def normal(self, loc=0.0, scale=1.0, size=None, dtype=float):
        return self._cast(self.stream.normal(loc, scale, size), dtype)

    def randn(self, *size, dtype=float):
        return self._cast(self.stream.randn(*size), dtype)

    def rand(self, *size, dtype=float):
        return self._cast(self.stream.rand(*size), dtype)

    def choice(self, a, size=None, replace=True, p=None):
        """CuPy's way, by Gumbel noise; it fetches a sum and a condition to check ``p``."""
        if not isinstance(a, int) or size is None or not replace or p is None:
            raise NotImplementedError('the double chooses integers, by given probabilities')
        p = array(p)
        if p.ndim != 1 or len(p) != a:
            raise ValueError('a and p must have same size')
        if not (p >= 0).all():
            raise ValueError('probabilities are not non-negative')
        if not np.allclose(p.sum().get(), 1):
            raise ValueError('probabilities do not sum to 1')
        noise = self.stream.gumbel(size=(int(np.prod(size)), a))
        with np.errstate(divide='ignore'):
            return wrap((np.log(p._values) + noise).argmax(axis=1).reshape(size))

    @staticmethod
    def _cast(values, dtype):
        if np.dtype(dtype).char not in 'fd':
            raise TypeError(f'cupy.random draws float32 and float64 only, not {dtype}')
        return wrap(np.asarray(values).astype(dtype))


# -- devices ---------------------------------------------------------------------------------------

class Device:
    """One of the double's devices: there is one, number 0."""

    def __init__(self, device=None):
        self.id = 0 if device is None else int(device)
        if self.id != 0:
            raise CUDARuntimeError(f'cudaErrorInvalidDevice: {self.id}')

    def use(self):
        """Nothing to do: there is no other."""

    def synchronize(self):
        transfers.record(transfers.WAIT, 'Device.synchronize')

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return None

    def __int__(self):
        return self.id

    def __eq__(self, other):
        return isinstance(other, Device) and other.id == self.id

    def __hash__(self):
        return hash(self.id)


class CUDARuntimeError(RuntimeError):
    """``cupy.cuda.runtime.CUDARuntimeError``."""


class Stream:
    """``cupy.cuda.Stream``: everything happens at once."""

    def __init__(self, null=False, non_blocking=False, ptds=False):
        self.null = null

    def synchronize(self):
        transfers.record(transfers.WAIT, 'Stream.synchronize')

    def __enter__(self):
        return self

    def __exit__(self, *args):
        return None


class Event:
    """``cupy.cuda.Event``."""

    numbers = itertools.count()

    def __init__(self, block=False, disable_timing=False, interprocess=False):
        self.number = None

    def record(self, stream=None):
        self.number = next(self.numbers)

    def synchronize(self):
        transfers.record(transfers.WAIT, 'Event.synchronize')


class MemoryPool:
    """``cupy.get_default_memory_pool()``: the double's memory is NumPy's, so there is none here."""

    def total_bytes(self):
        return 0

    used_bytes = total_bytes
