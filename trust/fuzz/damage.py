"""Damage that needs to know nothing of a format."""
import struct

INTERESTING = (0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1,
               2 ** 63 - 1, 2 ** 64 - 1)
"""Numbers at which counters and sizes turn over."""


def damaged(rng, content, others=()):
    """``content`` (bytes) with one to four changes; ``others`` are files to take pieces from."""
    content = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 4))):
        if not content:
            break
        change = rng.choice(_CHANGES)
        change(rng, content, others)
    return bytes(content)


def _flip_bit(rng, content, others):
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _set_byte(rng, content, others):
    content[rng.randrange(len(content))] = rng.randrange(256)


def _set_number(rng, content, others):
    code = rng.choice(('<B', '<H', '>H', '<I', '>I', '<Q', '>Q'))
    size = struct.calcsize(code)
    start = rng.randrange(len(content))
    content[start:start + size] = struct.pack(code, rng.choice(INTERESTING) % 256 ** size)


def _delete(rng, content, others):
    start, stop = _piece(rng, content)
    del content[start:stop]


def _repeat(rng, content, others):
    start, stop = _piece(rng, content)
    content[start:start] = content[start:stop] * rng.choice((1, 1, 2, 20))


def _insert(rng, content, others):
    start = rng.randrange(len(content) + 1)
    content[start:start] = rng.randbytes(rng.choice((1, 2, 4, 8, 60)))


def _cut_off(rng, content, others):
    del content[rng.randrange(len(content)):]


def _cross(rng, content, others):
    """A piece of another file in the place of one of this."""
    if others:
        other = rng.choice(others)
        start, stop = _piece(rng, content)
        first, last = _piece(rng, other)
        content[start:stop] = other[first:last]


def _piece(rng, content):
    start = rng.randrange(len(content) or 1)
    return start, start + rng.choice((1, 2, 4, 8, 16, 64, 256))


_CHANGES = (_flip_bit, _set_byte, _set_number, _delete, _repeat, _insert, _cut_off, _cross)
