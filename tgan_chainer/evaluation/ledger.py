"""Records of measured scores: one JSON file a measurement, which says all that it depends on.

Only the evaluation commands write them. `python -m parity tables` reads those in parity/ledger/.
"""
import contextlib
import datetime
import functools
import inspect
import os
import platform
import re
import shlex
import sys
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import pydantic

from tgan_chainer.datasets.tables import existing_table
from tgan_chainer.device import gpu_name
from tgan_chainer.errors import ConfigError, DataError
from tgan_chainer.io import files, snapshots
from tgan_chainer.training import record

Sha256 = Annotated[str, pydantic.StringConstraints(pattern='^[0-9a-f]{64}$')]
PARTS = 'fsgen', 'vgen', 'vdis', 'updater'
Share = Annotated[float, pydantic.Field(ge=0, le=1)]
_PAIR = pydantic.Field(min_length=2, max_length=2)


class _Record(pydantic.BaseModel):
    # NaN and infinity, which JSON does not know, are written as strings.
    model_config = pydantic.ConfigDict(extra='forbid', frozen=True, ser_json_inf_nan='strings')


class PartRecord(_Record):
    """A class that the experiment names."""

    name: str
    args: dict    #: Defaults included.


class DataSet(_Record):
    """A data set, whether trained on or scored."""

    name: str                            #: Of its class.
    files: dict[str, str]                #: Argument of the class -> name of the file.
    sha256: dict[str, Sha256 | None]     #: None where the file was not there when measured.
    videos: pydantic.NonNegativeInt | None = None    #: None where it could not be opened.


class SystemRecord(_Record):
    """A trained system, with its experiment's batch size, seed and optimizer."""

    result_dir: str                      #: Name of the result folder.
    config_sha256: Sha256                #: Of the experiment file in it.
    iteration: pydantic.NonNegativeInt
    networks: dict[str, Sha256]          #: By file, of every network that was used.
    parts: dict[Literal[PARTS], PartRecord]
    batchsize: pydantic.PositiveInt
    seed: pydantic.NonNegativeInt
    optimizer: dict
    batch_norm_statistics: str
    batch_norm: str = 'local'
    rates_fall_from: pydantic.NonNegativeInt | None = None
    ranks: pydantic.PositiveInt = 1      #: Devices, each with such a batch; the most of any start.
    dataset: DataSet                     #: Trained on, as it was found at the measurement.


class CriticRecord(_Record):
    """What one critic of a GAM did; scores are turned so that higher is more real."""

    threshold: float                #: Videos of higher scores count as real.
    calibrated: bool                #: By best balanced accuracy; or else it is the natural one.
    calibration_accuracy: Share     #: Balanced accuracy on the calibration set.
    on_fakes: Share                 #: Share of the opponent's fakes that were recognised.
    on_test: Share                  #: Share of the real test videos that were.


class Battle(_Record):
    """The outcome of a GAM of systems A and B."""

    critics: Annotated[list[CriticRecord], _PAIR]
    r_test: float                             #: acc(D_A on test) / acc(D_B on test).
    winner: Literal['A', 'B', 'tie']
    interval: Annotated[list[float], _PAIR]   #: Bootstrap, of r_samples, the measurement's value.
    test_interval: Annotated[list[float], _PAIR]    #: Of r_test.
    confidence: Share                         #: Of both.
    calibration: pydantic.NonNegativeInt      #: Real videos, and fakes a critic.
    held_out: bool                            #: Whether the real videos are none of the training.


class QualityRecord(_Record):
    """Numbers of :mod:`.video_quality` for some videos, beside as many real ones.

    The first four are over those of the real ones.
    """

    distance: float      #: Mean distance between two videos.
    dimensions: float    #: In how many dimensions they differ.
    motion: float        #: Rms difference of neighbouring frames.
    bright: float        #: Share of pixels above 0.
    brightness: float    #: Area between the cumulative histograms of brightness, 0 to 2.
    brightest: float     #: Largest value of a pixel.
    frechet: float       #: Frechet distance in the features of the classifier.
    inception: float     #: Inception score of the classifier's digits, 1 to 55.


class Conditions(_Record):
    """What ran, and on what."""

    command_line: str            #: As it was given.
    git_revision: str | None     #: Of this project; '-dirty' with changes.
    python: str
    packages: dict[str, str]
    platform: str
    processor: str
    cpus: pydantic.PositiveInt
    gpu: str | None              #: None on the CPU.
    date: pydantic.AwareDatetime    #: When the measurement ended.


# Metric, number of systems, and whether there are battle, quality and data set.
_SHAPES = {('inception score', 1, False, False, False), ('inception score', 0, False, False, True),
           ('GAM', 2, True, False, True), ('video quality', 1, False, True, True)}


class Measurement(_Record):
    """One measured score: of a GAM r_samples, of a video quality the Frechet distance."""

    format: Literal[2] = 2       #: Version of this schema.
    metric: Literal['inception score', 'GAM', 'video quality']
    systems: list[SystemRecord]        #: One; none for a data set itself; A and B of a GAM.
    dataset: DataSet | None      #: That is scored, or whose videos are the real ones.
    protocol: str
    samples: pydantic.PositiveInt    #: Videos a seed; in a GAM each system's fakes in the battle.
    seeds: Annotated[list[pydantic.NonNegativeInt], pydantic.Field(min_length=1)]
    values: list[float]          #: One a seed.
    value: float                 #: Their mean.
    std: float                   #: Their population standard deviation.
    best: float                  #: Their maximum.
    weights: dict[str, Sha256]   #: Of the classifier's files: 'c3d' and 'mean', or 'classifier'.
    battle: Battle | None = None
    quality: dict[str, QualityRecord] | None = None    #: 'generated', 'real' and so on.
    conditions: Conditions

    @pydantic.model_validator(mode='after')
    def _is_consistent(self):
        parts = self.battle, self.quality, self.dataset
        if (self.metric, len(self.systems), *(part is not None for part in parts)) not in _SHAPES:
            raise ValueError('a GAM has two systems, a battle and a data set, a video quality one '
                             'system, quality and a data set, an inception score either a system '
                             'or a data set')
        if len(self.seeds) != len(self.values):
            raise ValueError(f'{len(self.seeds)} seeds and {len(self.values)} values')
        expected = statistics(self.values)
        if not np.allclose(expected, (self.value, self.std, self.best), rtol=1e-12, atol=1e-12,
                           equal_nan=True):
            raise ValueError(f'value, std and best do not follow from the values: expected '
                             f'{expected}')
        return self


def statistics(values):
    """Mean, population standard deviation and maximum of the seeds' values, as floats."""
    with np.errstate(invalid='ignore'):    # a ratio may be infinite
        return float(np.mean(values)), float(np.std(values)), float(np.max(values))


def measurement(values, command_line, device, **more):
    """A :class:`Measurement` of these values that ends now, on ``device``."""
    value, std, best = statistics(values)
    return Measurement(values=values, value=value, std=std, best=best,
                       conditions=conditions(command_line, device), **more)


def write(folder, measurement):
    """Write a measurement into ``folder``, under a name of its own -> its path."""
    subject = '_'.join([f'{system.result_dir}-{system.iteration}' for system in measurement.systems]
                       or [measurement.dataset.name])
    date = measurement.conditions.date.strftime('%Y%m%dT%H%M%S%fZ')
    name = f'{measurement.metric}_{subject}_{measurement.protocol}_{date}'
    path = Path(folder, re.sub(r'[^\w.-]+', '-', name) + '.json')
    files.write_text(path, measurement.model_dump_json(indent=2) + '\n')
    return path


def read(path):
    """Read and check a measurement; a DataError if it is missing, damaged or none."""
    try:
        return Measurement.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise DataError(f'{path}: cannot be read ({error.strerror})') from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        key = '.'.join(map(str, first['loc'])) or 'the record'
        raise DataError(f'{path}: is not a whole record of a measurement: {key}: {first["msg"]}. '
                        'Records are written by the evaluation commands only: measure again, or '
                        'remove it') from error


def read_folder(folder):
    """The measurements of a folder, by date; a DataError without it or with a damaged record."""
    if not Path(folder).is_dir():
        raise DataError(f'{folder}: there is no such folder of records')
    return sorted((read(path) for path in Path(folder).glob('*.json')),
                  key=lambda measurement: measurement.conditions.date)


def describe_system(result_dir, experiment_file, experiment, iteration, roles):
    """The :class:`SystemRecord` of a result folder, of which the networks ``roles`` were used."""
    return SystemRecord(
        result_dir=Path(result_dir).resolve().name, iteration=iteration,
        config_sha256=files.sha256(experiment_file),
        networks={name: files.sha256(Path(result_dir, name)) for name in (
            snapshots.NETWORKS[role].format(iteration) for role in roles)},
        parts={role: PartRecord(name=part.name, args=arguments(part)) for role in PARTS
               if (part := getattr(experiment, role)) is not None},
        optimizer=experiment.optimizer.model_dump(exclude_none=True),
        **{key: getattr(experiment, key) for key in (
            'batchsize', 'seed', 'batch_norm_statistics', 'batch_norm', 'rates_fall_from')},
        ranks=max([1, *(start.get('ranks', 1) for start in
                        record.read_record(Path(result_dir, 'record.json')))]),
        dataset=describe_dataset(experiment.dataset))


def describe_dataset(part):
    """The :class:`DataSet` of an experiment's part, whose data need not be there."""
    paths, videos = data_paths(part), None
    with contextlib.suppress(ConfigError):
        videos = len(part.build())
    return DataSet(name=part.name, files={name: Path(path).name for name, path in paths.items()},
                   sha256={name: _digest(path, os.path.getsize(path), os.path.getmtime(path))
                           if os.path.isfile(path) else None for name, path in paths.items()},
                   videos=videos)


def data_paths(part):
    """Argument -> path of each file that a data set reads, where such a table stands for it."""
    return {name: existing_table(value) if value.endswith('.pkl') else value
            for name, value in arguments(part).items()
            if isinstance(value, str) and name.endswith('path')}


@functools.lru_cache(maxsize=64)
def _digest(path, size, changed):
    if size > 4e9:    # it takes some seconds
        print(f'sha256 of {path}, {size / 1e9:.0f} GB ...', file=sys.stderr, flush=True)
    return files.sha256(path)


def arguments(part):
    """What a part of an experiment gives its class, and the class's defaults for the rest."""
    parameters = inspect.signature(part.cls).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters
            if parameter.default is not parameter.empty} | part.args


def conditions(command_line, device):
    """What runs now, on ``device`` -> :class:`Conditions`."""
    return Conditions(
        command_line=shlex.join(command_line), git_revision=record.git_revision(),
        python=platform.python_version(), packages=record.versions(),
        platform=platform.platform(), processor=_processor(), cpus=os.cpu_count() or 1,
        gpu=gpu_name(device), date=datetime.datetime.now(datetime.timezone.utc))


def _processor():
    """Name of the CPU; Python knows only its family on Linux."""
    with contextlib.suppress(OSError):
        text = Path('/proc/cpuinfo').read_text(encoding='utf-8', errors='replace')
        if found := re.search(r'^model name\s*:\s*(.+)$', text, re.MULTILINE):
            return found.group(1).strip()
    return platform.processor() or platform.machine()
