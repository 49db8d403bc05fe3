"""CuPy's ElementwiseKernel on NumPy arrays, with CuPy's rules for its arguments."""
import re
from typing import NamedTuple

import numpy as np

from trust.gpu.double import arrays, lanes

requested = {}
"""Every kernel that was called: :class:`Definition` -> set of the argument lists' types.

An argument list is a tuple of (dtype name, number of dimensions or None for a scalar), one for
each parameter, in the order of the definition.
"""


class Definition(NamedTuple):
    """What the constructor of a kernel was given."""

    kind: str
    name: str
    in_params: str
    out_params: str
    operation: str
    options: tuple = ()


class Parameter(NamedTuple):
    """One parameter: ``raw T x`` is ('T', 'x', True)."""

    type: str
    name: str
    raw: bool


def parameters(text):
    """Parameters of a kernel, from CuPy's notation -> list of :class:`Parameter`."""
    found = []
    for part in filter(None, (part.strip() for part in text.split(','))):
        *modifiers, of, name = part.split()
        unknown = set(modifiers) - {'raw'}
        if unknown:
            raise NotImplementedError(f'parameter {part!r}: the double knows no {unknown}')
        found.append(Parameter(of, name, 'raw' in modifiers))
    return found


class ElementwiseKernel:
    """Runs the text of the kernel (:mod:`~trust.gpu.double.lanes`).

    As in CuPy, arrays of one placeholder must be of one dtype (there is no promotion), host arrays
    are refused, and an output that is given must have the shape of the loop.
    """

    def __init__(self, in_params, out_params, operation, name='kernel', reduce_dims=True,
                 preamble='', no_return=False, return_tuple=False, **kwargs):
        if not re.fullmatch(r'[a-zA-Z_]\w*', name):
            raise ValueError(f'Invalid kernel name: "{name}"')
        self._refused = [*filter(None, [preamble and 'preamble']), *kwargs]
        options = {'reduce_dims': reduce_dims, 'no_return': no_return,
                   'return_tuple': return_tuple}
        defaults = {'reduce_dims': True, 'no_return': False, 'return_tuple': False}
        self.definition = Definition(
            'elementwise', name, in_params, out_params, operation,
            tuple(sorted(item for item in options.items() if item[1] != defaults[item[0]])))
        self.ins, self.outs = parameters(in_params), parameters(out_params)
        self.name, self.no_return, self.return_tuple = name, no_return, return_tuple

    def __call__(self, *args, size=None):
        if len(args) not in (len(self.ins), len(self.ins) + len(self.outs)):
            raise TypeError(f'Wrong number of arguments for {self.name!r}: {len(args)}')
        if self._refused:
            raise NotImplementedError(f'{self.name}: the double knows no {self._refused}')
        args = [arrays.operand(arg) for arg in args]
        params = [*self.ins, *self.outs]
        shape = self._shape(params, args, size)
        types = self._types(params, args)
        outs = args[len(self.ins):] or [np.empty(shape, types[p.type]) for p in self.outs]
        for param, out in zip(self.outs, outs, strict=True):
            if not isinstance(out, np.ndarray):
                raise TypeError('Output arguments type must be cupy.ndarray')
            if not param.raw and out.shape != shape:
                raise ValueError('Out shape is mismatched')
        args = args[:len(self.ins)] + outs
        self._record(params, args, types)
        if 0 not in shape:
            self._run(params, args, types, shape)
        if self.no_return:
            return None
        results = tuple(arrays.wrap(out) for out in outs)
        return results if self.return_tuple or len(results) > 1 else results[0]

    def _shape(self, params, args, size):
        loops = [arg.shape for param, arg in zip(params, args, strict=False)
                 if isinstance(arg, np.ndarray) and not param.raw]
        if size is not None:
            if loops:
                raise ValueError("Specified 'size' can be used only if all of the ndarray are "
                                 "'raw'.")
            return (size,)
        if not loops:
            raise ValueError('Loop size is undecided.')
        return np.broadcast_shapes(*loops)

    def _types(self, params, args):
        """Placeholders -> NumPy types, from the arrays among the arguments."""
        types = {}
        for param, arg in zip(params, args, strict=False):
            if not isinstance(arg, np.ndarray):
                continue
            wanted = types.setdefault(
                param.type, np.dtype(lanes.TYPES.get(param.type, arg.dtype)))
            if wanted != arg.dtype:
                raise TypeError(f'Type is mismatched. {self.name}: {param.name} is {arg.dtype}, '
                                f'{param.type} is {wanted}')
        for param in params:
            if param.type not in types:
                if param.type not in lanes.TYPES:
                    raise TypeError(f'{self.name}: no array tells what {param.type} is')
                types[param.type] = np.dtype(lanes.TYPES[param.type])
        return types

    def _record(self, params, args, types):
        requested.setdefault(self.definition, set()).add(tuple(
            (types[param.type].name, arg.ndim if isinstance(arg, np.ndarray) else None)
            for param, arg in zip(params, args, strict=True)))

    def _run(self, params, args, types, shape):
        n = int(np.prod(shape))
        variables, raw, results = {}, {}, {}
        for position, (param, arg) in enumerate(zip(params, args, strict=True)):
            is_output = position >= len(self.ins)
            dtype = types[param.type]
            if param.raw:
                raw[param.name] = arg.reshape(-1)
                if is_output:
                    results[param.name] = arg
            elif isinstance(arg, np.ndarray):
                variables[param.name] = lanes.Variable(
                    np.broadcast_to(arg, shape).reshape(-1), dtype)
                if is_output:
                    results[param.name] = arg
            else:
                variables[param.name] = lanes.Variable(dtype.type(arg), dtype)
        lanes.run(lanes.parse(self.definition.operation, types), types, variables, raw, n)
        for name, out in results.items():
            if name in raw:
                out[...] = raw[name].reshape(out.shape)
            else:
                out[...] = np.broadcast_to(variables[name].values, n).reshape(shape)


class ReductionKernel:
    """Remembers its definition; none is called on this project's path, so it cannot be."""

    def __init__(self, in_params, out_params, map_expr, reduce_expr, post_map_expr, identity,
                 name='reduce_kernel', **kwargs):
        self.name = name

    def __call__(self, *args, **kwargs):
        raise NotImplementedError(f'the double runs no reduction kernel ({self.name})')
