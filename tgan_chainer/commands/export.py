"""`tgan export`: networks for programs without Chainer; each is tried before it gets its name."""
import importlib
import inspect
from pathlib import Path

import chainer
import numpy as np

from tgan_chainer import results
from tgan_chainer.commands import flags
from tgan_chainer.commands.run import command
from tgan_chainer.errors import ConfigError, DataError
from tgan_chainer.io import snapshots
from tgan_chainer.io.files import atomic_path
from tgan_chainer.io.onnx_graph import to_onnx
from tgan_chainer.models.sampling import draw_labels, first_generator, make_video

#: Largest difference from our output, as a share of its largest value: an eighth of a grey level.
#: Trained networks differ by 1e-6 to 1e-5, by roundings of float32.
BOUND = 1e-3


def export(args):
    """Write the networks that the flags name, and print where and how near they are to ours.

    One that differs by more than :data:`BOUND` is a DataError, and is not kept.
    """
    try:
        for name in (packages := ('onnx', 'onnxruntime', 'safetensors')):
            importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(f'{name} cannot be imported ({error}); the extra [export] brings it: '
                          f'pip install {" ".join(packages)}') from error
    folder = results.experiment_file(args.result_dir).parent
    iteration = results.choose_iteration(folder, args.iter)
    names = {role: name.format(iteration) for role, name in snapshots.NETWORKS.items()
             if role != 'vdis' or (folder / name.format(iteration)).is_file()}
    system = results.load_system(folder, iteration, chainer.get_device('@numpy'), names)
    np.random.seed(0)
    examples = [_examples(system, n) for n in (2, 1, 3)]
    outputs = {'fsgen': ['z_fast'], 'vgen': ['frame' if system.fsgen else 'video'],
               'vdis': ['score', 'frame_score'][:1 + system.vdis.returns_pair]}
    for role in filter(names.get, system.networks):
        stem = Path(args.out_dir, f'{folder.resolve().name}_{names[role]}')
        network, inputs = getattr(system, role), [example[role] for example in examples]
        about = (f'{type(network).__name__} of {folder.resolve().name}, iteration {iteration}: '
                 f'{inspect.getdoc(network.forward)}')
        for suffix, write in (('.safetensors', _write_safetensors), ('.onnx', _write_onnx)):
            path = stem.with_suffix(suffix)
            with atomic_path(path) as temporary:
                difference = write(temporary, network, inputs, outputs[role], about)
                if not difference <= BOUND:    # NaN, too
                    raise DataError(
                        f'{path}: differs from our network by {difference:.1e} of its largest '
                        f'value, expected at most {BOUND}; it was not kept. Try another version of '
                        'onnxruntime, or report this')
            print(f'{path}: differs from ours by {difference:.0e}')


def _examples(system, n):
    """Inputs of ``n`` videos, as the system makes them -> {role: {name: array (n, ...)}}."""
    labels = draw_labels(first_generator(system.fsgen, system.vgen), n)
    video, z_slow, z_fast = make_video(system.fsgen, system.vgen, n, labels=labels)
    z_fast = {} if z_fast is None else {'z_fast': z_fast[:, :, 0]}
    labels = {} if labels is None else {'labels': labels.astype(np.int64)}
    return {'fsgen': {'z_slow': z_slow} | labels, 'vgen': {'z_slow': z_slow} | z_fast | labels,
            'vdis': {'video': video} | labels}


def _write_safetensors(path, network, inputs, outputs, about):
    """Write arrays by their keys in the snapshot -> their largest difference when read back."""
    from safetensors import numpy as safetensors
    arrays = chainer.serializers.npz.serialize(network)
    path.write_bytes(safetensors.save(arrays, {'about': about}))
    read = safetensors.load_file(path)
    return np.max([_difference(read[key], array) for key, array in arrays.items()])


def _write_onnx(path, network, inputs, outputs, about):
    """Write the graph -> the largest difference of its outputs from ours, over all ``inputs``."""
    import onnxruntime
    path.write_bytes(to_onnx(network, inputs[0], outputs, about).SerializeToString())
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    differences = []
    for arrays in inputs:
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            ours = network(*arrays.values())
        ours = ours if isinstance(ours, tuple) else (ours,)
        differences += [_difference(theirs, each.array) for theirs, each in zip(
            session.run(outputs, arrays), ours, strict=True)]
    return np.max(differences)    # NaN, if there is one


def _difference(theirs, ours):
    return np.abs(theirs - ours).max() / (np.abs(ours).max() or 1)


def parse_args(argv=None):
    """Flags of the command."""
    parser = flags.parser_of(
        'export', 'Write G0, G1 and, where it is there, D of a result folder as .onnx, for '
        'onnxruntime and others, and as .safetensors, with the keys of the snapshot. Needs the '
        'extra [export].', allow_abbrev=False)    # --out FILE would be a folder
    flags.add(parser, 'result_dir', required=True)
    flags.add(parser, 'iter')
    flags.add(parser, 'out_dir', default='export', help='where to write (default: export)')
    return parser.parse_args(argv)


main = command('export', parse_args, export)
