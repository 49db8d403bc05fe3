"""What is scored: videos of trained generators, or of a data set, batch by batch.

Both kinds draw from the global generators, which the caller seeds.
"""
import functools
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import chainer
import numpy as np

from tgan_chainer import config, results
from tgan_chainer.errors import ConfigError
from tgan_chainer.evaluation import ledger
from tgan_chainer.models.sampling import draw_labels, draw_z_slow, first_generator, make_video


class GeneratedVideos(NamedTuple):
    """Videos of trained generators, in test mode, from latent vectors as in training.

    A conditional system draws a label for every video from its category prior.
    """

    fsgen: chainer.Link | None
    vgen: chainer.Link

    def draw(self, n):
        """Take what decides the next ``n`` videos from the random stream -> (z_slow, labels)."""
        first = first_generator(*self)
        return draw_z_slow(first, n), draw_labels(first, n)

    def make(self, drawn):
        """The videos (n, C, T, H, W) in [-1, 1] of what was drawn, on the generators' device."""
        z_slow, labels = drawn
        return make_video(*self, len(z_slow), z_slow, labels=labels)[0]


@dataclass
class RealVideos:
    """Videos of a data set in random order, each once before any comes again."""

    dataset: chainer.dataset.DatasetMixin    #: Of (T, C, H, W) in [-1, 1), or pairs with a label.
    device: chainer.backend.Device           #: Where the videos go.
    seed: int    #: Of the order. What else an example draws comes from the global generators.

    def __post_init__(self):
        self._order = (
            i for round_ in itertools.count() for i in
            np.random.RandomState([self.seed, round_]).permutation(len(self.dataset)).tolist())

    def draw(self, n):
        """Read the next ``n`` videos -> (n, C, T, H, W) in main memory."""
        return stack_videos([self.dataset[i] for i in itertools.islice(self._order, n)])

    def make(self, drawn):
        """The videos that were drawn, on the device."""
        return self.device.send(drawn.astype(chainer.get_dtype(), copy=False))


def stack_videos(examples):
    """Examples (T, C, H, W), or pairs of them and a label -> (N, C, T, H, W)."""
    videos = [example[0] if isinstance(example, tuple) else example for example in examples]
    return np.stack(videos).transpose(0, 2, 1, 3, 4)


@dataclass(frozen=True)
class Subject:
    """What is scored, ready to make videos: the system of a result folder, or a data set."""

    name: str                         #: For people.
    out: Path                         #: Folder that results go to.
    stem: str                         #: Start of the names of its files.
    device: chainer.backend.Device    #: Of its videos.
    source: Callable                  #: Function from a seed to a new source of videos.
    experiment: config.Experiment
    vdis: chainer.Link | None = None         #: Its critic, loaded where one was asked for.
    system: ledger.SystemRecord | None = None      #: Or else there is a data set.
    dataset: ledger.DataSet | None = None

    def check_colour(self, is_rehearsal=False):
        """A ConfigError if C3D cannot classify its videos; in a rehearsal they may be grey."""
        source = self.source(0)
        shape = source.make(source.draw(1)).shape
        if shape[1] not in ((1, 3) if is_rehearsal else (3,)) or shape[2] != 16:
            raise ConfigError(
                f'{self.name}: videos of {shape[1]} channel(s) and {shape[2]} frames, but C3D '
                'knows colour videos of 16 frames: they have no inception score. Models of grey '
                'videos are compared by tgan gam, and may be scored with --rehearsal, '
                'which measures nothing')


def open_result(result_dir, iteration, device, out=None, roles=('fsgen', 'vgen')):
    """A result folder, ours or the authors', its ``roles`` on ``device``, in use -> Subject.

    ``iteration`` is as of :func:`tgan_chainer.results.choose_iteration`; without ``out`` results go
    into the result folder.
    """
    device.use()
    file = results.experiment_file(result_dir)
    iteration = results.choose_iteration(result_dir, iteration)
    experiment = config.load(file)
    system = results.load_system(result_dir, iteration, device, roles)
    return Subject(
        name=f'{result_dir} {iteration}', out=Path(out or result_dir),
        stem=f'inception_iter-{iteration}', device=device, experiment=experiment,
        vdis=system.vdis, source=lambda seed: GeneratedVideos(*system[:2]),
        system=ledger.describe_system(result_dir, file, experiment, iteration,
                                      [role for role in roles if role in system.networks]))


def open_dataset(experiment_path, device, out):
    """The data set of an experiment, whose videos go to ``device``, in use -> Subject."""
    device.use()
    experiment = config.load(experiment_path)
    part = experiment.dataset
    return Subject(
        name=f'{part.name} of {experiment_path}', out=Path(out), stem=f'inception_{part.name}',
        device=device, experiment=experiment,
        source=functools.partial(RealVideos, part.build(), device),
        dataset=ledger.describe_dataset(part))
