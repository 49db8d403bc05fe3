"""What a score is of: the generators of a result folder, or a data set."""
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import chainer

from tgan_chainer import config, results
from tgan_chainer.errors import ConfigError
from tgan_chainer.evaluation import ledger
from tgan_chainer.evaluation.samples import GeneratedVideos, RealVideos


@dataclass(frozen=True)
class Subject:
    """What is scored, ready to make videos.

    Attributes:
        name (str): For people.
        out (pathlib.Path): Folder that results go to.
        stem (str): Start of the names of its files.
        device: Chainer device of its videos.
        source: Function from a seed to a new source of videos, see :mod:`.samples`.
        system (ledger.System or None): The trained system; None for a data set.
        dataset (ledger.DataSet or None): The data set; None for a trained system.
    """

    name: str
    out: Path
    stem: str
    device: chainer.backend.Device
    source: Callable
    system: ledger.System | None
    dataset: ledger.DataSet | None

    def identity(self):
        """What tells it from any other -> dict of sha256."""
        return {'networks': self.system.networks} if self.system else {'data': self.dataset.sha256}

    def check_colour(self, is_rehearsal=False):
        """See that C3D can classify its videos.

        Raises:
            ConfigError: They are not of three channels (or one, in a rehearsal) and 16 frames.
        """
        source = self.source(0)
        shape = source.make(source.draw(1)).shape
        if shape[1] not in ((1, 3) if is_rehearsal else (3,)) or shape[2] != 16:
            raise ConfigError(
                f'{self.name}: videos of {shape[1]} channel(s) and {shape[2]} frames, but C3D '
                'knows colour videos of 16 frames: they have no inception score. Models of grey '
                'videos are compared by tgan gam, and may be scored with --rehearsal, '
                'which measures nothing')


def open_result(result_dir, iteration, device, out=None):
    """The generators of a result folder, ours or the authors', on ``device`` -> :class:`Subject`.

    Args:
        iteration (int or None): See :func:`tgan_chainer.results.choose_iteration`.
        out (str or None): Where results go; None is the result folder.

    Raises:
        TGANError: There is no such folder or iteration, or its files are damaged.
    """
    file = results.experiment_file(result_dir)
    iteration = results.choose_iteration(result_dir, iteration)
    experiment = config.load(file)
    fsgen, vgen = results.load_generators(result_dir, iteration, device)
    roles = ('vgen',) if fsgen is None else ('fsgen', 'vgen')
    return Subject(
        name=f'{result_dir} {iteration}', out=Path(out or result_dir),
        stem=f'inception_iter-{iteration}', device=device,
        source=lambda seed: GeneratedVideos(fsgen, vgen),
        system=ledger.describe_system(result_dir, file, experiment, iteration, roles),
        dataset=None)


def open_dataset(experiment_path, device, out):
    """The data set of an experiment -> :class:`Subject`.

    Raises:
        ConfigError: The experiment or its data set is missing, or not what it should be.
    """
    experiment = config.load(experiment_path)
    dataset = experiment.dataset.build()
    return Subject(
        name=f'{experiment.dataset.name} of {experiment_path}', out=Path(out),
        stem=f'inception_{experiment.dataset.name}', device=device,
        source=lambda seed: RealVideos(dataset, device, seed),
        system=None, dataset=ledger.describe_dataset(experiment.dataset))
