"""Records of measured scores: one JSON file a measurement, which says all that it depends on.

Only the evaluation commands write them. `python -m parity tables` reads those in parity/ledger/.
"""
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
from tgan_chainer.errors import ConfigError, DataError
from tgan_chainer.io import files, snapshots
from tgan_chainer.training import record

Sha256 = Annotated[str, pydantic.StringConstraints(pattern='^[0-9a-f]{64}$')]
PARTS = ('fsgen', 'vgen', 'vdis', 'updater')
Share = Annotated[float, pydantic.Field(ge=0, le=1)]
# Bytes of a file whose digest is announced: it takes some seconds.
_LARGE = 4 * 10 ** 9


class _Strict(pydantic.BaseModel):
    # NaN and infinity, which JSON does not know, are written as strings.
    model_config = pydantic.ConfigDict(extra='forbid', frozen=True, ser_json_inf_nan='strings')


class Part(_Strict):
    """A class of the experiment and its arguments, defaults included."""

    name: str
    args: dict


class DataSet(_Strict):
    """A data set, whether trained on or scored.

    Attributes:
        name (str): Class.
        files (dict): Argument of the class -> name of the file.
        sha256 (dict): Argument -> sha256; None where the file was not there when it was measured.
        videos (int or None): Number of videos; None where it could not be opened.
    """

    name: str
    files: dict[str, str]
    sha256: dict[str, Sha256 | None]
    videos: pydantic.NonNegativeInt | None = None


class System(_Strict):
    """A trained system.

    Attributes:
        result_dir (str): Name of the result folder.
        config_sha256 (str): Of the experiment file in it.
        iteration (int): Updates before the snapshot.
        networks (dict): File name -> sha256 of every network that was used.
        parts (dict): Of :data:`PARTS`, those that the system has -> :class:`Part`.
        batchsize (int), seed (int), optimizer (dict), batch_norm_statistics (str), batch_norm
            (str): Of the training, as the experiment says.
        ranks (int): Devices of the training, each with such a batch; the most of its starts.
        dataset (DataSet): What it was trained on, as it was found at the measurement.
    """

    result_dir: str
    config_sha256: Sha256
    iteration: pydantic.NonNegativeInt
    networks: dict[str, Sha256]
    parts: dict[Literal[PARTS], Part]
    batchsize: pydantic.PositiveInt
    seed: pydantic.NonNegativeInt
    optimizer: dict
    batch_norm_statistics: str
    batch_norm: str = 'local'
    ranks: pydantic.PositiveInt = 1
    dataset: DataSet


class Critic(_Strict):
    """What one critic of a GAM did; scores are turned so that higher is more real.

    Attributes:
        threshold (float): Videos of higher scores count as real.
        calibrated (bool): Whether the threshold is the one of best balanced accuracy on a
            calibration set, or the natural one.
        calibration_accuracy (float): Balanced accuracy on the calibration set.
        on_fakes (float): Share of the opponent's fakes that were recognised.
        on_test (float): Share of the real test videos that were.
    """

    threshold: float
    calibrated: bool
    calibration_accuracy: Share
    on_fakes: Share
    on_test: Share


class Battle(_Strict):
    """The outcome of a GAM of systems A and B.

    Attributes:
        critics (list): A's and B's.
        r_test (float): acc(D_A on test) / acc(D_B on test).
        winner (str): 'A', 'B' or 'tie'.
        interval (list): Bootstrap interval of r_samples, the measurement's value.
        test_interval (list): Of r_test.
        confidence (float): Of both.
        calibration (int): Real videos, and fakes a critic, of the calibration.
        held_out (bool): Whether the real videos are others than those of the training.
    """

    critics: Annotated[list[Critic], pydantic.Field(min_length=2, max_length=2)]
    r_test: float
    winner: Literal['A', 'B', 'tie']
    interval: Annotated[list[float], pydantic.Field(min_length=2, max_length=2)]
    test_interval: Annotated[list[float], pydantic.Field(min_length=2, max_length=2)]
    confidence: Share
    calibration: pydantic.NonNegativeInt
    held_out: bool


class Quality(_Strict):
    """Numbers of :mod:`tgan_chainer.evaluation.quality` for some videos, beside as many real ones.

    Attributes:
        distance (float): Mean distance between two videos, over that of the real ones.
        dimensions (float): In how many dimensions they differ, over that of the real ones.
        motion (float): Rms difference of neighbouring frames, over that of the real ones.
        bright (float): Share of pixels above 0, over that of the real ones.
        brightness (float): Area between the cumulative histograms of brightness, 0 to 2.
        brightest (float): Largest value of a pixel.
        frechet (float): Frechet distance in the features of the classifier.
        inception (float): Inception score of the classifier's digits, 1 to 55.
    """

    distance: float
    dimensions: float
    motion: float
    bright: float
    brightness: float
    brightest: float
    frechet: float
    inception: float


class Conditions(_Strict):
    """What ran, and on what.

    Attributes:
        command_line (str): As it was given.
        git_revision (str or None): Of this project; '-dirty' with changes.
        python (str), packages (dict), platform (str): Versions.
        processor (str), cpus (int), gpu (str or None): Hardware; gpu is None on the CPU.
        date (datetime): When the measurement ended.
    """

    command_line: str
    git_revision: str | None
    python: str
    packages: dict[str, str]
    platform: str
    processor: str
    cpus: pydantic.PositiveInt
    gpu: str | None
    date: pydantic.AwareDatetime


# Metric -> number of systems, and whether there are battle, quality and data set.
_SHAPES = {
    'inception score': [(1, False, False, False), (0, False, False, True)],
    'GAM': [(2, True, False, True)],
    'video quality': [(1, False, True, True)],
}


class Measurement(_Strict):
    """One measured score.

    Attributes:
        format (int): Version of this schema. In 1 the protocols `tgan-v1` were without dropout;
            they are read as those of `tgan-v1/dropout-off`.
        metric (str): 'inception score', 'GAM' (whose value is r_samples) or 'video quality' (whose
            value is the Frechet distance).
        systems (list of System): One; none for a data set itself; A and B of a GAM.
        dataset (DataSet or None): That is scored, or whose videos are the real ones.
        protocol (str): How, by name.
        samples (int): Videos a seed; in a GAM the fakes of each system in the battle.
        seeds (list of int), values (list of float): One value a seed.
        value, std, best (float): Their mean, population standard deviation and maximum.
        weights (dict): 'c3d' and 'mean', or 'classifier' -> sha256 of the classifier's files; empty
            for a GAM.
        battle (Battle or None): Of a GAM.
        quality (dict or None): Of a video quality: 'generated', 'real' and so on -> Quality.
        conditions (Conditions): What ran.
    """

    format: Literal[1, 2] = 2
    metric: Literal['inception score', 'GAM', 'video quality']
    systems: list[System]
    dataset: DataSet | None
    protocol: str
    samples: pydantic.PositiveInt
    seeds: Annotated[list[pydantic.NonNegativeInt], pydantic.Field(min_length=1)]
    values: list[float]
    value: float
    std: float
    best: float
    weights: dict[str, Sha256]
    battle: Battle | None = None
    quality: dict[str, Quality] | None = None
    conditions: Conditions

    @pydantic.model_validator(mode='before')
    @classmethod
    def _name_protocol_of_format_1(cls, record):
        protocol = record.get('protocol') if isinstance(record, dict) else None
        if isinstance(protocol, str) and record.get('format') == 1:
            protocol = re.sub('^tgan-v1', 'tgan-v1/dropout-off', protocol)
            return {**record, 'format': 2, 'protocol': protocol}
        return record

    @pydantic.model_validator(mode='after')
    def _is_consistent(self):
        found = (len(self.systems), self.battle is not None, self.quality is not None,
                 self.dataset is not None)
        if found not in _SHAPES[self.metric]:
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


# -- files -----------------------------------------------------------------------------------------

def write(folder, measurement):
    """Write a measurement under a name of its own into ``folder`` -> its path.

    Raises:
        DataError: It cannot be written.
    """
    subject = '_'.join([f'{system.result_dir}-{system.iteration}' for system in measurement.systems]
                       or [measurement.dataset.name])
    date = measurement.conditions.date.strftime('%Y%m%dT%H%M%S%fZ')
    name = f'{measurement.metric}_{subject}_{measurement.protocol}_{date}'
    path = Path(folder, re.sub(r'[^\w.-]+', '-', name) + '.json')
    files.write_text(path, measurement.model_dump_json(indent=2) + '\n')
    return path


def read(path):
    """Read and check a measurement.

    Raises:
        DataError: The file is missing, damaged, or no measurement.
    """
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
    """The measurements of a folder, in the order of their dates.

    Raises:
        DataError: There is no such folder, or a record in it is damaged.
    """
    if not Path(folder).is_dir():
        raise DataError(f'{folder}: there is no such folder of records')
    return sorted((read(path) for path in Path(folder).glob('*.json')),
                  key=lambda measurement: measurement.conditions.date)


# -- what is measured, and on what -----------------------------------------------------------------

def describe_system(result_dir, experiment_file, experiment, iteration, roles):
    """The :class:`System` of a result folder, of which the networks ``roles`` were used.

    Raises:
        DataError: A file cannot be read.
    """
    networks = [snapshots.NETWORKS[role].format(iteration) for role in roles]
    return System(
        result_dir=Path(result_dir).resolve().name,
        config_sha256=files.sha256(experiment_file),
        iteration=iteration,
        networks={name: files.sha256(Path(result_dir, name)) for name in networks},
        parts={role: Part(name=part.name, args=arguments(part)) for role in PARTS
               if (part := getattr(experiment, role)) is not None},
        batchsize=experiment.batchsize,
        seed=experiment.seed,
        optimizer=experiment.optimizer.model_dump(exclude_none=True),
        batch_norm_statistics=experiment.batch_norm_statistics,
        batch_norm=experiment.batch_norm,
        ranks=max((start.get('ranks', 1) for start in
                   record.read_record(Path(result_dir, 'record.json'))), default=1),
        dataset=describe_dataset(experiment.dataset))


def describe_dataset(part):
    """The :class:`DataSet` of an experiment's part; files are those that its arguments name.

    The data need not be there.

    Raises:
        DataError: A file cannot be read.
    """
    paths = {name: existing_table(value) if value.endswith('.pkl') else value
             for name, value in arguments(part).items()
             if isinstance(value, str) and name.endswith('path')}
    return DataSet(
        name=part.name,
        files={name: Path(path).name for name, path in paths.items()},
        sha256={name: _digest(path) for name, path in paths.items()},
        videos=_count_videos(part))


def _digest(path):
    """sha256 of a data file, None without it."""
    if not Path(path).is_file():
        return None
    status = os.stat(path)
    return _digest_once(path, status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=64)
def _digest_once(path, size, changed):
    if size > _LARGE:
        print(f'sha256 of {path}, {size / 1e9:.0f} GB ...', file=sys.stderr, flush=True)
    return files.sha256(path)


def _count_videos(part):
    try:
        return len(part.build())
    except ConfigError:
        return None


def arguments(part):
    """What a part of an experiment gives its class, and the class's defaults for the rest."""
    parameters = inspect.signature(part.cls).parameters.values()
    return {parameter.name: parameter.default for parameter in parameters
            if parameter.default is not parameter.empty} | part.args


def conditions(command_line, device):
    """What runs now, on ``device`` -> :class:`Conditions`."""
    return Conditions(
        command_line=shlex.join(command_line),
        git_revision=record.git_revision(),
        python=platform.python_version(),
        packages=record.versions(),
        platform=platform.platform(),
        processor=_processor(),
        cpus=os.cpu_count() or 1,
        gpu=_gpu(device),
        date=datetime.datetime.now(datetime.timezone.utc))


def _processor():
    """Name of the CPU; Python knows only its family on Linux."""
    try:
        text = Path('/proc/cpuinfo').read_text(encoding='utf-8', errors='replace')
    except OSError:
        text = ''
    found = re.search(r'^model name\s*:\s*(.+)$', text, re.MULTILINE)
    return found.group(1).strip() if found else platform.processor() or platform.machine()


def _gpu(device):
    """Name of a GPU, None for the CPU."""
    if device.xp is np:
        return None
    properties = device.xp.cuda.runtime.getDeviceProperties(device.device.id)
    return properties['name'].decode()
