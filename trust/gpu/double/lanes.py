"""Runs the body of an elementwise CUDA kernel on NumPy arrays: all elements in lock-step.

A body is C++ over the values of one element. Here a variable holds the values of all elements
("lanes") at once; where a condition differs between lanes both branches run, each for its lanes
only, as the threads of a warp do. Types are C's: arithmetic in the larger type, a literal such as
``0.5`` is a double, integers divide towards zero, an assignment casts to the variable's type.

What a body may hold is what Chainer's do: declarations, assignments, ``if``, ``for``, ``continue``,
expressions, casts, calls of mathematical functions, and elements of raw arrays. Anything else is
refused, and so is an index outside a raw array.
"""
import functools
import re

import numpy as np

TYPES = {
    'bool': np.bool_, 'char': np.int8, 'int8': np.int8, 'uint8': np.uint8, 'int16': np.int16,
    'uint16': np.uint16, 'int': np.int32, 'int32': np.int32, 'unsigned': np.uint32,
    'uint32': np.uint32, 'int64': np.int64, 'long': np.int64, 'ptrdiff_t': np.int64,
    'uint64': np.uint64, 'size_t': np.uint64, 'float': np.float32, 'float32': np.float32,
    'double': np.float64, 'float64': np.float64,
}
"""C's and CuPy's names of types -> NumPy's."""

_FUNCTIONS = {
    'abs': np.abs, 'ceil': np.ceil, 'cos': np.cos, 'exp': np.exp, 'fabs': np.abs,
    'floor': np.floor, 'fmax': np.fmax, 'fmin': np.fmin, 'isnan': np.isnan, 'log': np.log,
    'log1p': np.log1p, 'max': np.maximum, 'min': np.minimum, 'pow': np.power, 'sin': np.sin,
    'sqrt': np.sqrt, 'tanh': np.tanh,
}

_TOKEN = re.compile(r'''
    (?P<space> \s+ | //[^\n]* | /\*.*?\*/ )
  | (?P<number> (?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?[fFuUlL]* )
  | (?P<name> [A-Za-z_]\w* )
  | (?P<operator> <<=|>>=|\+\+|--|&&|\|\||[-+*/%&|^=!<>]=|<<|>>|[-+*/%&|^=!<>?:;,(){}\[\]~.] )
''', re.VERBOSE | re.DOTALL)

_PRECEDENCE = [['||'], ['&&'], ['|'], ['^'], ['&'], ['==', '!='], ['<', '<=', '>', '>='],
               ['<<', '>>'], ['+', '-'], ['*', '/', '%']]

_ASSIGNMENTS = ('=', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^=')


class KernelError(Exception):
    """A body that this module cannot run, or that reads or writes outside an array."""


# -- reading ---------------------------------------------------------------------------------------

def parse(text, types):
    """The statements of a body -> tuple, for :func:`run`; ``types`` are the names of types."""
    return _parse(text, frozenset(types) | frozenset(TYPES))


@functools.cache
def _parse(text, types):
    reader = _Reader(_tokens(text), types)
    statements = []
    while reader.token is not None:
        statements.append(reader.statement())
    return tuple(statements)


def _tokens(text):
    position, tokens = 0, []
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise KernelError(f'cannot read {text[position:position + 20]!r}')
        position = match.end()
        if match.lastgroup != 'space':
            tokens.append((match.lastgroup, match.group()))
    return tokens


class _Reader:
    """Recursive descent; every method leaves ``token`` behind what it read."""

    def __init__(self, tokens, types):
        self._tokens = tokens
        self._types = types
        self._at = 0

    @property
    def token(self):
        return self._peek(0)

    def _peek(self, n):
        at = self._at + n
        return self._tokens[at][1] if at < len(self._tokens) else None

    def _next(self):
        if self.token is None:
            raise KernelError('the text ends in the middle of a statement')
        kind, text = self._tokens[self._at]
        self._at += 1
        return kind, text

    def _take(self, text):
        found = self._next()[1]
        if found != text:
            raise KernelError(f'found {found!r}, expected {text!r}')

    def _accept(self, text):
        if self.token == text:
            self._at += 1
            return True
        return False

    def statement(self):
        if self._accept('{'):
            statements = []
            while not self._accept('}'):
                statements.append(self.statement())
            return 'block', tuple(statements)
        if self._accept('if'):
            self._take('(')
            condition = self._expression()
            self._take(')')
            then = self.statement()
            return 'if', condition, then, self.statement() if self._accept('else') else None
        if self._accept('for'):
            self._take('(')
            start = self._simple()
            self._take(';')
            condition = self._expression()
            self._take(';')
            step = self._simple()
            self._take(')')
            return 'for', start, condition, step, self.statement()
        if self._accept('continue'):
            self._end()
            return 'continue',
        if self._accept(';'):
            return 'block', ()
        simple = self._simple()
        self._end()
        return simple

    def _end(self):
        if self.token is not None:    # CuPy adds the last semicolon
            self._take(';')

    def _simple(self):
        """A declaration or an assignment."""
        self._accept('const')
        if self.token in self._types and self._peek(1) != '(':
            of = self._next()[1]
            declared = [self._declarator()]
            while self._accept(','):
                declared.append(self._declarator())
            return 'declare', of, tuple(declared)
        if self.token in ('++', '--'):
            operator = self._next()[1]
            return 'assign', operator[0] + '=', self._postfix(), ('int', 1)
        target = self._postfix()
        _, operator = self._next()
        if operator in ('++', '--'):
            return 'assign', operator[0] + '=', target, ('int', 1)
        if operator not in _ASSIGNMENTS:
            raise KernelError(f'found {operator!r}, expected an assignment')
        return 'assign', operator, target, self._expression()

    def _declarator(self):
        kind, name = self._next()
        if kind != 'name':
            raise KernelError(f'found {name!r}, expected the name of a variable')
        return name, self._expression() if self._accept('=') else None

    def _expression(self):
        condition = self._binary(0)
        if not self._accept('?'):
            return condition
        then = self._expression()
        self._take(':')
        return 'choose', condition, then, self._expression()

    def _binary(self, level):
        if level == len(_PRECEDENCE):
            return self._unary()
        left = self._binary(level + 1)
        while self.token in _PRECEDENCE[level]:
            operator = self._next()[1]
            left = 'binary', operator, left, self._binary(level + 1)
        return left

    def _unary(self):
        if self.token in ('-', '+', '!', '~'):
            return 'unary', self._next()[1], self._unary()
        if self.token == '(' and self._peek(1) in self._types and self._peek(2) == ')':
            self._take('(')
            of = self._next()[1]
            self._take(')')
            return 'cast', of, self._unary()
        return self._postfix()

    def _postfix(self):
        kind, text = self._next()
        if text == '(':
            inside = self._expression()
            self._take(')')
            return inside
        if kind == 'number':
            return _number(text)
        if kind != 'name':
            raise KernelError(f'found {text!r}, expected a value')
        if text == 'static_cast':
            self._take('<')
            of = self._next()[1]
            self._take('>')
            return 'cast', of, self._postfix()
        if self._accept('('):
            arguments = []
            while not self._accept(')'):
                arguments.append(self._expression())
                self._accept(',')
            return ('cast', text, *arguments) if text in self._types \
                else ('call', text, tuple(arguments))
        if self._accept('['):
            index = self._expression()
            self._take(']')
            return 'element', text, index
        return 'name', text


def _number(text):
    digits = text.rstrip('fFuUlL')
    if '.' not in digits and 'e' not in digits.lower():
        return 'int', int(digits)
    return ('float' if text[-1] in 'fF' else 'double'), float(digits)


# -- running ---------------------------------------------------------------------------------------

class Variable:
    """A value of each lane, or one of all lanes.

    Attributes:
        values: Array (lanes,), or a NumPy scalar.
        dtype: Of the variable, which assignments do not change.
    """

    def __init__(self, values, dtype, mask=None):
        self.values = values
        self.dtype = np.dtype(dtype)
        self.mask = mask    # of its declaration: other lanes never see it


def run(statements, types, variables, raw, n):
    """Run a body for ``n`` lanes; ``variables`` and ``raw`` are changed in place.

    Args:
        statements: Of :func:`parse`.
        types (dict): Placeholders such as 'T' -> NumPy type.
        variables (dict): Name -> :class:`Variable`; the index ``i`` is added.
        raw (dict): Name -> flat NumPy array.
        n (int): Number of lanes.

    Raises:
        KernelError: The body cannot be run, or an index is outside a raw array.
    """
    lanes = _Lanes({**TYPES, **types}, variables, raw, n)
    with np.errstate(all='ignore'):
        lanes.block(statements, None)


_ALL_STOPPED = np.zeros((), bool)


class _Lanes:
    """A mask is None for all lanes, or a boolean array (lanes,)."""

    def __init__(self, types, variables, raw, n):
        self.types = types
        self.variables = variables
        self.variables['i'] = Variable(np.arange(n), np.int64)
        self.raw = raw
        self.n = n

    def block(self, statements, mask):
        """Run statements -> mask of the lanes that did not `continue`."""
        for statement in statements:
            if mask is not None and not mask.any():
                break
            mask = getattr(self, '_run_' + statement[0])(mask, *statement[1:])
        return mask

    def _run_block(self, mask, statements):
        return self.block(statements, mask)

    def _run_continue(self, mask):
        return _ALL_STOPPED

    def _run_if(self, mask, condition, then, otherwise):
        condition = self._truth(condition, mask)
        if condition.ndim == 0:
            chosen = then if condition else otherwise
            return mask if chosen is None else self.block((chosen,), mask)
        yes = condition if mask is None else mask & condition
        no = ~condition if mask is None else mask & ~condition
        yes = self.block((then,), yes)
        return yes | (no if otherwise is None else self.block((otherwise,), no))

    def _run_for(self, mask, start, condition, step, body):
        self.block((start,), mask)
        active = mask
        while True:
            goes_on = self._truth(condition, active)
            if goes_on.ndim == 0:
                if not goes_on:
                    return mask
            else:
                active = goes_on if active is None else active & goes_on
                if not active.any():
                    return mask
            self.block((body,), active)
            # Lanes that have left the loop do not look at its variable again.
            self.block((step,), mask)

    def _run_declare(self, mask, of, declared):
        dtype = self.types[of]
        for name, expression in declared:
            values = np.zeros((), dtype) if expression is None else self._value(expression, mask)
            self.variables[name] = Variable(_cast(values, dtype), dtype, mask)
        return mask

    def _run_assign(self, mask, operator, target, expression):
        value = self._value(expression, mask)
        if operator != '=':
            value = _arithmetic(operator[:-1], self._value(target, mask), value)
        if target[0] == 'element':
            self._write(target, value, mask)
        elif target[0] == 'name' and target[1] in self.variables:
            variable = self.variables[target[1]]
            value = _cast(value, variable.dtype)
            if mask is not None and mask is not variable.mask:
                value = np.where(mask, value, variable.values)
            variable.values = value
        else:
            raise KernelError(f'cannot assign to {target}')
        return mask

    def _write(self, target, value, mask):
        array, index = self._place(target, mask)
        value = np.broadcast_to(_cast(value, array.dtype), self.n)
        index = np.broadcast_to(index, self.n)
        array[index if mask is None else index[mask]] = value if mask is None else value[mask]

    def _place(self, element, mask):
        """A raw array and the lanes' indices into it, checked."""
        _, name, index = element
        if name not in self.raw:
            raise KernelError(f'{name} is no raw array')
        array, index = self.raw[name], self._value(index, mask)
        inside = (index >= 0) & (index < array.size)
        if not (inside if mask is None else inside | ~mask).all():
            raise KernelError(f'{name}[...] of {array.size} elements: index from '
                              f'{index.min()} to {index.max()}')
        return array, index if mask is None else np.where(inside, index, 0)

    def _truth(self, expression, mask):
        return _cast(self._value(expression, mask), np.dtype(bool))

    def _value(self, expression, mask):
        return getattr(self, '_value_of_' + expression[0])(mask, *expression[1:])

    def _value_of_int(self, mask, number):
        return np.int32(number)

    def _value_of_float(self, mask, number):
        return np.float32(number)

    def _value_of_double(self, mask, number):
        return np.float64(number)

    def _value_of_name(self, mask, name):
        if name not in self.variables:
            raise KernelError(f'unknown name {name!r}')
        return self.variables[name].values

    def _value_of_element(self, mask, name, index):
        array, index = self._place(('element', name, index), mask)
        return array[index]

    def _value_of_cast(self, mask, of, expression):
        return _cast(self._value(expression, mask), self.types[of])

    def _value_of_call(self, mask, name, arguments):
        if name not in _FUNCTIONS:
            raise KernelError(f'unknown function {name!r}')
        return _FUNCTIONS[name](*_common([self._value(a, mask) for a in arguments]))

    def _value_of_unary(self, mask, operator, expression):
        value = self._value(expression, mask)
        if operator == '!':
            return ~value.astype(bool)
        value, = _common([value])
        return {'-': np.negative, '+': np.positive, '~': np.invert}[operator](value)

    def _value_of_binary(self, mask, operator, left, right):
        return _arithmetic(operator, self._value(left, mask), self._value(right, mask))

    def _value_of_choose(self, mask, condition, then, otherwise):
        then, otherwise = _common([self._value(then, mask), self._value(otherwise, mask)])
        return np.where(self._truth(condition, mask), then, otherwise)


_OPERATORS = {
    '+': np.add, '-': np.subtract, '*': np.multiply, '&': np.bitwise_and, '|': np.bitwise_or,
    '^': np.bitwise_xor, '<<': np.left_shift, '>>': np.right_shift, '==': np.equal,
    '!=': np.not_equal, '<': np.less, '<=': np.less_equal, '>': np.greater,
    '>=': np.greater_equal,
}


def _arithmetic(operator, a, b):
    if operator in ('&&', '||'):
        logical = np.logical_and if operator == '&&' else np.logical_or
        return logical(a, b)
    a, b = _common([a, b])
    if operator in _OPERATORS:
        return _OPERATORS[operator](a, b)
    if a.dtype.kind == 'f':
        if operator == '%':
            raise KernelError('% of floating-point numbers')
        return np.divide(a, b)
    b = np.where(b == 0, 1, b)    # of lanes that do not take part
    remainder = np.fmod(a, b)
    return remainder if operator == '%' else (a - remainder) // b


def _common(values):
    """Values in the type that C computes in."""
    dtypes = [value.dtype for value in values]
    if dtypes[0].itemsize >= 4 and dtypes.count(dtypes[0]) == len(dtypes):
        return values
    floats = [dtype for dtype in dtypes if dtype.kind == 'f']
    if floats:
        dtype = functools.reduce(np.promote_types, floats)
    else:
        dtype = functools.reduce(np.promote_types, dtypes, np.dtype(np.int32))
    return [_cast(value, dtype) for value in values]


def _cast(value, dtype):
    if value.dtype == dtype:
        return value
    return value.astype(dtype)
