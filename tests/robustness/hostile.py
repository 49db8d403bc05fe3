"""What an enemy would write: whole files, changed by someone who knows how they are made.

Each of the functions that targets.py names takes whole files (a list of bytes) and returns a
strategy of bytes; :func:`damaged` is for files of any format.
"""
import functools
import io
import json
import pickletools
import re
import struct
import warnings
import zipfile

import numpy as np
from hypothesis import strategies as st

NUMBERS = st.sampled_from((
    0, 1, 8, 12, 14, 99, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1,
    2 ** 63 - 1, 2 ** 63, 2 ** 64 - 1))    # where counters turn over, and methods of zip files
_PACKED = st.builds(
    lambda number, size, order: (number % 256 ** size).to_bytes(size, order),
    NUMBERS, st.sampled_from((1, 2, 4, 8)), st.sampled_from(('little', 'big')))


@st.composite
def spliced(draw, whole, new):
    """Sequences with one to four pieces left out, repeated, replaced by ``new`` or each other's."""
    parts = draw(whole)
    for _ in range(draw(st.integers(1, 4))):
        start, other = draw(st.integers(0, len(parts))), draw(whole)
        size = draw(st.sampled_from((0, 1, 1, 1, 2, 4, 8, 64, len(parts))))
        piece = parts[start:start + size]
        parts = parts[:start] + draw(new | st.sampled_from(
            (piece[:0], piece * 2, piece * 100, other[start:start + size + 1]))
        ) + parts[start + size:]
    return parts


@st.composite
def changed(draw, tree, leaves):
    """A tree of lists and dicts with one place in it left out, doubled, renamed or made another."""
    if not isinstance(tree, list | dict) or not tree or draw(st.integers(0, 6)) == 0:
        return draw(leaves)
    if isinstance(tree, dict):
        key = draw(st.sampled_from(sorted(tree)))
        name = draw(st.sampled_from((key, key, key, key, key + 'x', None)))
        rest = {other: value for other, value in tree.items() if other != key}
        return rest if name is None else {**rest, name: draw(changed(tree[key], leaves))}
    place = draw(st.integers(0, len(tree) - 1))
    piece = [draw(changed(tree[place], leaves))]
    return tree[:place] + draw(st.sampled_from(
        (piece, piece, piece, piece, [], tree[place:place + 1] * 2))) + tree[place + 1:]


def damaged(whole):
    return spliced(st.sampled_from(whole), st.binary(min_size=1, max_size=8) | _PACKED)


def _texts(whole, separators, new):
    parts = [re.split(separators, content.decode()) for content in whole]
    return spliced(st.sampled_from(parts), new.map(lambda value: [value])).map(
        lambda parts: ''.join(parts).encode('utf-8', 'surrogateescape'))


_SCALARS = (
    '~', 'true', '-1', '0', '.inf', '.nan', '1e999', '0x' + 'f' * 5000, '9' * 5000,
    ':'.join(['1'] * 500), ':'.join(['1'] * 500) + '.5', '2001-99-99', '2001-01-01 99:99:99',
    '!!int ""', '!!int x', '!!float ""', '!!bool maybe', '!!timestamp never', '!!binary "%"',
    '!!set {a, b}', '!!omap [a]', '!!pairs [a: 1]', '!!str {}', '!!seq {}', '!!map []',
    '!!python/object/apply:os.system ["echo"]', '!!python/name:os.system', '!own 1', '[', '{',
    '"\\ud800"', '"\\0"', '../../../etc/passwd', '/dev/zero', '{fn: os.py, name: system}',
    '{fn: 1, name: []}', '{fn: "", name: __class__, args: {}}', '? [a] : b', '*none', '*a', '*b',
    '<<: *none', '<<', '[x]', '{}', '[' * 500, '{a: ' * 5000, 'dataset_fn', 'dataset_name', 'key',
    'frame_seed_generator', 'shuffle_time_order', 'optimizer', 'source', 'resume', '__proto__')
_TAGS = st.sampled_from(('', '', '', '&a ', '&b ', '!!map ', '!!seq ', '!!str ', '!!set '))


def experiments(whole):
    """Lines and values in the place of others; documents of no sense."""
    keys = st.sampled_from(_SCALARS + tuple(re.findall(r'\w+(?=:)', b' '.join(whole).decode())))
    values = st.recursive(keys, lambda values: st.builds(
        str.__add__, _TAGS, st.lists(values, max_size=3).map(lambda found: f'[{", ".join(found)}]')
        | st.dictionaries(keys, values, max_size=3).map(_mapping)), max_leaves=20)
    documents = st.dictionaries(keys, values, max_size=6).map(_mapping)
    return st.one_of(documents.map(str.encode), *(
        _texts(whole, separators, values) for separators in (r'([\s{},]+)', '(?<=\n)')))


def _mapping(found):
    return f'{{{", ".join(map(": ".join, found.items()))}}}'


_CELLS = st.sampled_from((
    '', '"', '""', '"a,b"', '-1', '1.5', '9' * 30, '9' * 5000, 'nan', '\0', '\udcff', 'x' * 140_000,
    '\r', '\n', ';', 'start', '0x10', '1_000', ' 7 ', '٣', '1e9', 'True', 'a,' * 30))


def csv_tables(whole):
    return _texts(whole, '([,\r\n])', _CELLS)


_NAMES = st.sampled_from([name.replace(b' ', b'\n').join((b'c', b'\n')) for name in (
    b'os system', b'builtins eval', b'builtins getattr', b'numpy dtype', b'numpy ndarray',
    b'numpy.core.multiarray _reconstruct', b'builtins slice', b'pandas.core.frame DataFrame',
    b'_codecs encode', b'posix fork', b'pandas._libs.internals _unpickle_block',
    b'pandas.core.indexes.base _new_Index', b'pandas.core.internals.managers BlockManager',
    b'subprocess Popen')])
_ARGUMENTS = _PACKED | NUMBERS.map(lambda number: f'{number}\n'.encode()) | st.sampled_from(
    (b'', b'', b'text\n', b'\x04text', b'os\nsystem\n', b'9' * 5000 + b'\n'))
_OPCODES = _NAMES | st.builds(bytes.__add__, st.sampled_from(
    [opcode.code.encode('latin1') for opcode in pickletools.opcodes]), _ARGUMENTS)


def pickles(whole):
    """Opcodes in the place of others; programs of any opcodes."""
    starts = [[at for _, _, at in pickletools.genops(content)] for content in whole]
    parts = [[content[start:stop] for start, stop in zip(at, [*at[1:], None], strict=True)]
             for content, at in zip(whole, starts, strict=True)]
    opcodes = spliced(st.sampled_from(parts), st.lists(_OPCODES, min_size=1, max_size=3))
    programs = st.lists(_OPCODES, max_size=60).map(lambda codes: [b'\x80\x04', *codes, b'.'])
    return st.one_of(opcodes, programs).map(b''.join)


_HEADER = "{{'descr': {}, 'fortran_order': {}, 'shape': {}, }}".format
_HEADERS = st.builds(
    _HEADER,
    st.sampled_from((
        "'|u1'", "'<f4'", "'<f8'", "'>f4'", "'<f2'", "'|b1'", "'<i8'", "'<c8'", "'|O'", "'<U4'",
        "'<U4000000'", "'|V2000000000'", "'|S1'", "'<M8[s]'", "[('a', '<f4')]", "'g'", "1",
        "{'names': [], 'formats': []}", "('<f4', (1000000,))", f"'{'x' * 9000}'", '(' * 3000)),
    st.booleans(), st.sampled_from((
        '(3, 2, 4, 4)', '()', '(1,)', '(4, 3)', '(3, 4)', '(4,)', '(-1,)', '(1000000000000,)', '4',
        '(0,)', '(True,)', '(1.5,)', '(4, 3, 1)', "('a',)", '(1000000, 1000000, 1000000)',
        '(' + '1, ' * 100 + ')', '(99999999999999999999999999,)')))
_HEADERS |= spliced(_HEADERS, st.text('{}[]()\'",:-x0', max_size=4)) | st.sampled_from(
    ('', '{', '__import__("os").system("echo")', '1' * 5000, '-' * 5000))


def described(kind, shape):
    return _HEADER(repr(kind), False, shape)


def with_header(header, data, version=1, length=None, skipped=128):
    """The npy file ``data`` with another header, which may be said to be of another length."""
    text, size = header.encode('latin1').ljust(118) + b'\n', 2 if version == 1 else 4
    length = (len(text) if length is None else length) % 256 ** size
    return (b'\x93NUMPY' + bytes([version, 0]) + length.to_bytes(size, 'little') + text
            + data[skipped:])


def arrays(whole):
    """Npy files with other headers, or other numbers in them."""
    data = st.sampled_from(whole)
    numbers = st.builds(lambda data, number: data[:128] + (
        struct.pack('<Q', number) * len(data))[:len(data[128:])], data, NUMBERS)
    return numbers | st.builds(
        with_header, _HEADERS, data, st.sampled_from((1, 1, 1, 1, 1, 1, 2, 3, 4, 255)),
        st.none() | st.none() | st.none() | NUMBERS, st.sampled_from((128, 128, 128, 0, 2 ** 30)))


def zipped(files, method=zipfile.ZIP_DEFLATED):
    """A zip file of a list of [name, bytes]; what is no such pair is left out."""
    content = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(
            content, 'w', method, compresslevel=1) as archive:
        warnings.simplefilter('ignore')    # of two files of one name
        for file in files if isinstance(files, list) else ():
            match file:
                case [str(name), bytes(data)]:
                    archive.writestr(name, data)
    return content.getvalue()


def unzipped(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [[name, archive.read(name)] for name in archive.namelist()]


@st.composite
def _other_records(draw, whole):
    """Zip files with other sizes, offsets, methods and flags in the records of their directory."""
    content = bytearray(draw(st.sampled_from(whole)))
    places = [found.start() for found in re.finditer(rb'PK[\1\3\5]', content)]
    for _ in range(draw(st.integers(1, 3))):
        start, number = draw(st.sampled_from(places)) + draw(st.integers(4, 45)), draw(_PACKED)
        content[start:start + len(number)] = number
    return bytes(content)


def archives(whole):
    """Npz files of which members are left out, doubled, renamed, or hold something else."""
    files = [unzipped(content) for content in whole]
    leaves = arrays([data for _, data in files[0]]) | st.sampled_from((
        '../../escaped.npy', '/tmp/escaped.npy', 'C:\\escaped.npy', '.npy', 'a\0b.npy', 'W',
        'W.npy.npy', 'ü.npy', 'x' * 60000 + '.npy', *(name for name, _ in files[0])))
    return _other_records(whole) | st.builds(
        zipped, st.sampled_from(files).flatmap(lambda tree: changed(tree, leaves)),
        st.sampled_from((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) * 10
                        + (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)))


SHAPES = {'conv1a/W': (2, 3, 3, 3, 3), 'conv1a/b': (2,), 'fc8/W': (7, 4), 'fc8/b': (7,)}
"""Arrays of a network with names such as C3D's."""


def net(last):
    """A caffemodel of :data:`SHAPES` as a tree: fields [number, value], of int, bytes or fields."""
    def blob(shape):
        sizes = [[number, size] for number, size in enumerate((1,) * (5 - len(shape)) + shape, 1)]
        return [6, [*sizes, [6, np.linspace(-1, 1, np.prod(shape)).astype('<f4').tobytes()]]]
    layers = [[2, [[4, name.encode()], *(blob(SHAPES[f'{key}/{letter}']) for letter in 'Wb')]]
              for key, name in (('conv1a', 'conv1a'), ('fc8', last))]
    return [[1, b'deepnetA'], *layers, [4, 16], [9, 1.0]]


def encoded(fields):
    """A tree of fields as bytes; what is no field is left out."""
    content = b''
    for field in fields if isinstance(fields, list) else ():
        match field:
            case [int(number), int(value)]:
                content += _varint(number << 3) + _varint(value)
            case [int(number), float(value)]:
                content += _varint(number << 3 | 1) + struct.pack('<d', value)
            case [int(number), value]:
                value = value if isinstance(value, bytes) else encoded(value)
                content += _varint(number << 3 | 2) + _varint(len(value)) + value
    return content


def _varint(number):
    return bytes([number >> shift & 0x7f | 0x80 * (number >> shift + 7 > 0)
                  for shift in range(0, number.bit_length() or 1, 7)])


def caffemodels(whole):
    """Fields of other numbers, types and values, also nested without end."""
    nested = functools.reduce(lambda value, _: [[2, value]], range(200), [])
    leaves = NUMBERS | st.binary(max_size=40) | st.sampled_from((1.5, nested, [[3, 7]] * 300))
    return st.sampled_from(('fc8', 'fc8-1')).flatmap(
        lambda last: changed(net(last), leaves)).map(encoded)


_LEAVES = st.sampled_from((
    None, True, -1, 0, 1, 1.5, 1e308, float('nan'), float('inf'), 10 ** 40, '', 'x', '\0', '\ud800',
    'x' * 10_000, [], {}, [[]], [None], {'': 0}, {'rows': -1}, ['a', 'b'], 'a' * 64))


def json_files(whole):
    trees = st.sampled_from([*map(json.loads, whole)])
    return trees.flatmap(lambda tree: changed(tree, _LEAVES)).map(
        lambda tree: json.dumps(tree).encode())
