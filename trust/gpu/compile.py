"""Compiles kernels with NVRTC for given GPUs: run by an interpreter with CuPy, without a GPU.

Reads JSON from stdin: ``archs``, and ``kernels`` with the definition of each and the types of its
arguments. Writes JSON: versions, and for each kernel and arch '' or what the compiler says. The
source around a kernel's text is CuPy's own, from the functions that it calls at a launch. Exits
with 3, and says what to install, where something is missing.

Uses nothing of this project but the file beside it, so that any environment with CuPy will do.
"""
import json
import pathlib
import re
import sys
import tempfile
import warnings

from probe import load_libraries

NOT_RUN = 3
"""Exit code where the packages are not there."""

BLOCK_SIZE = 512


def main():
    warnings.simplefilter('ignore')
    try:
        load_libraries()
        import cupy
        from cupy.cuda import nvrtc
        versions = {'cupy': cupy.__version__, 'nvrtc': '.'.join(map(str, nvrtc.getVersion()))}
        options = _options(cupy)
    except (ImportError, OSError, RuntimeError) as error:
        print(str(error).splitlines()[0], file=sys.stderr)
        return NOT_RUN
    work = json.load(sys.stdin)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        for kernel in work['kernels']:
            results.append({arch: _compiled(kernel, arch, options, folder)
                            for arch in work['archs']})
    json.dump({'versions': versions, 'results': results}, sys.stdout)
    return 0


def _options(cupy):
    """Of the compiler, as CuPy gives them; raises OSError if the CUDA headers are missing."""
    from cupy._core import core
    include = core._get_header_dir_path()
    headers = [folder for path in sys.path for wheel in ('cuda_runtime', 'cu13')    # of CUDA 12, 13
               if (folder := pathlib.Path(path, 'nvidia', wheel, 'include')).is_dir()]
    if not headers:
        raise OSError('the headers of the CUDA runtime are missing')
    standard = 17 if int(cupy.__version__.split('.')[0]) >= 14 else 11
    cccl = sorted(pathlib.Path(include, 'cupy', '_cccl').glob('*'))
    return (*(f'-I{folder}' for folder in cccl), f'--std=c++{standard}', f'-I{include}',
            f'-I{headers[0]}', '--device-as-default-execution-space', '-w')


def _compiled(kernel, arch, options, folder):
    """Compile one kernel for one arch -> '' or the error."""
    from cupy.cuda import compiler
    try:
        source = _source(kernel)
        program = compiler._NVRTCProgram(
            source, str(pathlib.Path(folder, 'kernel.cu')), (), (), method='cubin')
        machine_code, _ = program.compile((*options, f'-arch=sm_{arch}'), None)
    except Exception as error:    # of NVRTC, or of CuPy about the definition
        return ' '.join(str(error).split())[:400] or type(error).__name__
    return '' if machine_code[:4] == b'\x7fELF' else 'the result is no machine code'


def _source(kernel):
    """The whole CUDA source of a kernel."""
    from cupy._core import core
    headers = ''.join(f'#include <{name}>\n' for name in core._cupy_header_list)
    make = _elementwise if kernel['kind'] == 'elementwise' else _reduction
    return headers + make(kernel)


def _elementwise(kernel):
    import cupy
    from cupy._core import _kernel
    made = cupy.ElementwiseKernel(kernel['in_params'], kernel['out_params'], kernel['operation'],
                                  kernel['name'])
    infos, types = _arguments(made.params[:-1], kernel)
    types = _kernel._TypeMap(tuple(sorted(types.items())))
    return _kernel._get_elementwise_kernel_code(
        (*infos, _indexer(made.params, kernel)), types, made.params, made.operation, made.name,
        made.preamble)


def _reduction(kernel):
    import cupy
    import numpy
    from cupy._core import _kernel, _reduction, _scalar
    made = cupy.ReductionKernel(
        kernel['in_params'], kernel['out_params'], kernel['operation'], kernel['reduce_expr'],
        kernel['post_map_expr'], kernel['identity'], kernel['name'])
    params = (*made.in_params, *made.out_params)
    infos, types = _arguments(params, kernel)
    indexer = _indexer(params, kernel)
    types = _kernel._TypeMap((*sorted(types.items()), ('IndexT', 'int32')))
    params += (*_kernel._get_param_info('CIndexer _in_ind, CIndexer _out_ind', False),
               *_kernel._get_param_info('int32 _block_stride', True))
    infos += [indexer, indexer,
              _kernel._ArgInfo(3, _scalar.CScalar, numpy.int32, 0, True, True)]
    return _reduction._ReductionKernel_get_cached_function_code(
        made.nin, made.nout, params, tuple(infos), types, made.name, BLOCK_SIZE,
        made.reduce_type, made.identity, made.map_expr, made.reduce_expr, made.post_map_expr,
        made.preamble, ())


def _arguments(params, kernel):
    """CuPy's description of the arguments -> list, and {placeholder: type}."""
    import cupy
    import numpy
    from cupy._core import _kernel, _scalar
    infos, types = [], {}
    for param, (dtype, ndim) in zip(params, kernel['arguments'], strict=True):
        dtype = numpy.dtype(dtype).type
        if re.fullmatch('[A-Z]', param.ctype):
            types[param.ctype] = dtype
        if ndim is None:
            infos.append(_kernel._ArgInfo(3, _scalar.CScalar, dtype, 0, True, True))
        else:
            infos.append(_kernel._ArgInfo(1, cupy.ndarray, dtype, ndim, kernel['contiguous'],
                                          kernel['contiguous']))
    return infos, types


def _indexer(params, kernel):
    """Of the loop, which runs over the arrays that are not raw."""
    from cupy._core import _carray, _kernel
    ndims = [ndim for param, (_, ndim) in zip(params, kernel['arguments'], strict=False)
             if ndim is not None and not param.raw]
    return _kernel._ArgInfo(2, _carray.Indexer, None, max(ndims, default=1), True,
                            kernel['contiguous'])


if __name__ == '__main__':
    raise SystemExit(main())
