"""The protocols of the inception score, by name: scores compare only within one."""
import functools
from collections.abc import Callable
from typing import NamedTuple

import chainer
import numpy as np

from tgan_chainer.datasets.checks import require_file
from tgan_chainer.datasets.published import PUBLISHED, obtain
from tgan_chainer.errors import DataError
from tgan_chainer.evaluation import resize
from tgan_chainer.io import files

MEAN_SHAPE = (3, 16, 128, 171)    #: Channels (BGR), frames, rows and columns; of Sports-1M.
MEAN_SHA256 = PUBLISHED['mean'].sha256    #: Of mean2.npz.


def load_mean(path):
    """Read the published mean clip from its npz file -> float64 (3, 16, 128, 171), BGR in [0, 255].

    A file that is missing or any other, whose checksum tells, is a DataError.
    """
    require_file(path, f'expected {obtain("mean")}. Give its path by --mean or in TGAN_MEAN')
    if (found := files.sha256(path)) != MEAN_SHA256:
        raise DataError(f"'{path}' is damaged or another file: it has sha256 {found}; expected "
                        f'{obtain("mean")}. Another mean clip makes another score')
    with np.load(path) as npz:
        return npz['mean'].reshape(MEAN_SHAPE).astype(np.float64)


def preprocess(video, mean, protocol='tgan-v1'):
    """Turn generated videos into clips for :class:`~tgan_chainer.evaluation.c3d_ft.C3D`.

    Args:
        video: Array of floats (N, 3, 16, H, W), RGB in [-1, 1], on any device.
        mean: Array (3, 16, 128, 171) as of :func:`load_mean`; best on the same device.
        protocol (str): One of :data:`PROTOCOLS`.

    Returns:
        Array (N, 3, 16, 112, 112) of the video's dtype on its device: BGR minus the mean.
    """
    if video.ndim != 5 or video.shape[1:3] != MEAN_SHAPE[:2]:
        raise ValueError(f'videos of shape {video.shape}: expected (N, 3, 16, H, W)')
    return PROTOCOLS[protocol].clips(video, mean)


def _tgan_v1(video, mean, matrix=resize.cubic_matrix):
    """The authors' evaluation script (FACTS §6): neither clips nor rounds to pixel values."""
    x = resize.resize(video * 128 + 128, 128, 128, matrix)
    return _subtract(x, mean[..., 21:149])[..., 8:120, 8:120]    # 128 of the mean's 171 columns


def _tgan_v2(video, mean):
    """Another protocol in use (FACTS §6).

    Which rows of the mean are taken is not on record: here the same as of its columns.
    """
    x = resize.resize(video.clip(-1, 1) * 128 + 128, 112, 112, resize.corner_linear_matrix)
    return _subtract(x, mean[..., 8:120, 8:120])


def _subtract(x, mean):
    """RGB x (N, 3, T, H, W) -> BGR minus the mean (3, T, H, W); dtype and device are those of x."""
    xp = chainer.backend.get_array_module(x)
    return x[:, ::-1] - xp.asarray(mean.astype(x.dtype))


INTERPOLATIONS = {
    'INTER_CUBIC': resize.cubic_matrix,
    'INTER_LINEAR': resize.linear_matrix,
    'INTER_NEAREST': resize.nearest_matrix,
}
"""OpenCV's names, as in the authors' flag ``--interpolation``; the first is the protocol's."""

EPS = 1e-7    #: Added to probabilities inside the logarithms by the authors.


class Settings(NamedTuple):
    """Numbers of a protocol: videos a seed, videos a batch, eps, and the seeds of a full score."""

    samples: int
    batchsize: int
    eps: float
    seeds: tuple

    @property
    def scored(self):
        """Videos that are scored: in whole batches, as in the authors' code."""
        return self.samples // self.batchsize * self.batchsize


class Protocol(NamedTuple):
    """How class probabilities come about, and a score of them (FACTS §6)."""

    clips: Callable       #: Function from videos and mean clip to clips.
    dropout: bool         #: Whether C3D's is on, as in the authors' script (FACTS §11).
    settings: Settings    #: Unless flags say otherwise.


_V1 = Settings(10000, 48, EPS, (0, 1, 2, 3))

PROTOCOLS = {
    **{name if interpolation == 'INTER_CUBIC' else f'{name}/{interpolation}':
       Protocol(functools.partial(_tgan_v1, matrix=matrix), dropout, _V1)
       for name, dropout in (('tgan-v1', True), ('tgan-v1/dropout-off', False))
       for interpolation, matrix in INTERPOLATIONS.items()},
    'tgan-v2': Protocol(_tgan_v2, False, Settings(2048, 32, 1e-20, tuple(range(10)))),
}
"""By name. The paper's scores compare with those of `tgan-v1` only."""
