"""An array class that behaves towards host arrays as ``cupy.ndarray`` does, on NumPy's memory.

Arithmetic with a ``numpy.ndarray`` raises TypeError, an assignment from one ValueError, and
``__array__`` TypeError, with CuPy 13.6's messages. What CuPy copies between the memories by itself
is counted (:mod:`~trust.gpu.double.transfers`): ``get``, ``set``, ``item``, ``float(...)``,
``bool(...)``, a list or host array as an index, a boolean mask (whose count CuPy fetches).
Reductions and single elements are arrays without dimensions, as in CuPy, and never scalars.
"""
import numpy as np

from trust.gpu.double import transfers

_IMPLICIT = ('Implicit conversion to a NumPy array is not allowed. Please use `.get()` to '
             'construct a NumPy array explicitly.')

_SCALARS = (bool, int, float, complex, np.generic)

value_based_promotion = True
"""CuPy 13: a NumPy scalar does not widen an array of its kind. CuPy 14 follows NEP 50: it does."""


def wrap(values):
    """NumPy's result -> the double's; tuples and lists element by element."""
    if isinstance(values, (np.ndarray, np.generic)):
        return ndarray._of(np.asarray(values))
    if isinstance(values, tuple) and hasattr(values, '_fields'):
        return type(values)(*map(wrap, values))
    if isinstance(values, (tuple, list)):
        return type(values)(map(wrap, values))
    return values


def operand(value):
    """An argument of arithmetic -> what NumPy computes with: arrays of the double, or scalars.

    Raises:
        TypeError: It is anything else, such as a host array.
    """
    if isinstance(value, ndarray):
        return value._values
    if type(value) in _SCALARS or isinstance(value, np.generic):
        return value.item() if value_based_promotion and isinstance(value, np.generic) else value
    raise TypeError(f'Unsupported type {type(value)}')


def argument(value):
    """Any argument of a function -> NumPy's: arrays are taken out, wherever they are.

    Raises:
        TypeError: There is a host array.
    """
    if isinstance(value, np.ndarray):
        raise TypeError(f'Unsupported type {type(value)}')
    if isinstance(value, (ndarray, np.generic)):
        return operand(value)
    if isinstance(value, (tuple, list)):
        return type(value)(map(argument, value))
    return value


def apply(ufunc, *operands, out=None, dtype=None):
    """A ufunc of NumPy on arrays of the double and scalars -> ndarray."""
    if isinstance(out, tuple):
        out, = out
    if out is not None and not isinstance(out, ndarray):
        raise TypeError('Output arguments type must be cupy.ndarray')
    kwargs = {} if dtype is None else {'dtype': dtype}
    values = [operand(value) for value in operands]
    if out is None:
        return wrap(ufunc(*values, **kwargs))
    if np.broadcast_shapes(*(np.shape(value) for value in values)) != out.shape:
        raise ValueError('Out shape is mismatched')
    ufunc(*values, out=out._values, **kwargs)
    return out


def yields(value):
    """Whether an operator leaves the work to the other operand, as CuPy's operators decide."""
    if hasattr(value, '__array_ufunc__'):
        return value.__array_ufunc__ is None
    return getattr(value, '__array_priority__', 0) > ndarray.__array_priority__


def _binary(ufunc):
    def method(self, other):
        return NotImplemented if yields(other) else apply(ufunc, self, other)
    return method


def _reflected(ufunc):
    def method(self, other):
        return NotImplemented if yields(other) else apply(ufunc, other, self)
    return method


def _in_place(ufunc):
    def method(self, other):
        return apply(ufunc, self, other, out=self)
    return method


def _compared(ufunc, with_others=None):
    def method(self, other):
        if isinstance(other, np.ndarray) and other.ndim == 0:
            other = other.item()
        if with_others is not None and other is None:
            return wrap(np.full(self.shape, with_others))
        return NotImplemented if yields(other) else apply(ufunc, self, other)
    return method


def _unary(ufunc):
    def method(self):
        return apply(ufunc, self)
    return method


def _reduction(name):
    def method(self, axis=None, dtype=None, out=None, keepdims=False):
        return _reduce(self, name, out, axis=axis, keepdims=keepdims,
                       **({} if dtype is None else {'dtype': dtype}))
    return method


def _selection(name):
    def method(self, axis=None, out=None, keepdims=False):
        return _reduce(self, name, out, axis=axis, keepdims=keepdims)
    return method


def _reduce(array, name, out, **kwargs):
    if out is not None and not isinstance(out, ndarray):
        raise TypeError('Output arguments type must be cupy.ndarray')
    result = getattr(array._values, name)(
        **kwargs, **({} if out is None else {'out': out._values}))
    return wrap(result) if out is None else out


def _converted(function):
    def method(self):
        return function(self._fetch(function.__name__))
    return method


class Flags:
    """What of ``numpy.ndarray.flags`` CuPy has."""

    def __init__(self, flags):
        self.c_contiguous = flags.c_contiguous
        self.f_contiguous = flags.f_contiguous
        self.owndata = flags.owndata
        self.forc = flags.forc
        self.fnc = flags.fnc


class ndarray:
    """See the module; the constructor fills memory with NaN, where CuPy leaves what there is."""

    __array_priority__ = 100
    __slots__ = ('__weakref__', '_values')

    def __init__(self, shape, dtype=float, memptr=None, strides=None, order='C'):
        if memptr is not None or strides is not None:
            raise NotImplementedError('the double has no pointers')
        self._values = uninitialised(shape, dtype, order)

    @classmethod
    def _of(cls, values):
        array = object.__new__(cls)
        array._values = values
        return array

    def _fetch(self, what):
        transfers.record(transfers.TO_HOST, what, self.nbytes)
        return self._values.copy()

    # -- between the memories ----------------------------------------------------------------------

    def get(self, stream=None, order='C', out=None, blocking=True):
        values = self._fetch('get')
        if out is None:
            return values
        out[...] = values
        return out

    def set(self, arr, stream=None):
        if not isinstance(arr, np.ndarray):
            raise TypeError('Only numpy.ndarray can be set to cupy.ndarray')
        if self.dtype != arr.dtype:
            raise TypeError(f'{arr.dtype} array cannot be set to {self.dtype} array')
        if self.shape != arr.shape:
            raise ValueError(f'Shape mismatch. Old shape: {self.shape}, new shape: {arr.shape}')
        if not self.flags.forc:
            raise RuntimeError('Cannot set to non-contiguous array')
        transfers.record(transfers.TO_DEVICE, 'set', arr.nbytes)
        self._values[...] = arr

    def item(self):
        if self.size != 1:
            raise ValueError('can only convert an array of size 1 to a Python scalar')
        return self._fetch('item').item()

    def tolist(self):
        return self._fetch('tolist').tolist()

    def __array__(self, dtype=None, copy=None):
        raise TypeError(_IMPLICIT)

    __int__ = _converted(int)
    __float__ = _converted(float)
    __complex__ = _converted(complex)
    __repr__ = _converted(repr)
    __str__ = _converted(str)

    def __bool__(self):
        return bool(self._fetch('bool'))

    def __format__(self, spec):
        return format(self._fetch('format')[()], spec)

    def __reduce__(self):
        from trust.gpu.double.functions import array
        return array, (self.get(),)

    # -- what NumPy calls --------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        import cupy
        if method != '__call__':
            return NotImplemented
        function = getattr(cupy, ufunc.__name__)    # or the double says that it is not in the list
        for value in (*inputs, *kwargs.get('out', ())):
            if not isinstance(value, (ndarray, np.ndarray, *_SCALARS)):
                return NotImplemented
        return function(*inputs, **kwargs)

    def __array_function__(self, function, types, args, kwargs):
        import cupy
        owner = cupy
        for name in function.__module__.split('.')[1:]:
            owner = getattr(owner, name, None)
        ours = getattr(owner, function.__name__, None)
        if ours is None or not all(issubclass(each, (ndarray, np.ndarray)) for each in types):
            return NotImplemented
        return ours(*args, **kwargs)

    # -- facts -------------------------------------------------------------------------------------

    shape = property(lambda self: self._values.shape)
    dtype = property(lambda self: self._values.dtype)
    ndim = property(lambda self: self._values.ndim)
    size = property(lambda self: self._values.size)
    nbytes = property(lambda self: self._values.nbytes)
    itemsize = property(lambda self: self._values.itemsize)
    strides = property(lambda self: self._values.strides)
    flags = property(lambda self: Flags(self._values.flags))
    T = property(lambda self: wrap(self._values.T))

    @property
    def device(self):
        from trust.gpu.double.functions import Device
        return Device(0)

    def __len__(self):
        if not self.ndim:
            raise TypeError('len() of unsized object')
        return len(self._values)

    def __iter__(self):
        if not self.ndim:
            raise TypeError('iteration over a 0-d array')
        return (self[i] for i in range(len(self)))

    # -- elements ----------------------------------------------------------------------------------

    def __getitem__(self, key):
        key, is_view = _index(key)
        return wrap(self._values[(*key, ...) if is_view and ... not in key else key])

    def __setitem__(self, key, value):
        key, _ = _index(key, counts_masks=False)
        if isinstance(value, ndarray):
            self._values[key] = value._values
        elif isinstance(value, np.ndarray) and value.ndim:
            raise ValueError('non-scalar numpy.ndarray cannot be used for fill')
        elif isinstance(value, (*_SCALARS, np.ndarray)):
            self._values[key] = value
        else:
            raise TypeError(f'Unsupported type {type(value)}')

    def fill(self, value):
        self[...] = value

    def scatter_add(self, slices, value):
        key, _ = _index(slices, counts_masks=False)
        np.add.at(self._values, key, operand(value))

    def take(self, indices, axis=None, out=None):
        if not isinstance(indices, ndarray):
            raise NotImplementedError('the double takes by device arrays only')
        return wrap(self._values.take(indices._values, axis))

    # -- shapes ------------------------------------------------------------------------------------

    def reshape(self, *shape, order='C'):
        shape = shape[0] if len(shape) == 1 else shape
        return wrap(self._values.reshape(shape, order=order))

    def transpose(self, *axes):
        return wrap(self._values.transpose(*axes))

    def swapaxes(self, axis1, axis2):
        return wrap(self._values.swapaxes(axis1, axis2))

    def ravel(self, order='C'):
        return wrap(self._values.ravel(order))

    def flatten(self, order='C'):
        return wrap(self._values.flatten(order))

    def squeeze(self, axis=None):
        return wrap(self._values.squeeze(axis))

    def reduced_view(self, dtype=None):
        """The array itself: with fewer dimensions in CuPy, in the same order of elements."""
        return self

    def repeat(self, repeats, axis=None):
        if not isinstance(repeats, int):
            raise NotImplementedError('the double repeats all elements alike')
        return wrap(self._values.repeat(repeats, axis))

    # -- copies ------------------------------------------------------------------------------------

    def astype(self, dtype, order='K', casting=None, subok=None, copy=True):
        if not copy and self.dtype == np.dtype(dtype):
            return self
        return wrap(self._values.astype(dtype, order=order))

    def copy(self, order='C'):
        return wrap(self._values.copy(order))

    __copy__ = copy

    def __deepcopy__(self, memo):
        return self.copy()

    # -- arithmetic --------------------------------------------------------------------------------

    __hash__ = None
    __eq__ = _compared(np.equal, with_others=False)
    __ne__ = _compared(np.not_equal, with_others=True)
    __lt__ = _compared(np.less)
    __le__ = _compared(np.less_equal)
    __gt__ = _compared(np.greater)
    __ge__ = _compared(np.greater_equal)
    __neg__ = _unary(np.negative)
    __abs__ = _unary(np.absolute)
    __invert__ = _unary(np.invert)

    def clip(self, min=None, max=None, out=None):
        from trust.gpu.double.functions import clip
        return clip(self, min, max, out)

    sum = _reduction('sum')
    mean = _reduction('mean')
    prod = _reduction('prod')
    max = _selection('max')
    min = _selection('min')
    any = _selection('any')
    all = _selection('all')

    def var(self, axis=None, dtype=None, out=None, ddof=0, keepdims=False):
        return _reduce(self, 'var', out, axis=axis, dtype=dtype, ddof=ddof, keepdims=keepdims)

    def argmax(self, axis=None, out=None, dtype=None, keepdims=False):
        return _reduce(self, 'argmax', out, axis=axis, keepdims=keepdims)

    def argmin(self, axis=None, out=None, dtype=None, keepdims=False):
        return _reduce(self, 'argmin', out, axis=axis, keepdims=keepdims)

    def dot(self, b, out=None):
        return apply(np.dot, self, b)


OPERATORS = {
    'add': np.add, 'sub': np.subtract, 'mul': np.multiply, 'truediv': np.true_divide,
    'floordiv': np.floor_divide, 'mod': np.remainder, 'pow': np.power, 'matmul': np.matmul,
    'and': np.bitwise_and, 'or': np.bitwise_or, 'xor': np.bitwise_xor,
}
"""Python's name of an operator -> NumPy's function, of which CuPy has one of the same name."""

for _name, _ufunc in OPERATORS.items():
    setattr(ndarray, f'__{_name}__', _binary(_ufunc))
    setattr(ndarray, f'__r{_name}__', _reflected(_ufunc))
    if _name != 'matmul':
        setattr(ndarray, f'__i{_name}__', _in_place(_ufunc))


def uninitialised(shape, dtype=float, order='C'):
    """What memory may hold: NaN, or the largest integer."""
    dtype = np.dtype(dtype)
    value = {'f': np.nan, 'c': np.nan, 'b': True}.get(dtype.kind)
    if value is None:
        value = np.iinfo(dtype).max
    return np.full(shape, value, dtype, order)


def _index(key, counts_masks=True):
    """An index -> NumPy's, as a tuple, and whether it makes a view."""
    found, is_view = [], True
    for part in key if isinstance(key, tuple) else (key,):
        if isinstance(part, (list, np.ndarray)):
            transfers.record(transfers.TO_DEVICE, 'index', np.asarray(part).nbytes)
            part, is_view = np.asarray(part), False
        elif isinstance(part, ndarray):
            if part.dtype.kind not in 'biu':
                raise IndexError('arrays used as indices must be of integer (or boolean) type')
            if part.dtype.kind == 'b' and counts_masks:
                transfers.record(transfers.TO_HOST, 'mask', 8)
            part, is_view = part._values, False
        found.append(part)
    return tuple(found), is_view
