"""Finds the CuPy names in source files, without importing them.

A name is what follows ``cupy``, ``cupyx`` or ``xp`` in a chain of attributes: ``xp.zeros``,
``self.xp.random.uniform``, ``cuda.cupy.empty``. What Chainer gives other names to
(``cuda.ndarray``, ``cuda.cudnn``, ``libcudnn``) is given CuPy's again. What cannot be told from the
text, such as methods of arrays, is not found here: the double finds it by running.
"""
import ast
import functools
from pathlib import Path

MODULES = {
    'cupy', 'cupy._util', 'cupy.cuda', 'cupy.cuda.cublas', 'cupy.cuda.cudnn', 'cupy.cuda.nccl',
    'cupy.cuda.nvtx', 'cupy.cuda.runtime', 'cupy.cudnn', 'cupy.linalg', 'cupy.random', 'cupy.util',
    'cupyx', 'cupyx.scipy', 'cupyx.scipy.linalg', 'cupyx.scipy.special',
}
"""Modules of CuPy: the first attribute that is none of them ends a name."""

_CHAINER = {    # in chainer/backends/cuda.py and what imports it
    'cuda.ndarray': 'cupy.ndarray', 'cuda.Device': 'cupy.cuda.Device',
    'cuda.Event': 'cupy.cuda.Event', 'cuda.Stream': 'cupy.cuda.Stream',
    'cuda.cudnn': 'cupy.cudnn', 'cudnn': 'cupy.cudnn',
    'cuda.libcudnn': 'cupy.cuda.cudnn', 'libcudnn': 'cupy.cuda.cudnn',
    'cuda.cuda': 'cupy.cuda',
}

_ROOTS = {'cupy': 'cupy', 'cupyx': 'cupyx', 'xp': 'cupy', '_xp': 'cupy'}


@functools.cache
def names_in(path):
    """CuPy names in a Python file -> frozenset of dotted names, such as 'cupy.linalg.eigh'."""
    tree = ast.parse(Path(path).read_text(encoding='utf-8'), str(path))
    finder = _Finder(_imported(tree))
    finder.visit(tree)
    return frozenset(finder.found)


def _imported(tree):
    """Local names that `import` statements bind to something of CuPy -> {local: dotted}."""
    bound = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and _is_cupy(node.module):
            bound.update({alias.asname or alias.name: f'{node.module}.{alias.name}'
                          for alias in node.names})
        elif isinstance(node, ast.Import):
            bound.update({alias.asname: alias.name for alias in node.names
                          if alias.asname and _is_cupy(alias.name)})
    return bound


def _is_cupy(module):
    return (module or '').split('.')[0] in ('cupy', 'cupyx')


class _Finder(ast.NodeVisitor):
    def __init__(self, bound):
        self.bound = bound
        self.found = set()

    def visit_Attribute(self, node):
        chain = _chain(node)
        self._add(chain)
        if chain[0] == '()':
            while isinstance(node, ast.Attribute):
                node = node.value
            self.visit(node)

    def visit_Name(self, node):
        self._add([node.id])

    def visit_Import(self, node):
        for alias in node.names:
            if _is_cupy(alias.name):
                self._add(alias.name.split('.'))

    def visit_ImportFrom(self, node):
        if _is_cupy(node.module):
            for alias in node.names:
                self._add([*node.module.split('.'), alias.name])

    def visit_Call(self, node):
        if isinstance(node.func, ast.Name) and node.func.id == 'getattr' and len(node.args) > 1:
            owner, name = _chain(node.args[0]), node.args[1]
            if owner and isinstance(name, ast.Constant) and isinstance(name.value, str):
                self._add([*owner, name.value])
        self.generic_visit(node)

    def _add(self, chain):
        for name in _resolve(chain, self.bound):
            self.found.add(name)


def _chain(node):
    """a.b.c -> ['a', 'b', 'c']; None for what is no chain of names."""
    if isinstance(node, ast.Name):
        return [node.id]
    if not isinstance(node, ast.Attribute):
        return None
    before = _chain(node.value)
    # What a call returns may have an `xp`, too: chainer.get_device(...).xp.zeros.
    return [*(before or ['()']), node.attr]


def _resolve(chain, bound):
    """Yield the dotted name that a chain means, if it is one of CuPy."""
    if chain[0] in bound:
        chain = [*bound[chain[0]].split('.'), *chain[1:]]
    else:
        chain = _with_cupys_names(chain)
    root = next((i for i, part in enumerate(chain) if part in _ROOTS), None)
    if root is None:
        return
    chain = [_ROOTS[chain[root]], *chain[root + 1:]]
    end = 1
    while end < len(chain) and '.'.join(chain[:end]) in MODULES:
        end += 1
    name = '.'.join(chain[:end])
    if end > 1 and (not chain[end - 1].startswith('__') or name.endswith('__version__')):
        yield name


def _with_cupys_names(chain):
    """Chainer's name of something of CuPy at the start of a chain -> CuPy's."""
    if chain[:2] == ['chainer', 'backends']:
        chain = chain[2:]
    for n in (2, 1):
        name = _CHAINER.get('.'.join(chain[:n]))
        if name:
            return [*name.split('.'), *chain[n:]]
    return chain
