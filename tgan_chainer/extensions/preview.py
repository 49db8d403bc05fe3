"""Images of what the generators make, during training."""
import math
from pathlib import Path

import chainer
import numpy as np
from chainer.training import extension

from tgan_chainer.io import pictures
from tgan_chainer.models.sampling import draw_latent, first_generator, make_video
from tgan_chainer.results import CATEGORIES, read_categories


class Preview(extension.Extension):
    """Write a sheet and movies of the same latent vectors each time.

    ``preview/image_img_NNNNNNNN.png`` has a row a video with its 16 frames side by side;
    ``preview/video_NNNNNNNN.avi``, ``.mov`` and ``.gif`` play the videos in a grid, ten frames a
    second (authors' names, FACTS §10; the last is ours); without PyAV there are none.
    The latent vectors come from a generator of its own, so the training is left untouched. The
    categories of a conditional system are in order, at equal distances, and their names beside the
    rows of the sheet.

    Args:
        fsgen, vgen: G0 and G1; fsgen is None for a single generator.
        n, seed: Number of videos, and seed of their latent vectors.
        real: Real videos (R, C, T, H, W), float32 in [-1, 1], R at least 1, for the top row, which
            repeats them if the grid has more columns; None: no such row.
    """

    name = 'preview'
    priority = extension.PRIORITY_READER

    def __init__(self, fsgen, vgen, n=100, seed=0, real=None):
        self.fsgen = fsgen
        self.vgen = vgen
        first = first_generator(fsgen, vgen)
        self._z_slow = draw_latent(np.random.RandomState(seed), first.latent,
                                   (n, first.z_slow_dim)).astype(np.float32)
        self._real = real
        self._labels = ((np.arange(n) * first.n_categories // n).astype(np.int32)
                        if first.n_categories else None)

    def __call__(self, trainer):
        xp = self.vgen.xp
        labels = None if self._labels is None else xp.asarray(self._labels)
        videos, _, _ = make_video(self.fsgen, self.vgen, len(self._z_slow),
                                  z_slow=xp.asarray(self._z_slow), labels=labels)
        videos = chainer.get_device('@numpy').send(videos)
        columns = math.ceil(math.sqrt(len(videos)))
        sheet = grid = videos
        if self._real is not None:
            top = np.resize(self._real, (columns, *self._real.shape[1:]))    # repeats what is there
            sheet, grid = np.concatenate([top[:1], videos]), np.concatenate([top, videos])
        sheet = pictures.name_rows(pictures.frame_sheet(sheet), self._names(trainer))
        pictures.save_png(_path(trainer, 'image_img', 'png'), sheet)
        frames = pictures.tile_movie(grid, columns)
        for suffix in ('avi', 'mov', 'gif') if pictures.av else ():
            pictures.save_movie(_path(trainer, 'video', suffix), frames)

    def _names(self, trainer):
        if self._labels is None or not Path(trainer.out, CATEGORIES).exists():
            return []
        names = read_categories(trainer.out, first_generator(self.fsgen, self.vgen).n_categories)
        return ['real'] * (self._real is not None) + [names[label] for label in self._labels]

    @staticmethod
    def exists(trainer):
        """Whether there is a sheet of this iteration."""
        return _path(trainer, 'image_img', 'png').exists()


def _path(trainer, name, suffix):
    return Path(trainer.out, 'preview', f'{name}_{trainer.updater.iteration:08d}.{suffix}')
