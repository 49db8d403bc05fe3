"""The classifier behind the scores: C3D's weights and the mean clip, found and checked."""
import os
import reprlib
from dataclasses import dataclass
from pathlib import Path

import chainer
import numpy as np

from tgan_chainer import files
from tgan_chainer.archives import Archive
from tgan_chainer.datasets.checks import require_file
from tgan_chainer.errors import DataError
from tgan_chainer.evaluation.c3d_ft import C3D
from tgan_chainer.evaluation.preprocess import load_mean, preprocess

C3D_FILE = 'conv3d_deepnetA_ucf.npz'
C3D_VARIABLE = 'TGAN_C3D'
MEAN_FILE = 'mean2.npz'
MEAN_VARIABLE = 'TGAN_MEAN'

_PUBLISHED = (f'C3D fine-tuned on UCF-101, {C3D_FILE} (keys conv1a/W, conv1a/b, ... fc8/b; about '
              '310 MB), as released at https://github.com/pfnet-research/tgan2/releases (v1.0), or '
              "made from C3D's caffemodel by evaluation/convert_c3d.py")


@dataclass(frozen=True)
class Classifier:
    """Class probabilities of videos, as one protocol wants them.

    Attributes:
        network: Clips (N, 3, 16, 112, 112) -> Variable (N, classes), such as C3D.
        mean: Mean clip (3, 16, 128, 171) on the network's device.
        protocol (str): One of :data:`tgan_chainer.evaluation.preprocess.PROTOCOLS`.
        files (dict): 'c3d' and 'mean' -> sha256 of the file.
    """

    network: chainer.Link
    mean: np.ndarray
    protocol: str
    files: dict

    def __call__(self, videos):
        """Videos (N, 3, 16, H, W), RGB in [-1, 1] -> probabilities (N, classes), on its device."""
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            return self.network(preprocess(videos, self.mean, self.protocol)).array


def load_classifier(c3d, mean, protocol, device):
    """C3D and the published mean clip, checked and on ``device`` -> :class:`Classifier`.

    Args:
        c3d (str or None): Path of C3D's weights; None is the environment variable TGAN_C3D, or
            else data/conv3d_deepnetA_ucf.npz.
        mean (str or None): Path of the mean clip; None is TGAN_MEAN, or else mean2.npz here or in
            data/.

    Raises:
        DataError: One of them is missing, damaged, or not what was published.
    """
    mean_path = find(mean, MEAN_VARIABLE, (MEAN_FILE, f'data/{MEAN_FILE}'))
    clip = load_mean(mean_path)    # the smaller file first: an error comes before the long read
    c3d_path = find(c3d, C3D_VARIABLE, (f'data/{C3D_FILE}',))
    network, digest = load_c3d(c3d_path)
    network.to_device(device)
    return Classifier(network, device.send(clip.astype(np.float32)), protocol,
                      {'c3d': digest, 'mean': files.sha256(mean_path)})


def find(path, variable, usual):
    """The file that a flag, an environment variable, or else the usual places name -> Path.

    Of the usual places the first that there is; the last if there is none.
    """
    path = path or os.environ.get(variable)
    if path:
        return Path(path)
    return next((place for place in map(Path, usual) if place.is_file()), Path(usual[-1]))


def load_c3d(path):
    """C3D with the weights of an npz file -> network, sha256 of the file.

    No checksum of the published file is known; that of the file in use is part of every record.

    Raises:
        DataError: The file is missing, damaged, or holds another network's weights.
    """
    require_file(path, f'expected {_PUBLISHED}; give its path by --c3d or in {C3D_VARIABLE}')
    network = C3D()
    params = {key[1:]: param for key, param in network.namedparams()}
    try:
        with Archive(path) as npz:
            for key, array in _checked(npz, params, path):
                params[key].array[...] = array
    except (OSError, ValueError) as error:
        raise DataError(f"'{path}' is damaged or no npz file ({' '.join(str(error).split())}); "
                        f'expected {_PUBLISHED}') from error
    return network, files.sha256(path)


def _checked(npz, params, path):
    """Yield (key, array) of every parameter; nothing else may be in the file."""
    missing, unknown = sorted(params.keys() - set(npz.files)), sorted(set(npz.files) - set(params))
    if missing or unknown:
        raise DataError(f"'{path}' lacks {reprlib.repr(missing)} and has besides "
                        f'{reprlib.repr(unknown)}; expected {_PUBLISHED}')
    for key, param in params.items():
        header = npz.header(key)
        if header.dtype.kind != 'f' or header.shape != param.shape:
            raise DataError(f"{key} in '{path}' is {header}, expected floats {param.shape}: "
                            f'{_PUBLISHED}')
        array = npz[key]
        if not np.isfinite(array).all():
            raise DataError(f"{key} in '{path}' holds values that are no finite numbers; expected "
                            f'{_PUBLISHED}')
        yield key, array
