"""Experiment files: YAML -> a checked, typed :class:`Experiment`.

An experiment names five parts, each by ``fn`` (a file), ``name`` (a class in it) and ``args``
(constructor arguments), and any other fields of :class:`Experiment`. Both spellings are read, ours
and the authors' (FACTS §11)::

    models: fsgen, vgen, vdis       models: frame_seed_generator, video_generator,
                                            video_discriminator
    dataset: fn, name, args         dataset: dataset_fn, dataset_name, args
    updater: fn, name, args         updater: fn, name, args

Only the stem of ``fn`` is used, to find the class in this package; no path is ever imported.
"""
import difflib
import importlib
import inspect
import pkgutil
import reprlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import chainer
import pydantic
import yaml
from chainer.training.updaters import StandardUpdater

from tgan_chainer.errors import ConfigError, TGANError
from tgan_chainer.io.yaml_reader import read_yaml
from tgan_chainer.links.batch_normalization import BATCH_NORMS, STATISTICS
from tgan_chainer.models.system import System
from tgan_chainer.models.whole_video_generator import WholeVideoGenerator
from tgan_chainer.training import optimizers

PACKAGED = Path(__file__).parent / 'configs'
"""Folder of the experiments that ship with the package."""

ROLES = {'fsgen': 'G0', 'vgen': 'G1', 'vdis': 'D', 'dataset': 'data set', 'updater': 'updater'}

AUTHORS_NETWORKS = {'frame_seed_generator': 'fsgen', 'video_generator': 'vgen',
                    'video_discriminator': 'vdis'}
"""The authors' names of the networks, of keys and of modules, and ours."""

NETWORKS = tuple(AUTHORS_NETWORKS.values())
"""The networks' names, in the order in which they are built."""

_BASES = {'fsgen': 'FrameSeedGenerator', 'vgen': 'ImageGenerator or WholeVideoGenerator',
          'vdis': 'VideoDiscriminator', 'dataset': 'chainer.dataset.DatasetMixin',
          'updater': 'TGANUpdaterBase'}
"""What a class of each role is derived from, for messages."""

MODEL_ROLES = {**AUTHORS_NETWORKS, 'whole_video_generator': 'vgen'}
"""What the classes of a module in ``models/``, and those derived from them, are for."""

# The authors' files name an updater file (golf, clipping) and three classes (base.yml) that never
# existed (FACTS §9). The updater's class is in the file named here. The classes can only have been
# the InitDefault variants, by the names they had before there was another initialisation: of those
# of G1 that one has 0.02, base.yml's wscale, as its default, and does not use it.
_NEVER_EXISTED = {
    'tgan_updater_wgan_clip': 'tgan_updater_wgan',
    'FrameSeedGenerator': 'FrameSeedGeneratorInitDefault',
    'VideoGenerator': 'VideoGeneratorInitDefault',
    'VideoDiscriminator': 'VideoDiscriminatorInitDefault',
}

# Given by train.py, not by an experiment file.
_SUPPLIED = {'self', 'models', 'iterator', 'optimizer', 'device'}


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra='forbid', frozen=True)


class Part(_Strict):
    """A class of this package and its arguments.

    Attributes:
        fn (str), name (str): File and name of ``cls``, whatever the experiment's ``fn`` is.
        args (dict): Arguments of the constructor, checked by its annotations.
        cls (type): The class.
        where (str): What messages call it: file and key.
    """

    fn: str
    name: str
    args: dict[str, Any]
    cls: type = pydantic.Field(exclude=True)
    where: str = pydantic.Field(exclude=True)

    def build(self, **supplied):
        """Construct the part from its arguments and those that only the caller has.

        Raises:
            ConfigError: The class refuses an argument, or a file that an argument names.
        """
        try:
            return self.cls(**self.args, **supplied)
        except (TGANError, ValueError, ArithmeticError, MemoryError) as error:
            # The last two: a size of zero in an initialiser, and one that no memory holds.
            raise ConfigError(f'{self.where}.args: {error}') from error


class Optimizer(_Strict):
    """An optimizer and its arguments; by default the authors' RMSprop (FACTS §3)."""

    name: Literal['RMSprop', 'Adam', 'SGD', 'MomentumSGD'] = 'RMSprop'
    args: dict[str, float] = {'lr': 5e-5}

    @pydantic.model_validator(mode='after')
    def _knows_its_arguments(self):
        allowed = {name for name, parameter
                   in inspect.signature(getattr(optimizers, self.name)).parameters.items()
                   if parameter.kind is parameter.POSITIONAL_OR_KEYWORD} - {'model'}
        for name in self.args:
            if name not in allowed:
                raise ValueError(f'{self.name} has no argument {name!r}; '
                                 + _allowed(name, list(allowed)))
        return self

    def build(self):
        """A new ``chainer.optimizers`` object, not set up."""
        return getattr(optimizers, self.name)(**self.args)


class Optimizers(Optimizer):
    """The optimizer of all networks, and those of networks that have one of their own."""

    fsgen: Optimizer | None = None
    vgen: Optimizer | None = None
    vdis: Optimizer | None = None

    def of(self, network):
        """The :class:`Optimizer` of 'fsgen', 'vgen' or 'vdis'."""
        return getattr(self, network) or self


class MovingMNIST(_Strict):
    """How to make the data set's file, where it does not exist yet."""

    n_videos: pydantic.PositiveInt = 10000
    seed: pydantic.NonNegativeInt = 0
    split: Literal['train', 'heldout'] = 'train'


class Experiment(_Strict):
    """A checked experiment.

    Attributes:
        fsgen, vgen, vdis (Part): G0, G1 and D; fsgen is None where vgen makes whole videos.
        dataset, updater (Part): Data set and updater.
        batchsize (int): Videos a batch.
        epoch (int): Passes over the data set, unless ``iterations`` is given.
        iterations (int or None): Updates.
        snapshot_interval (int): Updates from one snapshot to the next.
        display_interval (int): Updates from one line of the log to the next.
        preview_interval (int or None): Updates from one preview to the next; None is
            ``snapshot_interval``.
        preview_videos (int): Videos a preview.
        quality_interval (int or None): Updates from one measurement of the quality of moving digits
            to the next; None is no such measurement.
        seed (int): Seed of parameters, order, offsets and latent vectors.
        optimizer (Optimizers): Optimizer of each network.
        batch_norm_statistics (str): 'chainer2' or 'chainer7' (FACTS §4).
        batch_norm (str): Over which batch it normalises on many devices: 'local', each rank's own,
            or 'multi_node', that of all ranks. On one device they are the same.
        make_moving_mnist (MovingMNIST or None): Make ``dataset.args.dataset_path`` if missing.
        result_dir (str or None): Where the training writes, unless a flag says otherwise.
        resume (str or None): What it continues from, unless a flag says otherwise.
        name (str): Stem of the file.
        source (str): The file it was read from.
    """

    fsgen: Part | None
    vgen: Part
    vdis: Part
    dataset: Part
    updater: Part
    batchsize: pydantic.PositiveInt = 32
    epoch: pydantic.PositiveInt = 1000
    iterations: pydantic.PositiveInt | None = None
    snapshot_interval: pydantic.PositiveInt = 5000
    display_interval: pydantic.PositiveInt = 100
    preview_interval: pydantic.PositiveInt | None = None
    preview_videos: pydantic.PositiveInt = 100
    quality_interval: pydantic.PositiveInt | None = None
    seed: int = pydantic.Field(0, ge=0, lt=2 ** 32)
    optimizer: Optimizers = Optimizers()
    batch_norm_statistics: Literal[STATISTICS] = 'chainer2'
    batch_norm: Literal[BATCH_NORMS] = 'local'
    make_moving_mnist: MovingMNIST | None = None
    result_dir: str | None = None
    resume: str | None = None
    name: str = pydantic.Field(exclude=True)
    source: str = pydantic.Field(exclude=True)

    def replace(self, **changes):
        """A copy with other values; those that are None change nothing.

        Raises:
            ConfigError: A value is of the wrong type or out of range.
        """
        given = {key: value for key, value in changes.items() if value is not None}
        values = {key: getattr(self, key) for key in type(self).model_fields}
        return _validated(self.source, {**values, **given})

    def build_models(self, ranks=None):
        """Construct the networks in the authors' order, which one seed's bytes depend on.

        Args:
            ranks (OneProcess or None): The ranks of a training, for ``batch_norm: multi_node``.

        Returns:
            System: (fsgen, vgen, vdis).

        Raises:
            ConfigError: A class refuses an argument.
        """
        if ranks and (ranks.size == 1 or self.batch_norm == 'local'):
            ranks = None
        with (chainer.using_config('batch_norm_statistics', self.batch_norm_statistics),
              chainer.using_config('batch_norm_ranks', ranks)):
            parts = (getattr(self, name) for name in NETWORKS)
            return System(*(part and part.build() for part in parts))

    def parts(self):
        """The parts that there are, as a list of :class:`Part`."""
        return [part for role in ROLES if (part := getattr(self, role)) is not None]

    def dump(self):
        """The experiment as YAML, in our spelling, which :func:`load` reads back.

        Where it wrote and what it continued is not part of it: another training of it does neither.
        """
        settings = self.model_dump(exclude_none=True, exclude={'result_dir', 'resume'})
        models = {role: settings.pop(role) for role in NETWORKS if role in settings}
        return yaml.safe_dump({'models': models, **settings}, sort_keys=False)


def load(path):
    """Read an experiment file -> :class:`Experiment`.

    Args:
        path (str): A file; ``configs/NAME`` falls back to the packaged file of that name.

    Raises:
        ConfigError: The file does not exist or is not an experiment; the message names file, key,
            what was found and what is allowed.
    """
    file = find(path)
    source = str(path)
    document = read_yaml(file, source)
    if not isinstance(document, Mapping):
        raise ConfigError(f'{source}: found {type(document).__name__}, expected a mapping of '
                          f'settings such as those in {PACKAGED / "default.yml"}')
    settings = _read_settings(document, source)
    return _validated(source, {**settings, 'name': file.stem, 'source': source})


def find(path):
    """The file that ``path`` means: on disk, or else ``configs/...`` among the packaged ones.

    Raises:
        ConfigError: There is neither; the message lists the packaged files.
    """
    file = Path(path)
    if file.is_file():
        return file
    if file.parts[:1] == ('configs',) and '..' not in file.parts:
        packaged = PACKAGED.joinpath(*file.parts[1:])
        if packaged.is_file():
            return packaged
    names = [f'configs/{name}' for name in packaged_names()]
    close = ' or '.join(difflib.get_close_matches(file.as_posix(), names))
    hint = f'did you mean {close}? ' if close else ''
    raise ConfigError('\n  '.join([f'{path}: there is no such file; {hint}Packaged experiments:',
                                   *names]))


def packaged_names():
    """Names of the packaged experiments, relative to ``configs/``."""
    return sorted(file.relative_to(PACKAGED).as_posix() for file in PACKAGED.rglob('*.yml'))


def _read_settings(document, source):
    """A file of either spelling -> {field of Experiment: value}, the parts read and checked."""
    fields = [name for name, field in Experiment.model_fields.items() if not field.exclude]
    _check_keys(document, ['models', 'shuffle_time_order', *fields], f'{source}: ')
    networks = document.get('models', {})
    if not isinstance(networks, Mapping):
        raise ConfigError(f'{source}: models: found {reprlib.repr(networks)}, expected a mapping '
                          f'of {", ".join(NETWORKS)}')
    _check_keys(networks, [*NETWORKS, *AUTHORS_NETWORKS], f'{source}: models.')

    entries = [(AUTHORS_NETWORKS.get(key, key), f'{source}: models.{key}', value)
               for key, value in networks.items()]
    # Networks beside `models` are in result folders of earlier versions.
    entries += [(key, f'{source}: {key}', document[key]) for key in fields if key in document]
    time_order = document.get('shuffle_time_order')
    defaults = {'updater': {} if time_order is None else {'shuffle_time_order': time_order}}
    settings = {}
    for name, where, value in entries:
        if name in settings:
            raise ConfigError(f'{where}: a second {ROLES[name]}; expected one of each')
        settings[name] = (_read_part(name, where, value, defaults.get(name, {}))
                          if name in ROLES else value)
    return settings


def _check_keys(mapping, allowed, prefix):
    for key in mapping:
        if key not in allowed:
            raise ConfigError(f'{prefix}{key}: unknown key; ' + _allowed(str(key), allowed))


def _read_part(role, where, value, defaults):
    """A part whose arguments, ``defaults`` among them, suit the constructor of its class."""
    if not isinstance(value, Mapping):
        raise ConfigError(f'{where}: found {reprlib.repr(value)}, expected a mapping with fn, '
                          'name and args')
    of_authors = role == 'dataset' and value.keys() & {'dataset_fn', 'dataset_name'}
    names = ('dataset_fn', 'dataset_name') if of_authors else ('fn', 'name')
    _check_keys(value, [*names, 'args'], f'{where}.')
    fn, name, args = (value.get(key) for key in (*names, 'args'))
    if not (isinstance(fn, str) and isinstance(name, str)):
        raise ConfigError(f'{where}: {" and ".join(names)} must be strings, found {fn!r} and '
                          f'{name!r}')
    if not isinstance(args, Mapping | None):
        raise ConfigError(f'{where}.args: found {reprlib.repr(args)}, expected a mapping')
    cls = _find_class(role, fn, name, [f'{where}.{key}' for key in names])
    args = _checked_arguments(cls, {**defaults, **(args or {})}, f'{where}.args.')
    folder, stem = cls.__module__.split('.')[1:]
    return Part(fn=f'{folder}/{stem}.py', name=cls.__name__, args=args, cls=cls, where=where)


def _find_class(role, fn, name, where):
    """The class that a part names; ``where`` are the places of ``fn`` and ``name``."""
    classes = _classes(role)
    stem, name = (_NEVER_EXISTED.get(each, each) for each in (Path(fn).stem, name))
    folder, _, method = _kind(role)
    module = sys.modules.get(f'tgan_chainer.{folder}.{stem}')
    if name not in classes.get(stem, ()) and inspect.isclass(getattr(module, name, None)):
        raise ConfigError(
            f'{where[1]}: {folder}/{stem}.py has {name}, but it is no {ROLES[role]}; expected a '
            f'class that is derived from {_BASES[role]} and defines {method}')
    if stem not in classes:
        raise ConfigError(f'{where[0]}: found {fn!r}, whose stem is no {ROLES[role]} of the '
                          'package; ' + _allowed(stem, list(classes)))
    if name not in classes[stem]:
        raise ConfigError(f'{where[1]}: {stem} has no class {name!r}; '
                          + _allowed(name, list(classes[stem])))
    return classes[stem][name]


def _checked_arguments(cls, args, prefix):
    parameters = {name: parameter
                  for name, parameter in inspect.signature(cls).parameters.items()
                  if name not in _SUPPLIED}
    for name in args:
        if name not in parameters:
            raise ConfigError(f'{prefix}{name}: {cls.__name__} has no such argument; '
                              + _allowed(str(name), list(parameters)))
    fields = {name: (Any if parameter.annotation is parameter.empty else parameter.annotation,
                     ... if parameter.default is parameter.empty else parameter.default)
              for name, parameter in parameters.items()}
    try:
        return pydantic.create_model(cls.__name__, **fields)(**args).model_dump(include=set(args))
    except pydantic.ValidationError as error:
        raise ConfigError(_describe(prefix, error)) from error


def _kind(role):
    """Folder of a role's classes, Chainer's base class of them, and the method that they define."""
    return {
        'updater': ('updaters', StandardUpdater, 'update_core'),
        'dataset': ('datasets', chainer.dataset.DatasetMixin, 'get_example'),
    }.get(role, ('models', chainer.Link, 'forward'))


def _classes(role):
    """{file stem: {class name: class}} of all that an experiment can name in a role.

    A class that leaves to others what its kind is there for is a base class, and no part; nor is a
    critic of stacked frames, which is half of another.
    """
    folder, base, method = _kind(role)
    stems = {stem for stem, its_role in MODEL_ROLES.items() if its_role == role}
    package = importlib.import_module(f'tgan_chainer.{folder}')
    found = {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f'{package.__name__}.{info.name}')
        classes = {name: cls for name, cls in vars(module).items()
                   if inspect.isclass(cls) and issubclass(cls, base)
                   and cls.__module__ == module.__name__
                   and getattr(cls, method, None) is not getattr(base, method, None)
                   and getattr(cls, 'takes_videos', True)
                   and (role not in NETWORKS or stems.intersection(
                       ancestor.__module__.split('.')[-1] for ancestor in cls.__mro__))}
        if classes:
            found[info.name] = classes
    return found


def _validated(source, settings):
    vgen = settings.get('vgen')
    makes_whole_videos = vgen and issubclass(vgen.cls, WholeVideoGenerator)
    if makes_whole_videos and settings.setdefault('fsgen') is not None:
        raise ConfigError(f'{settings["fsgen"].where}: {vgen.name} makes whole videos and takes '
                          'no G0; leave it out')
    missing = [role for role in ROLES if role not in settings]
    if missing:
        raise ConfigError(f'{source}: no {" and no ".join(missing)}; an experiment names '
                          f'{", ".join(ROLES)}, each with fn, name and args')
    try:
        experiment = Experiment(**settings)
    except pydantic.ValidationError as error:
        raise ConfigError(_describe(f'{source}: ', error)) from error
    if experiment.fsgen is None and experiment.optimizer.fsgen is not None:
        raise ConfigError(f'{source}: optimizer.fsgen: the experiment has no fsgen; leave it out')
    return experiment


def _describe(prefix, error):
    """One line for the first of pydantic's complaints."""
    first = error.errors()[0]
    key = prefix + '.'.join(map(str, first['loc']))
    if first['type'] == 'missing':
        return f'{key}: missing; the argument has no default'
    if first['type'] == 'extra_forbidden':
        return f'{key}: unknown key'
    return f'{key}: found {first["input"]!r}; {first["msg"]}'


def _allowed(found, names):
    close = difflib.get_close_matches(found, names, n=1)
    hint = f'did you mean {close[0]!r}? ' if close else ''
    return f'{hint}Allowed: {", ".join(sorted(names))}'
