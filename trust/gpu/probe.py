"""Looks names up in an installed CuPy: run by an interpreter that has one, without a GPU.

Reads a JSON list of dotted names from stdin; writes JSON: the version, and for every name whether
it is there, and if the signature can be told, its parameters, as text: ``a, axis=, *, dtype=``.
Uses nothing of this project, so that any environment with CuPy will do.
"""
import ctypes
import importlib
import inspect
import json
import pathlib
import sys
import warnings

LIBRARIES = ('cuda_nvrtc/lib/libnvrtc.so.12', 'nvjitlink/lib/libnvJitLink.so.12',
             'cublas/lib/libcublasLt.so.12', 'cublas/lib/libcublas.so.12',
             'curand/lib/libcurand.so.10', 'cusparse/lib/libcusparse.so.12',
             'cusolver/lib/libcusolver.so.11', 'cudnn/lib/libcudnn.so.8')


def load_libraries():
    """Load NVIDIA's libraries from their wheels, where CuPy 13 does not look for them."""
    for folder in sys.path:
        for library in LIBRARIES:
            path = pathlib.Path(folder, 'nvidia', library)
            if path.is_file():
                ctypes.CDLL(str(path))


def find(name):
    """The object of a dotted name; raises AttributeError or ImportError."""
    parts = name.split('.')
    value = importlib.import_module(parts[0])
    for i, part in enumerate(parts[1:], 1):
        try:
            value = getattr(value, part)
        except AttributeError:
            if not inspect.ismodule(value):
                raise
            value = importlib.import_module('.'.join(parts[:i + 1]))
    return value


def parameters(value):
    """Parameters of a function as text, or None where it does not say."""
    if inspect.isclass(value) or not callable(value):
        return None
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return None
    parts, star = [], False
    for parameter in signature.parameters.values():
        if parameter.kind == parameter.VAR_POSITIONAL:
            star = True
            parts.append('*' + parameter.name)
            continue
        if parameter.kind == parameter.VAR_KEYWORD:
            parts.append('**' + parameter.name)
            continue
        if parameter.kind == parameter.KEYWORD_ONLY and not star:
            star = True
            parts.append('*')
        parts.append(parameter.name + ('=' if parameter.default is not parameter.empty else ''))
    return ', '.join(parts)


def main():
    warnings.simplefilter('ignore')
    load_libraries()
    import cupy
    found = {}
    for name in json.load(sys.stdin):
        try:
            value = find(name)
        except (AttributeError, ImportError) as error:
            found[name] = {'there': False, 'why': str(error).splitlines()[0]}
        else:
            found[name] = {'there': True, 'parameters': parameters(value)}
    json.dump({'version': cupy.__version__, 'names': found}, sys.stdout)


if __name__ == '__main__':
    main()
