"""The CUDA kernels of this project's path, compiled for GPUs that are not there.

They are Chainer's: this project has none of its own. Two kinds are compiled: those that the trials
on the double called, with the types of arguments that they were called with; and those whose text
stands in the same modules of Chainer and was not called (branches, other numbers of dimensions).
"""
import ast
import functools
import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import tgan_chainer  # noqa: F401 -- makes Chainer importable

# isort: split
import chainer
from chainer.functions.pooling import max_pooling_nd_kernel
from chainer.utils import conv_nd_kernel

from trust.gpu import name_list
from trust.gpu.double.kernels import parameters

ARCHS = ('80', '90')
"""Compute capabilities: A100, H100."""

BESIDE = ('chainer/functions/loss/softmax_cross_entropy.py',
          'chainer/functions/math/batch_l2_norm_squared.py',
          'chainer/functions/normalization/group_normalization.py')
"""Modules that the path does not touch, for their reductions: it has none of its own."""

INSTALL = ('cupy-cuda12x==13.6.0 nvidia-cuda-nvrtc-cu12==12.9.86 '
           'nvidia-cuda-runtime-cu12==12.9.79')
"""What pip is to install; no driver is needed."""

_SITE = Path(chainer.__file__).parents[1]


class NotRunError(Exception):
    """The packages are not there; says what to install."""


class Verdict(NamedTuple):
    """One kernel in one form: its name, arguments, archs with '' or an error, and where it is."""

    name: str
    arguments: str
    errors: dict
    where: str

    @property
    def passed(self):
        return not any(self.errors.values())


def compile_all(called, python=sys.executable, archs=ARCHS):
    """Compile everything -> list of :class:`Verdict`, versions.

    Args:
        called (list): What the worker wrote under ``kernels``.
        python (str): Interpreter with CuPy and NVRTC.
        archs (tuple of str): Compute capabilities.

    Raises:
        NotRunError: The interpreter has not what it takes.
    """
    work = [*of_calls(called), *of_text({kernel['definition']['operation'] for kernel in called})]
    program = Path(__file__).with_name('compile.py')
    try:
        done = subprocess.run([python, str(program)], capture_output=True, text=True, cwd='/',
                              input=json.dumps({'archs': archs, 'kernels': work}))
    except OSError as error:
        raise NotRunError(f'{python}: cannot be run ({error.strerror})') from error
    if done.returncode:
        why = (done.stderr.strip().splitlines() or [f'exit code {done.returncode}'])[-1]
        raise NotRunError(f'{python}: {why}. Install: pip install {INSTALL}')
    found = json.loads(done.stdout)
    return [Verdict(kernel['name'], _described(kernel), errors, kernel['where'])
            for kernel, errors in zip(work, found['results'], strict=True)], found['versions']


def _described(kernel):
    kinds = [dtype if ndim is None else f'{dtype}[{ndim}]' for dtype, ndim in kernel['arguments']]
    return ' '.join([*dict.fromkeys(kinds), 'contiguous' if kernel['contiguous'] else 'strided'])


def of_calls(called):
    """Kernels as they were called -> list for :mod:`trust.gpu.compile`.

    CuPy joins the dimensions of contiguous arrays; others keep theirs, and 64-bit indices. One of
    each kind stands for all calls with the same types.
    """
    work = {}
    for kernel in called:
        for arguments in kernel['arguments']:
            types = tuple(dtype for dtype, _ in arguments)
            joined = [(dtype, ndim and 1) for dtype, ndim in arguments]
            for contiguous, form in ((True, joined), (False, arguments)):
                key = (kernel['definition']['name'], kernel['definition']['operation'], types,
                       contiguous)
                before = work.get(key)
                if before is None or _dimensions(form) > _dimensions(before['arguments']):
                    work[key] = {**kernel['definition'], 'arguments': form,
                                 'contiguous': contiguous, 'where': 'called on the double'}
    return list(work.values())


def _dimensions(arguments):
    return [ndim or 0 for _, ndim in arguments]


def of_text(known):
    """Kernels in the text of the path's modules whose operation is not ``known`` -> list."""
    modules = dict.fromkeys([*name_list.load()['modules'], *BESIDE])
    definitions = [*(found for module in modules for found in written_in(module)), *_generated()]
    return [{**definition, 'arguments': _guess(definition, dtype), 'contiguous': True}
            for definition in definitions if definition['operation'] not in known
            for dtype in ('float32', 'float64')]


def written_in(module):
    """Kernels whose definition is written out in a module of Chainer -> list of dict."""
    return [{**definition, 'where': f'{module}:{line}'}
            for line, definition in _definitions(module) if definition]


def put_together_in(module):
    """Lines of a module of Chainer that put the definition of a kernel together -> list."""
    return [f'{module}:{line}' for line, definition in _definitions(module) if not definition]


@functools.cache
def _definitions(module):
    """(line, definition or None) of every kernel in a module -> list."""
    found = []
    for node in ast.walk(ast.parse((_SITE / module).read_text(encoding='utf-8'))):
        function = getattr(node, 'func', None)
        kind = {'elementwise': 'elementwise', 'reduce': 'reduction'}.get(
            getattr(function, 'attr', None))
        if kind and getattr(function.value, 'id', None) == 'cuda':
            found.append((node.lineno, _literal(kind, node.args)))
    return found


_FIELDS = {
    'elementwise': ('in_params', 'out_params', 'operation', 'name'),
    'reduction': ('in_params', 'out_params', 'operation', 'reduce_expr', 'post_map_expr',
                  'identity', 'name'),
}


def _literal(kind, nodes):
    """The definition, or None where it is put together when the program runs."""
    try:
        values = [ast.literal_eval(node) for node in nodes]
    except ValueError:
        return None
    return {'kind': kind, **dict(zip(_FIELDS[kind], values, strict=True))}


def _generated():
    """Kernels that Chainer makes for a number of dimensions."""
    generators = [conv_nd_kernel.Im2colNDKernel, conv_nd_kernel.Col2imNDKernel,
                  *(getattr(max_pooling_nd_kernel, name) for name in sorted(
                      vars(max_pooling_nd_kernel)) if name.startswith('MaxPoolingNDKernel'))]
    for generator in generators:
        for ndim in (1, 2, 3):
            definition = dict(zip(_FIELDS['elementwise'], generator.generate(ndim), strict=True))
            yield {'kind': 'elementwise', **definition,
                   'where': f'{generator.__module__}.{generator.__name__}'}


def _guess(definition, dtype):
    """Arguments of a kernel that was not called: floats of ``dtype``, indices of int32.

    Parameters of a fixed type are scalars, as in all of Chainer's calls, and others arrays.
    """
    params = parameters(definition['in_params']) + parameters(definition['out_params'])
    return [({'S': 'int32', 'I': 'int32'}.get(p.type, dtype), 1) if len(p.type) == 1
            else (p.type, None) for p in params]
