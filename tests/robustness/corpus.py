"""Files that readers once failed on, each with what it did then."""
import zipfile

import h5py
import numpy as np

from tests.conftest import SMALL_EXPERIMENT
from tests.robustness.hostile import unzipped, with_header, zipped
from tests.robustness.targets import H5_SHAPE, h5

_SMALL = SMALL_EXPERIMENT.format(data='x.npy').encode()
_ENDLESS = b')' + b'2\x86' * 50    # a tuple of twice a tuple of twice a tuple ...


def _laughs(collection, key):
    """An experiment whose aliases unfold to 10 ** 11."""
    levels = (f'a{k}: &a{k} ' + collection % ', '.join(f'{key % n}*a{k - 1}' for n in range(10))
              for k in range(1, 12))
    return _SMALL.replace(b'batchsize: 2', (
        'batchsize: {a0: &a0 {}, ' + ', '.join(levels) + '}').encode())


def _view(file):
    layout = h5py.VirtualLayout(H5_SHAPE, np.uint8)
    layout[:] = h5py.VirtualSource('/proc/self/exe', 'image', H5_SHAPE)
    file.create_virtual_dataset('image', layout)


_FILES = {
    'experiment': {
        '10 ** 11 steps': _laughs('{%s}', 'x%d: '),
        '10 ** 11 steps, in lists': _laughs('[%s]', '%.0s'),
        'IndexError': b'batchsize: !!int ""',
        'OverflowError': b'batchsize: ' + b':'.join([b'1'] * 400) + b'.5',
        'ValueError, in making the message': b'seed: 0x' + b'f' * 6000,
        'AttributeError, of a part': b'vgen: {}',
        'AttributeError, of a date': b'batchsize: !!timestamp never',
        'RecursionError': b'a: ' + b'[' * 5000,
        'any time that it is long enough for': b'# ' + b'x' * 2 ** 16},
    'pickle': {
        'segmentation fault': b'\x80\x04})' + b'\x85' * 100_000 + b'K\x01s.',
        **{f'endless, {use}': b'\x80\x04' + use.replace(b'TUPLE', _ENDLESS) for use in (
            b'}TUPLEK\x01s.', b'}(TUPLEK\x01u.', b'(TUPLEK\x01d.', b'(TUPLE\x91.',
            b'\x8f(TUPLE\x90.')},
        'any amount of memory': (    # one long tuple, and many calls with it
            b'\x80\x04(' + b'N' * 50_000 + b't\x940cnumpy\nndarray\n\x940('
            + b'h\x01h\x00R' * 1000 + b't.')},
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
