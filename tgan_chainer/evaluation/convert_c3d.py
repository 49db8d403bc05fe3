"""Convert the weights of C3D from the caffemodel of its authors to the npz file that is read here.

C3D was trained with a Caffe of its own (2014), whose binary NetParameter differs from today's: a
blob has five dimensions, and its data in field 6. The few fields that matter are declared here.
"""
import math
import os
import reprlib
from pathlib import Path

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from tgan_chainer.commands.flags import parser_of
from tgan_chainer.commands.run import command
from tgan_chainer.datasets.checks import require_file, telling_damage
from tgan_chainer.evaluation.c3d_ft import C3D
from tgan_chainer.io import files

_SIZES = 'num', 'channels', 'length', 'height', 'width'
_SIZE = {'label': 'LABEL_OPTIONAL', 'type': 'TYPE_INT32', 'default_value': '1'}
_BYTES = {'label': 'LABEL_REPEATED', 'type': 'TYPE_BYTES'}
# Messages in messages are bytes, to be read one at a time: a short file can hold many.
_FIELDS = {
    'Net': [{'name': 'layers', 'number': 2, **_BYTES}],
    'Layer': [{'name': 'name', 'number': 4, **_BYTES}, {'name': 'blobs', 'number': 6, **_BYTES}],
    'Blob': [*({'name': size, 'number': number, **_SIZE} for number, size in enumerate(_SIZES, 1)),
             {'name': 'data', 'number': 6, **_BYTES}],    # floats, which NumPy reads
}
_POOL = descriptor_pool.DescriptorPool()
_POOL.AddSerializedFile(descriptor_pb2.FileDescriptorProto(name='c3d', message_type=[
    {'name': name, 'field': fields} for name, fields in _FIELDS.items()]).SerializeToString())
_Net, _Layer, _Blob = (
    message_factory.GetMessageClass(_POOL.FindMessageTypeByName(name)) for name in _FIELDS)

MAX_BYTES = 2 ** 31    #: Of a file: protobuf's limit; C3D's takes 0.3 GB, with gradients 0.6.


def convert(source, target, shapes):
    """Read a caffemodel and write its weights as npz, keys ``conv1a/W`` ... -> dict of arrays.

    ``shapes`` are theirs, by key; the first size of ``fc8``, the number of classes, is the file's.
    A source that is missing, damaged or of another network is a DataError, as is a target that
    cannot be written.
    """
    require_file(source, 'expected a caffemodel of C3D')
    with telling_damage(f'{source}: is damaged or no caffemodel of C3D', ''):
        if (size := os.path.getsize(source)) > MAX_BYTES:
            raise ValueError(f'it has {size} bytes, expected at most {MAX_BYTES}')
        arrays = _read(Path(source).read_bytes(), shapes)
    with files.atomic_path(target) as temporary:
        np.savez(temporary, **arrays)
    return arrays


def _read(content, shapes):
    """The arrays of a caffemodel -> {key of ``shapes``: array}."""
    names = dict.fromkeys(key.partition('/')[0] for key in shapes)
    arrays = {}
    for layer in map(_Layer.FromString, _Net.FromString(content).layers):
        if not layer.blobs:
            continue
        name = str(b''.join(layer.name[-1:]), 'utf-8')
        # Fine-tuned and original models call the last layer fc8, fc8-1 and the like.
        ours = 'fc8' if name.startswith('fc8') else name
        if ours not in names or f'{ours}/W' in arrays:
            raise ValueError(f'a layer {reprlib.repr(name)} has weights, expected one of each of '
                             f'{", ".join(names)}')
        if len(layer.blobs) != 2:
            raise ValueError(f'layer {name} has {len(layer.blobs)} blobs, expected W and b')
        for key, blob in zip((f'{ours}/W', f'{ours}/b'), layer.blobs, strict=True):
            arrays[key] = _array(key, _Blob.FromString(blob), shapes[key])
    if lacking := shapes.keys() - arrays:
        raise ValueError(f'it has no weights {", ".join(sorted(lacking))}')
    if len(arrays['fc8/W']) != len(arrays['fc8/b']):
        raise ValueError(f'W of fc8 has {len(arrays["fc8/W"])} outputs, b {len(arrays["fc8/b"])}')
    return arrays


def _array(key, blob, shape):
    """The values of a blob -> float32 array of ``shape``, but for fc8's number of classes."""
    values = np.frombuffer(b''.join(blob.data), '<f4')
    dimensions = tuple(getattr(blob, size) for size in _SIZES)
    if key.startswith('fc8/'):
        shape = max(1, values.size // math.prod(shape[1:])), *shape[1:]
    # Caffe pads the dimensions with ones in front.
    kept, expected = ([size for size in sizes if size != 1] for sizes in (dimensions, shape))
    if values.size != math.prod(shape) or kept != expected:
        raise ValueError(f'{key} is {dimensions} with {values.size} values, expected {shape}')
    if not np.isfinite(values).all():
        raise ValueError(f'{key} holds values that are not finite')
    return values.reshape(shape)


def parse_args(argv=None):
    """Flags of the command."""
    parser = parser_of('convert-c3d', "Convert C3D's caffemodel to npz, for --c3d of the scores.")
    parser.add_argument('caffemodel', type=Path, help='such as c3d_ucf101_finetune.caffemodel')
    parser.add_argument('npz', type=Path, help='such as data/conv3d_deepnetA_ucf.npz')
    return parser.parse_args(argv)


def _convert(args):
    arrays = convert(args.caffemodel, args.npz,
                     {path[1:]: param.shape for path, param in C3D().namedparams()})
    print(f'{args.npz}: {len(arrays)} arrays, {len(arrays["fc8/b"])} classes, sha256 '
          f'{files.sha256(args.npz)}')


main = command('convert-c3d', parse_args, _convert)
