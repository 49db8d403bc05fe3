"""Convert the weights of C3D from the caffemodel of its authors to the npz file that is read here.

C3D was trained with a Caffe of its own (2014), whose binary NetParameter differs from today's: a
blob has five dimensions, and its data in field 6. The few messages that matter are read here, by
hand and with bounds, so that no protobuf library and no code of the file's maker is needed.
"""
import math
import os
import reprlib
from pathlib import Path

import numpy as np

from tgan_chainer.commands.flags import parser_of
from tgan_chainer.commands.run import command
from tgan_chainer.errors import DataError
from tgan_chainer.evaluation.c3d_ft import C3D
from tgan_chainer.io import files

_SIZES = 'num', 'channels', 'length', 'height', 'width'
# Number of a field -> its name, and what it is: BlobProto, LayerParameter and NetParameter.
_BLOB = {number: (name, int) for number, name in enumerate(_SIZES, 1)} | {6: ('data', bytes)}
_NET = {2: ('layers', {4: ('name', bytes), 6: ('blobs', _BLOB)})}

# Wire types of protobuf: number, bytes with a length; and the sizes of the others.
_VARINT, _BYTES = 0, 2
_FIXED_SIZES = {1: 8, 5: 4}

MAX_BYTES = 2 ** 31
"""Largest file that is read: protobuf's own limit; C3D's takes 0.3 GB, with gradients 0.6."""

MAX_FIELDS = 100_000    #: Most fields in a file: a network of C3D's kind has some hundreds.


def convert(source, target, shapes):
    """Read a caffemodel and write its weights as npz, keys ``conv1a/W`` ... -> dict of arrays.

    ``shapes`` are theirs, by key; the first size of ``fc8``, the number of classes, is the file's.
    A source that is missing, damaged or of another network is a DataError, as is a target that
    cannot be written.
    """
    try:
        if (size := os.path.getsize(source)) > MAX_BYTES:
            raise DataError(f'{source}: has {size} bytes, expected a caffemodel of at most '
                            f'{MAX_BYTES}')
        arrays = _arrays(_read(Path(source).read_bytes(), source), shapes, source)
    except OSError as error:
        raise DataError(f'{source}: cannot be read ({error.strerror}); expected a caffemodel of '
                        'C3D') from error
    with files.atomic_path(target) as temporary:
        np.savez(temporary, **arrays)
    return arrays


def c3d_shapes():
    """Key -> shape of every parameter of C3D."""
    return {path[1:]: param.shape for path, param in C3D().namedparams()}


def _arrays(layers, shapes, source):
    """{key: array} of ``shapes`` from {layer name: [(shape, values)]}."""
    names = dict.fromkeys(key.partition('/')[0] for key in shapes)
    # Fine-tuned and original models call the last layer fc8, fc8-1 and the like.
    found = {'fc8' if layer.startswith('fc8') else layer: blobs for layer, blobs in layers.items()}
    if set(found) != set(names) or len(found) != len(layers):
        raise DataError(f'{source}: has weights of the layers {reprlib.repr(list(layers))}; '
                        f'expected those of C3D: {", ".join(names)}')
    arrays = {}
    for key, shape in shapes.items():
        name, letter = key.split('/')
        if len(found[name]) != 2:
            raise DataError(f'{source}: layer {name} has {len(found[name])} blobs, expected W and '
                            'b')
        dimensions, values = found[name]['Wb'.index(letter)]
        if name == 'fc8':
            shape = max(1, values.size // math.prod(shape[1:])), *shape[1:]
        # Caffe pads the dimensions with ones in front.
        kept, expected = ([size for size in sizes if size != 1] for sizes in (dimensions, shape))
        if values.size != math.prod(shape) or kept != expected:
            raise DataError(f'{source}: {key} is {dimensions} with {values.size} values, expected '
                            f'{shape}')
        if not np.isfinite(values).all():
            raise DataError(f'{source}: {key} holds values that are not finite')
        arrays[key] = values.reshape(shape)
    if len(arrays['fc8/W']) != len(arrays['fc8/b']):
        raise DataError(f'{source}: W of fc8 has {len(arrays["fc8/W"])} outputs, b '
                        f'{len(arrays["fc8/b"])}')
    return arrays


def _read(content, source):
    """The layers that have weights -> {name: [(shape, float32 values)]}."""
    layers = {}
    try:
        for layer in _decode(memoryview(content), _NET, iter(range(MAX_FIELDS)))['layers']:
            name = str(b''.join(layer['name'][-1:]), 'utf-8')
            if layer['blobs']:
                if name in layers:
                    raise ValueError(f'a second layer {reprlib.repr(name)}')
                layers[name] = [
                    (tuple([1, *blob[size]][-1] for size in _SIZES),
                     np.concatenate([np.frombuffer(part, '<f4') for part in (b'', *blob['data'])]))
                    for blob in layer['blobs']]
        return layers
    except ValueError as error:
        raise DataError(f'{source}: is damaged or no caffemodel of C3D: {error}') from error


def _decode(message, schema, budget):
    """The fields of a message that its schema names -> {name: list of values}."""
    found = {name: [] for name, _ in schema.values()}
    for number, value in _fields(message, budget):
        if number in schema:
            name, kind = schema[number]
            python, what = (int, 'integer') if kind is int else (memoryview, 'bytes')
            if not isinstance(value, python):
                raise ValueError(f'{name} (field {number}) is no {what}')
            found[name].append(_decode(value, kind, budget) if isinstance(kind, dict) else value)
    return found


def _fields(message, budget):
    """Yield (number, value) of every field of a message: an int, bytes as a view, or None."""
    position = 0
    while position < len(message):
        if next(budget, None) is None:
            raise ValueError(f'more than {MAX_FIELDS} fields')
        key, position = _varint(message, position)
        number, wire_type = key >> 3, key & 7
        if wire_type in (_VARINT, _BYTES):
            size, position = _varint(message, position)
        elif not (size := _FIXED_SIZES.get(wire_type)):
            raise ValueError(f'wire type {wire_type} of field {number}')
        if wire_type == _VARINT:
            yield number, size
            continue
        if size > len(message) - position:
            raise ValueError(f'field {number} of {size} bytes, where {len(message) - position} are '
                             'left')
        # What has no length of its own is a number, of which none is looked at.
        yield number, message[position:position + size] if wire_type == _BYTES else None
        position += size


def _varint(message, position):
    """An unsigned integer of seven bits a byte -> value, position after it."""
    value = 0
    for i, byte in enumerate(message[position:position + 10]):    # 64 bits take so many
        value |= (byte & 0x7f) << 7 * i
        if byte < 0x80:
            return value, position + i + 1
    raise ValueError('a number that does not end')


def parse_args(argv=None):
    """Flags of the command."""
    parser = parser_of('convert-c3d', "Convert C3D's caffemodel to npz, for --c3d of the scores.")
    parser.add_argument('caffemodel', type=Path, help='such as c3d_ucf101_finetune.caffemodel')
    parser.add_argument('npz', type=Path, help='such as data/conv3d_deepnetA_ucf.npz')
    return parser.parse_args(argv)


def _convert(args):
    arrays = convert(args.caffemodel, args.npz, c3d_shapes())
    print(f'{args.npz}: {len(arrays)} arrays, {len(arrays["fc8/b"])} classes, sha256 '
          f'{files.sha256(args.npz)}')


main = command('convert-c3d', parse_args, _convert)
