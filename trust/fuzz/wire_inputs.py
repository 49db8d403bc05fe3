"""Caffemodels with other fields than Caffe's."""
import numpy as np

from trust.fuzz.damage import INTERESTING, damaged

SHAPES = {'conv1a/W': (2, 3, 3, 3, 3), 'conv1a/b': (2,), 'fc8/W': (7, 4), 'fc8/b': (7,)}
"""Arrays of a network with names such as C3D's."""


def seeds():
    """A caffemodel of :data:`SHAPES`, twice: with the last layer called fc8 and fc8-1."""
    return [_net(last) for last in ('fc8', 'fc8-1')]


def make(rng, whole):
    """An input -> bytes; ``whole`` are the :func:`seeds`."""
    if rng.random() < 0.3:
        return damaged(rng, rng.choice(whole), whole)
    return _joined(_changed(rng, _net_fields(rng.choice(('fc8', 'fc8-1'))), depth=0))


def _net(last):
    return _joined(_net_fields(last))


def _net_fields(last):
    """Fields as (number, wire type, value): an int, bytes, or a list of fields."""
    layers = [(2, 2, [(4, 2, name.encode()), *_blobs(key)])
              for key, name in (('conv1a', 'conv1a'), ('fc8', last))]
    return [(1, 2, b'deepnetA'), *layers, (4, 0, 16), (9, 1, bytes(8))]


def _blobs(layer):
    for letter in 'Wb':
        shape = SHAPES[f'{layer}/{letter}']
        padded = (1,) * (5 - len(shape)) + shape
        data = np.linspace(-1, 1, np.prod(shape)).astype('<f4').tobytes()
        yield 6, 2, [*((number, 0, size) for number, size in enumerate(padded, 1)), (6, 2, data)]


def _changed(rng, fields, depth):
    """Fields left out, doubled, of other numbers, types and values, here or further down."""
    fields = list(fields)
    below = [place for place, (_, _, value) in enumerate(fields) if isinstance(value, list)]
    if below and rng.random() < 0.7:
        place = rng.choice(below)
        number, wire_type, value = fields[place]
        fields[place] = number, wire_type, _changed(rng, value, depth + 1)
        return fields
    place = rng.randrange(len(fields))
    number, wire_type, value = fields[place]
    fields[place:place + 1] = rng.choice((
        [], [fields[place]] * 2, [(rng.randrange(12), wire_type, value)],
        [(number, rng.randrange(8), value)], [(number, 0, rng.choice(INTERESTING))],
        [(number, wire_type, rng.randbytes(rng.randrange(40)))], [fields[place]] * 300,
        [(number, 2, _nested(rng))], [(number, ('length', rng.choice(INTERESTING)), value)]))
    return fields


def _nested(rng):
    value = []
    for _ in range(rng.choice((5, 200))):
        value = [(rng.choice((2, 6)), 2, value)]
    return value


def _joined(fields):
    return b''.join(_field(*field) for field in fields)


def _field(number, wire_type, value):
    """A field as bytes; a wire type ('length', n) is bytes that are said to be n long."""
    length = None
    if isinstance(wire_type, tuple):
        wire_type, length = 2, wire_type[1]
    key = _varint(number << 3 | wire_type)
    if isinstance(value, list):
        value = _joined(value)
    if isinstance(value, int):
        return key + _varint(value)
    if wire_type == 2:
        return key + _varint(len(value) if length is None else length) + value
    return key + value


def _varint(number):
    encoded = bytearray()
    while number > 0x7f:
        encoded.append(number & 0x7f | 0x80)
        number >>= 7
    return bytes([*encoded, number])
