"""Files that readers once failed on, each with what it did then."""
import zipfile

import h5py
import numpy as np

from tests.conftest import SMALL_EXPERIMENT
from tests.robustness.hostile import many_calls, unzipped, with_header, zipped
from tests.robustness.targets import H5_SHAPE, h5

_SMALL = SMALL_EXPERIMENT.format(data='x.npy').encode()
LAUGHS = b'batchsize: {a0: &a0 {}, %b}' % b', '.join(
    b'a%d: &a%d {%b}' % (k, k, b', '.join(b'x%d: *a%d' % (n, k - 1) for n in range(10)))
    for k in range(1, 12))


def _view(file):
    layout = h5py.VirtualLayout(H5_SHAPE, np.uint8)
    layout[:] = h5py.VirtualSource('/proc/self/exe', 'image', H5_SHAPE)
    file.create_virtual_dataset('image', layout)


_FILES = {
    'experiment': {
        '10 ** 11 steps': _SMALL.replace(b'batchsize: 2', LAUGHS),
        '10 ** 11 steps, in lists': _SMALL.replace(
            b'batchsize: 2', LAUGHS.translate(bytes.maketrans(b'{}', b'[]'))),
        'IndexError': b'batchsize: !!int ""',
        'OverflowError': b'batchsize: ' + b':'.join([b'1'] * 400) + b'.5',
        'ValueError, in making the message': b'seed: 0x' + b'f' * 6000,
        'AttributeError, of a part': b'vgen: {}',
        'AttributeError, of a date': b'batchsize: !!timestamp never',
        'RecursionError': b'a: ' + b'[' * 5000,
        'any time that it is long enough for': b'# ' + b'x' * 2 ** 16},
    'pickle': {
        'segmentation fault': b'\x80\x04})' + b'\x85' * 100_000 + b'K\x01s.',
        'endless': b'\x80\x04})' + b'2\x86' * 50 + b'K\x01s.',
        'any amount of memory': many_calls(b'cnumpy\nndarray\n', 50_000, 1000)},
    'journal': {'traceback': b'[]\n', 'traceback, of rows': b'{"filter": "box"}\n{"rows": []}\n',
                'RecursionError': b'[' * 60_000 + b'\n'},
    'categories': {'traceback': b'{"a": 1}', 'RecursionError': b'[' * 60_000},
    'record': {'traceback': b'{"a": 1}', 'RecursionError': b'[' * 60_000},
    'ledger': {'traceback': b'[[]]', 'RecursionError': b'{"a":' * 60_000},
    'h5': {
        'read another file': h5(lambda file: file.__setitem__(
            'image', h5py.ExternalLink('/proc/self/exe', 'image'))),
        'read another file, as its data': h5(lambda file: file.create_dataset(
            'image', H5_SHAPE, np.uint8, external=[('/proc/self/exe', 0, 3360)])),
        'read another file, as a view': h5(_view),
        'took gigabytes for a frame': h5(lambda file: file.create_dataset(
            'image', (20, 3, 4, 10 ** 9), np.uint8, chunks=(1, 3, 4, 14)))},
}
_MEMBERS = '/W.npy', 'mean.npy', '/p.npy'
_ARRAYS = (
    ('took 300 MB', _MEMBERS, '|u1', (3 * 10 ** 8,), 3 * 10 ** 8),
    ('took terabytes', _MEMBERS, '<f4', (10 ** 12,), b''),
    ('filled the array with one number', _MEMBERS, '<f4', (), b'1234'),
    ('read beyond an array', 'numpy_position.npy', '<i8', (), (10 ** 6).to_bytes(8, 'little')),
    ('SystemError', 'LogReport/_log.npy', '<U1', (), b'\xff' * 4))


def make(name, whole):
    """Such files of a target, which reads ``whole`` -> {what they did: content}."""
    files = dict(_FILES.get(name, {}))
    if whole[0].startswith(b'PK'):
        members = dict(unzipped(whole[0]))
        for harm, ending, kind, shape, data in _ARRAYS:
            header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}}}"
            for key in [key for key in members if key.endswith(ending)][:1]:
                files[harm] = zipped([*{**members, key: with_header(
                    header, bytes(data), skipped=0)}.items()])
        files['took any memory, or MemoryError'] = zipped([*members.items()], zipfile.ZIP_LZMA)
    return files
