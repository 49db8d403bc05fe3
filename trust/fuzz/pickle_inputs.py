"""Pickles of tables, taken apart and put together otherwise."""
import pickle
import pickletools
import struct
from pathlib import Path

import pandas as pd

from trust.fuzz.damage import INTERESTING, damaged

_OLD = Path(__file__).parents[2] / 'tests' / 'datasets' / 'tables'
_TABLE = pd.DataFrame({
    'category': ['Archery', 'Archery', 'YoYo', 'YoYo'], 'start': [0, 16, 36, 69],
    'end': [16, 36, 69, 85]})
_NAMES = (
    b'cos\nsystem\n', b'cbuiltins\neval\n', b'cbuiltins\ngetattr\n', b'cnumpy\ndtype\n',
    b'cnumpy\nndarray\n', b'cnumpy.core.multiarray\n_reconstruct\n', b'cbuiltins\nslice\n',
    b'cpandas.core.frame\nDataFrame\n', b'c_codecs\nencode\n', b'cposix\nfork\n',
    b'cpandas._libs.internals\n_unpickle_block\n', b'cpandas.core.indexes.base\n_new_Index\n',
    b'cpandas.core.internals.managers\nBlockManager\n', b'csubprocess\nPopen\n')
_OPCODES = [opcode.code.encode('latin1') for opcode in pickletools.opcodes]


def seeds():
    """Tables by this pandas in every protocol, and by older ones."""
    return [*(pickle.dumps(_TABLE, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
            *(path.read_bytes() for path in sorted(_OLD.glob('*.pkl')))]


def make(rng, whole):
    """An input -> bytes; ``whole`` are the :func:`seeds`."""
    kind = rng.choice((_of_opcodes, _of_opcodes, _of_opcodes, _of_program, _of_bytes, _tower,
                       _many_times))
    return kind(rng, whole)


def _of_bytes(rng, whole):
    return damaged(rng, rng.choice(whole), whole)


def _of_opcodes(rng, whole):
    """Opcodes deleted, repeated, exchanged, or with other arguments."""
    parts = _parts(rng.choice(whole))
    others = _parts(rng.choice(whole))
    for _ in range(rng.choice((1, 1, 2, 5))):
        place = rng.randrange(len(parts))
        first = rng.randrange(len(others))
        parts[place:place + rng.randrange(3)] = rng.choice((
            [], [parts[place]] * rng.choice((2, 2, 100)), [rng.choice(parts)],
            others[first:first + rng.choice((1, 3, 30))], [_opcode(rng)], [rng.choice(_NAMES)],
            [damaged(rng, parts[place], others)]))
        parts = parts or [b'.']
    return b''.join(parts)


def _parts(content):
    starts = [position for _, _, position in pickletools.genops(content)] + [len(content)]
    return [content[start:stop] for start, stop in zip(starts, starts[1:], strict=False)]


def _of_program(rng, whole):
    """Opcodes in any order."""
    parts = [_opcode(rng) for _ in range(rng.choice((3, 10, 60)))]
    return b'\x80\x04' + b''.join(parts) + rng.choice((b'.', b'', b'0.'))


def _opcode(rng):
    """An opcode with an argument that it may well have."""
    if rng.random() < 0.2:
        return rng.choice(_NAMES)
    code = rng.choice(_OPCODES)
    size = rng.choice(INTERESTING)
    return code + rng.choice((
        b'', b'', bytes([size % 256]), struct.pack('<I', size % 2 ** 32),
        struct.pack('<Q', size), f'{size}\n'.encode(), b'text\n', b'\x04text', b'os\nsystem\n',
        b'9' * 5000 + b'\n'))


def _tower(rng, whole):
    """Collections in collections, shared or not, as a key, an argument, or the whole."""
    depth = rng.choice((5, 40, 50, 500, 5000)) if rng.random() > 0.01 else 100_000
    share = rng.choice((b'\x85', b'2\x86', b']\x94', b'2\x87', b'\x94h\x00\x86'))
    tower = rng.choice((b')', b'N', b'(t')) + share * depth
    return b'\x80\x04' + rng.choice((
        b'}' + tower + b'K\x01s.', b'}(' + tower + b'K\x01u.', b'(' + tower + b'K\x01d.',
        b'(' + tower + b'\x91.', b'\x8f(' + tower + b'\x90.', tower + b'.',
        rng.choice(_NAMES) + tower + b'\x85R.', rng.choice(_NAMES) + b')R' + tower + b'b.'))


def _many_times(rng, whole):
    """One long tuple, and as many calls with it."""
    length, times = rng.choice(((9, 9), (10, 10), (1000, 100)))
    if rng.random() < 0.02:
        length, times = 50_000, 1000
    call = rng.choice((b'h\x01h\x00R', b'h\x01h\x00\x81', b'h\x01)Rh\x00b', b'h\x00'))
    return (b'\x80\x04(' + b'N' * length + b't\x940' + rng.choice(_NAMES[3:7]) + b'\x940('
            + call * times + rng.choice((b't.', b'l.', b'd.')))
