"""Archives of arrays whose members, headers and directory are not what they should be."""
import functools
import io
import struct
import zipfile
import zlib

from trust.fuzz.damage import INTERESTING, damaged

_BOMB_BYTES = 400 * 2 ** 20    # more than may be taken for one input
_TYPES = ("'|u1'", "'<f4'", "'<f8'", "'>f4'", "'<f2'", "'|b1'", "'<i8'", "'<c8'", "'|O'", "'<U4'",
          "'<U4000000'", "'|V2000000000'", "'|S1'", "'<M8[s]'", "[('a', '<f4')]", "'g'",
          "{'names': [], 'formats': []}", "('<f4', (1000000,))", "1", "'" + 'x' * 9000 + "'",
          '(' * 3000, '[' * 300)
_SHAPES = ('(3, 2, 4, 4)', '()', '(1,)', '(4, 3)', '(3, 4)', '(4,)', '(-1,)', '(1000000000000,)',
           '(0,)',
           '(True,)', '(1.5,)', '(4, 3, 1)', "('a',)", '(1000000, 1000000, 1000000)', '4',
           '(' + '1, ' * 100 + ')', '(99999999999999999999999999,)')
_NAMES = ('../../escaped.npy', '/tmp/escaped.npy', 'C:\\escaped.npy', '.npy', 'a\0b.npy',
          'W', 'W.npy.npy', 'ü.npy', 'x' * 60000 + '.npy', '')
_FIELDS = {b'PK\x01\x02': 46, b'PK\x03\x04': 30, b'PK\x05\x06': 22}    # records and their sizes


def make(rng, whole):
    """An input -> bytes; ``whole`` are npz files."""
    kind = rng.choice((_of_bytes, _of_records, _of_members, _of_members, _of_members))
    return kind(rng, whole)


def of_header(rng, whole):
    """A single .npy file with another header -> bytes; ``whole`` are such files."""
    if rng.random() < 0.4:
        return damaged(rng, rng.choice(whole), whole)
    return _other_header(rng, rng.choice(whole))


def _of_bytes(rng, whole):
    return damaged(rng, rng.choice(whole), whole)


def _of_records(rng, whole):
    """Numbers in the records of the directory: sizes, offsets, methods, flags."""
    content = bytearray(rng.choice(whole))
    for _ in range(rng.randint(1, 3)):
        signature = rng.choice(list(_FIELDS))
        found = _find_all(content, signature)
        start = rng.choice(found) + rng.randrange(4, _FIELDS[signature])
        code = rng.choice(('<B', '<H', '<I'))
        size = struct.calcsize(code)
        content[start:start + size] = struct.pack(code, rng.choice(
            (*INTERESTING, 8, 12, 14, 99, rng.randrange(2 ** 32))) % 256 ** size)
    return bytes(content)


def _find_all(content, signature):
    found, start = [], content.find(signature)
    while start >= 0:
        found.append(start)
        start = content.find(signature, start + 1)
    return found or [0]


def _of_members(rng, whole):
    """Members changed, renamed, doubled, left out, or unpacking to more than memory holds."""
    members = dict(_members(rng.choice(whole)))
    changed = list(members.items())
    for _ in range(rng.randint(1, 3)):
        place = rng.randrange(len(changed))
        name, data = changed[place]
        changed[place:place + 1] = rng.choice((
            [], [(name, data), (name, data)], [(rng.choice(_NAMES), data)],
            [(name, _other_header(rng, data))], [(name, _other_header(rng, data))],
            [(name, _other_header(rng, data))], [(name, damaged(rng, data))],
            [(name, rng.choice(list(members.values())))], [(name, _number(rng, data))]))
        if not changed:
            break
    bomb = rng.randrange(len(changed)) if changed and rng.random() < 0.01 else None
    return _packed(rng, changed, bomb)


@functools.lru_cache
def _members(content):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return tuple((name, archive.read(name)) for name in archive.namelist())


def _packed(rng, members, bomb):
    """A zip file of ``members``; the one at index ``bomb`` goes on and on."""
    file = io.BytesIO()
    method = rng.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))
    if rng.random() < 0.02:
        method = rng.choice((zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
    places, directory = [], b''
    for index, (name, data) in enumerate(members):
        places.append(file.tell())
        encoded, packed, size, method_used = _pack(name, data, method, index == bomb)
        common = struct.pack('<HHHHHIIIHH', 20, 0, method_used, 0, 0x21, zlib.crc32(data),
                             len(packed), size, len(encoded), 0)
        file.write(b'PK\x03\x04' + common + encoded + packed)
        directory += (b'PK\x01\x02' + struct.pack('<H', 20) + common
                      + struct.pack('<HHHII', 0, 0, 0, 0, places[-1]) + encoded)
    start = file.tell()
    file.write(directory + b'PK\x05\x06' + struct.pack(
        '<HHHHIIH', 0, 0, len(members), len(members), len(directory), start, 0))
    return file.getvalue()


def _pack(name, data, method, is_bomb):
    encoded = name.encode()[:65535]
    if is_bomb:
        return encoded, _bomb(data), _BOMB_BYTES + len(data), zipfile.ZIP_DEFLATED
    packer = zipfile._get_compressor(method)
    packed = packer.compress(data) + packer.flush() if packer else data
    return encoded, packed, len(data), method


def _bomb(data):
    """``data`` and zeros behind it, packed: some of the header's own bytes, then a constant."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH) + _packed_zeros()


@functools.lru_cache
def _packed_zeros():
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = bytes(2 ** 20)
    return b''.join([*(packer.compress(block) for _ in range(_BOMB_BYTES // len(block))),
                     packer.flush()])


def _other_header(rng, data):
    """The array ``data`` with another type, shape, version or length of its header."""
    header = (f"{{'descr': {rng.choice(_TYPES)}, 'fortran_order': {rng.choice(('False', 'True'))},"
              f" 'shape': {rng.choice(_SHAPES)}, }}")
    if rng.random() < 0.1:
        header = damaged(rng, header.encode()).decode('latin1')
    if rng.random() < 0.1:
        header = rng.choice(('', '{', '__import__("os").system("echo")', '1' * 5000, '-' * 5000))
    encoded = header.encode('latin1').ljust(118) + b'\n'
    version, size = (1, '<H') if rng.random() < 0.8 else (rng.choice((2, 3, 4, 255)), '<I')
    length = len(encoded) if rng.random() < 0.9 else rng.choice(INTERESTING)
    limit = 256 ** struct.calcsize(size)
    return (b'\x93NUMPY' + bytes([version, 0]) + struct.pack(size, length % limit) + encoded
            + data[rng.choice((128, 128, 128, 0, len(data))):])


def _number(rng, data):
    """Other values in the array, which a counter or position may not have."""
    value = struct.pack('<q', rng.choice((*INTERESTING[:-1], -1, 10 ** 6)) % 2 ** 63)
    values = data[128:]
    return data[:128] + (value * (len(values) // 8 + 1))[:len(values)]
