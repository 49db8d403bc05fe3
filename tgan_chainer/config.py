"""Experiment files: YAML -> a checked, typed :class:`Experiment`. The only reader of YAML.

An experiment names its parts as the authors' files do: a mapping with ``fn`` (a file), ``name``
(a class in it) and ``args`` (constructor arguments). Only the stem of ``fn`` is used, to find the
class in this package; no path is ever imported. What a part is for follows from its class, so
the key it stands under, and whether it is nested in another mapping, does not matter.
"""
import difflib
import importlib
import inspect
import math
import pkgutil
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import chainer
import pydantic
import yaml
from chainer.training.updaters import StandardUpdater

from tgan_chainer.errors import ConfigError, TGANError
from tgan_chainer.links.batch_normalization import BATCH_NORMS, STATISTICS
from tgan_chainer.models.whole_video_generator import WholeVideoGenerator

PACKAGED = Path(__file__).parent / 'configs'
"""Folder of the experiments that ship with the package."""

MODEL_ROLES = {
    'frame_seed_generator': 'fsgen',
    'video_generator': 'vgen',
    'whole_video_generator': 'vgen',
    'video_discriminator': 'vdis',
}
"""What the classes of a module in ``models/``, and those derived from them, are for."""

MAX_BYTES = 2 ** 16
"""Largest YAML file that is read; the packaged ones take less than 3 KB."""

MAX_VALUES = 10_000
"""Most values in a YAML file, each as often as aliases repeat it."""

MAX_DIGITS = 100
"""Longest whole number in a YAML file: Python cannot print numbers of thousands of digits."""

NETWORKS = ('fsgen', 'vgen', 'vdis')
"""The networks' names, in the order in which they are built."""

ROLES = {'fsgen': 'G0', 'vgen': 'G1', 'vdis': 'D', 'dataset': 'data set', 'updater': 'updater'}

# Given by train.py, not by an experiment file.
_SUPPLIED = {'self', 'models', 'iterator', 'optimizer', 'device'}

# Spellings of a setting that mean the same.
_ALIASES = {
    'batch_size': 'batchsize',
    'epochs': 'epoch',
    'n_epoch': 'epoch',
    'max_epoch': 'epoch',
    'iteration': 'iterations',
    'max_iter': 'iterations',
    'snapshot_iter': 'snapshot_interval',
    'display_iter': 'display_interval',
}


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra='forbid', frozen=True)


class Part(_Strict):
    """One class and its arguments, as an experiment names them."""

    fn: str
    name: str
    args: dict[str, Any] = {}
    key: str = pydantic.Field(exclude=True)
    source: str = pydantic.Field(exclude=True)

    def resolve(self):
        """The class in this package -> class."""
        return _find_class(self)

    def build(self, **supplied):
        """Construct the part from its arguments and those that only the caller has.

        Raises:
            ConfigError: The class refuses an argument, or a file that an argument names.
        """
        try:
            return self.resolve()(**self.args, **supplied)
        except (TGANError, ValueError, ArithmeticError, MemoryError) as error:
            # The last two: a size of zero in an initialiser, and one that no memory holds.
            raise ConfigError(f'{self.source}: {self.key}.args: {error}') from error


class Optimizer(_Strict):
    """An optimizer and its arguments; by default the authors' RMSprop (FACTS §3)."""

    name: Literal['RMSprop', 'Adam', 'SGD', 'MomentumSGD'] = 'RMSprop'
    args: dict[str, float] = {'lr': 5e-5}

    @pydantic.model_validator(mode='after')
    def _knows_its_arguments(self):
        allowed = {name for name, parameter
                   in inspect.signature(getattr(chainer.optimizers, self.name)).parameters.items()
                   if parameter.kind is parameter.POSITIONAL_OR_KEYWORD} - {'model'}
        for name in self.args:
            if name not in allowed:
                raise ValueError(f'{self.name} has no argument {name!r}; '
                                 + _allowed(name, list(allowed)))
        return self

    def build(self):
        """A new ``chainer.optimizers`` object, not set up."""
        return getattr(chainer.optimizers, self.name)(**self.args)


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
        """Construct (fsgen, vgen, vdis) in the authors' order, which one seed's bytes depend on.

        Without G0, fsgen is None.

        Args:
            ranks (OneProcess or None): The ranks of a training, for ``batch_norm: multi_node``.

        Raises:
            ConfigError: A class refuses an argument.
        """
        ranks = ranks if self.batch_norm == 'multi_node' else None
        with (chainer.using_config('batch_norm_statistics', self.batch_norm_statistics),
              chainer.using_config('batch_norm_ranks', ranks)):
            parts = (getattr(self, name) for name in NETWORKS)
            return tuple(part and part.build() for part in parts)

    def parts(self):
        """The parts that there are, as a list of :class:`Part`."""
        return [part for role in ROLES if (part := getattr(self, role)) is not None]

    def dump(self):
        """The experiment as YAML, which :func:`load` reads back."""
        return yaml.safe_dump(self.model_dump(exclude_none=True), sort_keys=False)


def load(path):
    """Read an experiment file.

    Args:
        path (str): A file; ``configs/NAME`` falls back to the packaged file of that name.

    Returns:
        Experiment

    Raises:
        ConfigError: The file does not exist or is not an experiment; the message names file, key,
            what was found and what is allowed.
    """
    file = find(path)
    source = str(path)
    document = read_yaml(file, source)
    if not isinstance(document, Mapping):
        raise ConfigError(f'{source}: found {type(document).__name__}, expected a mapping of '
                          f'settings such as those in {PACKAGED / "base.yml"}')
    settings = {'name': file.stem, 'source': source}
    try:
        _collect(document, '', settings)
    except RecursionError as error:
        raise ConfigError(f'{source}: mappings are nested too deeply') from error
    return _validated(source, settings)


def read_yaml(file, source):
    """What a YAML file holds: mappings, lists, texts, numbers; no object of a class.

    Args:
        file: Path.
        source (str): What messages call it.

    Raises:
        ConfigError: The file cannot be read, is no YAML, or too large.
    """
    try:
        with open(file, 'rb') as stream:
            content = stream.read(MAX_BYTES + 1)
        if len(content) > MAX_BYTES:
            raise ValueError(f'found more than {MAX_BYTES} bytes')
        return yaml.load(content.decode('utf-8'), Loader=_UniqueKeyLoader)
    except Exception as error:  # PyYAML raises almost anything for a value that is not as tagged
        raise ConfigError(f'{source}: cannot be read as YAML: {_one_line(error)}') from error


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
    names = '\n  '.join(f'configs/{name}' for name in packaged_names())
    raise ConfigError(f'{path}: there is no such file. Packaged experiments:\n  {names}')


def packaged_names():
    """Names of the packaged experiments, relative to ``configs/``."""
    return sorted(file.relative_to(PACKAGED).as_posix() for file in PACKAGED.rglob('*.yml'))


class _UniqueKeyLoader(yaml.SafeLoader):
    """The safe loader, which would let a second value of a key win silently.

    Aliases may unfold a few lines to any number of values, or to a collection in itself: these are
    counted before anything is made of them.
    """

    def get_single_node(self):
        node = super().get_single_node()
        if node is not None and _count_values(node, {}) > MAX_VALUES:
            raise yaml.composer.ComposerError(
                None, None, f'a collection that holds itself, or more than {MAX_VALUES} values, '
                'counting what aliases repeat', node.start_mark)
        return node

    def construct_yaml_int(self, node):
        if len(self.construct_scalar(node)) > MAX_DIGITS:
            raise yaml.constructor.ConstructorError(
                None, None, f'a number of more than {MAX_DIGITS} digits', node.start_mark)
        return super().construct_yaml_int(node)

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for key in keys:
            if keys.count(key) > 1:
                raise yaml.constructor.ConstructorError(
                    None, None, f'key {key!r} stands there twice', node.start_mark)
        return super().construct_mapping(node, deep)


_UniqueKeyLoader.add_constructor('tag:yaml.org,2002:int', _UniqueKeyLoader.construct_yaml_int)


def _count_values(node, counts):
    """Nodes at and below a node, infinitely many where it holds itself."""
    if node not in counts:
        counts[node] = math.inf    # until it is known
        children = [] if isinstance(node, yaml.ScalarNode) else node.value
        if isinstance(node, yaml.MappingNode):
            children = [part for pair in children for part in pair]
        counts[node] = 1 + sum(_count_values(child, counts) for child in children)
    return counts[node]


def _collect(document, prefix, settings):
    """Sort a (nested) mapping into ``settings``: parts by role, everything else by key."""
    source = settings['source']
    for key, value in document.items():
        path = f'{prefix}{key}'
        if isinstance(value, Mapping) and {'fn', 'name'} <= value.keys():
            part = _read_part(value, path, source)
            _store(settings, _role_of(part), part, path)
        elif isinstance(value, Mapping) and key not in Experiment.model_fields:
            _collect(value, f'{path}.', settings)
        else:
            _store(settings, _ALIASES.get(key, key), value, path)


def _store(settings, name, value, path):
    if name not in _setting_names():
        raise ConfigError(f'{settings["source"]}: {path}: unknown key; '
                          + _allowed(str(path), _setting_names()))
    if name in settings:
        raise ConfigError(f'{settings["source"]}: {path}: a second {ROLES.get(name, name)}; '
                          'expected one of each')
    settings[name] = value


def _setting_names():
    return [name for name, field in Experiment.model_fields.items() if not field.exclude]


def _read_part(value, path, source):
    """A part with its arguments checked against the constructor of its class."""
    extra = value.keys() - {'fn', 'name', 'args'}
    if extra:
        raise ConfigError(f'{source}: {path}.{min(map(str, extra))}: unknown key; '
                          'a part has the keys fn, name, args')
    if not (isinstance(value['fn'], str) and isinstance(value['name'], str)):
        raise ConfigError(f'{source}: {path}: fn and name must be texts, '
                          f'found {value["fn"]!r} and {value["name"]!r}')
    args = value.get('args')
    if not isinstance(args, Mapping | None):
        raise ConfigError(f'{source}: {path}.args: found {args!r}, expected a mapping')
    part = Part(fn=value['fn'], name=value['name'], key=path, source=source)
    return part.model_copy(update={'args': _checked_arguments(part, args or {})})


def _checked_arguments(part, args):
    cls = part.resolve()
    parameters = {name: parameter
                  for name, parameter in inspect.signature(cls).parameters.items()
                  if name not in _SUPPLIED}
    for name in args:
        if name not in parameters:
            raise ConfigError(f'{part.source}: {part.key}.args.{name}: {part.name} has no such '
                              'argument; ' + _allowed(str(name), list(parameters)))
    fields = {name: (Any if parameter.annotation is parameter.empty else parameter.annotation,
                     ... if parameter.default is parameter.empty else parameter.default)
              for name, parameter in parameters.items()}
    model = pydantic.create_model(part.name, **fields)
    try:
        return model(**args).model_dump(include=set(args))
    except pydantic.ValidationError as error:
        raise ConfigError(_describe(part.source, f'{part.key}.args.', error)) from error


def _find_class(part):
    classes = _classes()
    stem = Path(part.fn).stem
    if stem in classes and part.name in classes[stem]:
        return classes[stem][part.name]
    # One of the authors' files names an updater file that never existed; its class does.
    everywhere = {name: cls for module in classes.values() for name, cls in module.items()}
    if stem not in classes and part.name in everywhere:
        return everywhere[part.name]
    if stem not in classes:
        raise ConfigError(f'{part.source}: {part.key}.fn: found {part.fn!r}, whose stem is none '
                          'of the package; ' + _allowed(stem, list(classes)))
    raise ConfigError(f'{part.source}: {part.key}.name: {stem} has no class {part.name!r}; '
                      + _allowed(part.name, list(classes[stem])))


def _classes():
    """{file stem: {class name: class}} of all that an experiment can name.

    A class that leaves to others what its kind is there for is a base class, and no part.
    """
    kinds = {'models': (chainer.Link, 'forward'), 'updaters': (StandardUpdater, 'update_core'),
             'datasets': (chainer.dataset.DatasetMixin, 'get_example')}
    found = {}
    for folder, (base, method) in kinds.items():
        package = importlib.import_module(f'tgan_chainer.{folder}')
        for info in pkgutil.iter_modules(package.__path__):
            module = importlib.import_module(f'{package.__name__}.{info.name}')
            classes = {name: cls for name, cls in vars(module).items()
                       if inspect.isclass(cls) and issubclass(cls, base)
                       and cls.__module__ == module.__name__
                       and getattr(cls, method, None) is not getattr(base, method, None)}
            if classes:
                found[info.name] = classes
    return found


def _role_of(part):
    cls = part.resolve()
    folder = cls.__module__.split('.')[1]
    if folder != 'models':
        return {'updaters': 'updater', 'datasets': 'dataset'}[folder]
    stems = (base.__module__.split('.')[-1] for base in cls.__mro__)
    return next(MODEL_ROLES[stem] for stem in stems if stem in MODEL_ROLES)


def _validated(source, settings):
    for role in ROLES:
        if not isinstance(settings.get(role), Part | None):
            raise ConfigError(f'{source}: {role}: found {reprlib.repr(settings[role])}, expected a '
                              'mapping with fn, name and args')
    vgen = settings.get('vgen')
    makes_whole_videos = vgen and issubclass(vgen.resolve(), WholeVideoGenerator)
    if makes_whole_videos and settings.setdefault('fsgen') is not None:
        raise ConfigError(f'{source}: {settings["fsgen"].key}: {vgen.name} makes whole videos and '
                          'takes no G0; leave it out')
    missing = [role for role in ROLES if role not in settings]
    if missing:
        raise ConfigError(f'{source}: no {" and no ".join(missing)}; an experiment names '
                          f'{", ".join(ROLES)}, each with fn, name and args')
    try:
        experiment = Experiment(**settings)
    except pydantic.ValidationError as error:
        raise ConfigError(_describe(source, '', error)) from error
    if experiment.fsgen is None and experiment.optimizer.fsgen is not None:
        raise ConfigError(f'{source}: optimizer.fsgen: the experiment has no fsgen; leave it out')
    return experiment


def _describe(source, prefix, error):
    """One line for the first of pydantic's complaints."""
    first = error.errors()[0]
    key = prefix + '.'.join(map(str, first['loc']))
    if first['type'] == 'missing':
        return f'{source}: {key}: missing; the argument has no default'
    if first['type'] == 'extra_forbidden':
        return f'{source}: {key}: unknown key'
    return f'{source}: {key}: found {first["input"]!r}; {first["msg"]}'


def _allowed(found, names):
    close = difflib.get_close_matches(found, names, n=1)
    hint = f'did you mean {close[0]!r}? ' if close else ''
    return f'{hint}Allowed: {", ".join(sorted(names))}'


def _one_line(error):
    return ' '.join(str(error).split())
