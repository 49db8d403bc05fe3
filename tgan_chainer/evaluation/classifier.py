"""The classifier behind the scores: C3D's weights and the mean clip, found and checked."""
import os
from dataclasses import dataclass
from pathlib import Path

import chainer
import numpy as np

from tgan_chainer.datasets.checks import require_file
from tgan_chainer.datasets.published import PUBLISHED, obtain
from tgan_chainer.errors import DataError, SnapshotError
from tgan_chainer.evaluation.c3d_ft import C3D
from tgan_chainer.evaluation.protocols import MEAN_SHAPE, PROTOCOLS, load_mean, preprocess
from tgan_chainer.io import files, snapshots

C3D_FILE = 'conv3d_deepnetA_ucf.npz'
CAFFEMODEL = 'c3d_ucf101_finetune_whole_iter_20000'
"""What the authors' code converts when it finds it in the working directory (FACTS §11)."""

C3D_VARIABLE = 'TGAN_C3D'
MEAN_VARIABLE = 'TGAN_MEAN'
MEAN_PLACES = 'data/mean2.npz', 'mean2.npz'
"""Where the mean clip is looked for; the authors' scripts expect it in the working directory."""

_PUBLISHED = (f"{obtain('c3d')}; its keys are conv1a/W, conv1a/b, ... fc8/b; or made from C3D's "
              'caffemodel by tgan convert-c3d')

# Videos that C3D sees at once without cuDNN: the columns of its second layer take 350 MB for each,
# twice, on a GPU, and its first layer 50 MB on the CPU.
_CHUNK = 4


@dataclass(frozen=True)
class Classifier:
    """Class probabilities of videos, as one protocol wants them.

    In a rehearsal weights and mean clip are stand-ins: nothing that comes of it is a measurement.
    """

    network: chainer.Link           #: C3D, or a link with its ``forward`` and ``draw_masks``.
    mean: np.ndarray                #: Mean clip (3, 16, 128, 171) on the network's device.
    protocol: str                   #: One of :data:`.protocols.PROTOCOLS`.
    files: dict                     #: 'c3d' and 'mean' -> sha256; empty in a rehearsal.
    mean_path: str = 'mean2.npz'    #: For the authors' line of a score.
    chunk: int | None = None        #: Videos that the network sees at once; None is all.
    is_rehearsal: bool = False

    def __call__(self, videos, done=None):
        """Videos (N, 3, 16, H, W), RGB in [-1, 1] -> probabilities (N, classes), on its device.

        Where the protocol has dropout, its masks are drawn for all the videos at once, so that they
        do not depend on ``chunk``. In a rehearsal videos may be grey, (N, 1, 16, H, W). ``done`` is
        called with the number of videos of each chunk after it.
        """
        masks = self.draw_masks(len(videos))
        if self.is_rehearsal and videos.shape[1] == 1:
            videos = videos.repeat(3, axis=1)
        ys, chunk = [], self.chunk or len(videos)
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            for start in range(0, len(videos), chunk):
                part = slice(start, start + chunk)
                clips = preprocess(videos[part], self.mean, self.protocol)
                ys.append(self.network(clips, tuple(mask[part] for mask in masks)).array)
                if done:
                    done(len(ys[-1]))
        return chainer.backend.get_array_module(ys[0]).concatenate(ys)

    def draw_masks(self, n):
        """Draw what the classification of ``n`` videos draws -> masks, none without dropout."""
        return self.network.draw_masks(n) if PROTOCOLS[self.protocol].dropout else ()

    def label(self, line):
        """A line of output, marked in a rehearsal."""
        return f'rehearsal (no measurement): {line}' if self.is_rehearsal else line


def load_classifier(c3d, mean, protocol, device):
    """C3D and the published mean clip, on ``device`` -> :class:`Classifier`; others: a DataError.

    Args:
        c3d (str or None): Path of C3D's weights; None is that in TGAN_C3D, or else
            conv3d_deepnetA_ucf.npz in data/ or where the authors' code looks.
        mean (str or None): That of the mean clip; None is TGAN_MEAN, or mean2.npz in data/ or here.
    """
    mean_path = find(mean, MEAN_VARIABLE, MEAN_PLACES)
    clip = load_mean(mean_path)    # the smaller file first: an error comes before the long read
    network, digest = load_c3d(find(c3d, C3D_VARIABLE, usual_c3d_places()))
    return _classifier(network, clip, protocol, device,
                       files={'c3d': digest, 'mean': PUBLISHED['mean'].sha256},
                       mean_path=str(mean_path))


def rehearsal_classifier(protocol, device):
    """C3D with seeded weights and a mean clip of one grey: no score by it is a measurement."""
    np.random.seed(0)
    return _classifier(C3D(), np.full(MEAN_SHAPE, 128), protocol, device, files={},
                       mean_path='stand-in', is_rehearsal=True)


def _classifier(network, mean, protocol, device, **origin):
    network.to_device(device)
    return Classifier(network, device.send(mean.astype(np.float32)), protocol,
                      chunk=_CHUNK if device.xp is np or not chainer.backends.cuda.cudnn_enabled
                      else None, **origin)


def usual_c3d_places():
    """Where C3D's weights are looked for; last in Chainer's folder, as by the authors' code."""
    folder = chainer.dataset.get_dataset_directory('pfnet/chainer/models', create_directory=False)
    return f'data/{C3D_FILE}', os.path.join(folder, C3D_FILE)


def find(path, variable, usual):
    """The file that a flag, an environment variable, or else the usual places name -> Path.

    Of the usual places the first that there is; the first of all if there is none.
    """
    if path := path or os.environ.get(variable):
        return Path(path)
    return next((place for place in map(Path, usual) if place.is_file()), Path(usual[0]))


def load_c3d(path):
    """C3D with the weights of an npz file -> network, sha256 of the file.

    No checksum of the published file is known; that of the file in use is part of every record. One
    that is missing, damaged, or of another network is a DataError.
    """
    conversion = (f'. {CAFFEMODEL} is here: tgan convert-c3d {CAFFEMODEL} data/{C3D_FILE}'
                  if os.path.isfile(CAFFEMODEL) else '')
    require_file(path, f'expected {_PUBLISHED}; put it into {" or ".join(usual_c3d_places())}, or '
                 f'give its path by --c3d or in {C3D_VARIABLE}{conversion}')
    network = C3D()
    params = {key[1:]: param for key, param in network.namedparams()}
    try:
        for key, header in snapshots.headers(path).items():
            if key not in params:
                raise SnapshotError(f'{path}: found {key:.40}, which C3D does not have')
            if header.dtype.kind != 'f' or header.shape != params[key].shape:
                raise SnapshotError(f'{path}: {key} is {header}, not floats {params[key].shape}')
        snapshots.load(path, network)
        for key, param in params.items():
            if not np.isfinite(param.array).all():
                raise SnapshotError(f'{path}: {key} holds values that are not finite')
    except SnapshotError as error:
        raise DataError(f'{error}; expected {_PUBLISHED}') from error
    return network, files.sha256(path)
