"""Experiment files: YAML -> a checked, typed :class:`Experiment`.

An experiment names five parts, each by ``fn`` (a file), ``name`` (a class in it) and ``args``
(constructor arguments), and any other fields of :class:`Experiment`. The authors' spelling is read,
too (FACTS §11): ``frame_seed_generator``, ``video_generator`` and ``video_discriminator`` for the
``fsgen``, ``vgen`` and ``vdis`` of ``models``; ``dataset_fn`` and ``dataset_name``.

Only the stem of ``fn`` is used, to find the class in this package; no path is ever imported.
"""
import difflib
import importlib
import inspect
import io
import pkgutil
import reprlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import chainer
import pydantic
import yaml
from chainer.dataset import DatasetMixin
from chainer.training.updaters import StandardUpdater
from pydantic import NonNegativeInt, PositiveInt

from tgan_chainer.errors import ConfigError, TGANError
from tgan_chainer.io.yaml_reader import read_yaml
from tgan_chainer.links.batch_normalization import BATCH_NORMS, STATISTICS
from tgan_chainer.models.frame_seed_generator import FrameSeedGenerator
from tgan_chainer.models.system import System
from tgan_chainer.models.video_discriminator import VideoAndFrameDiscriminator, VideoDiscriminator
from tgan_chainer.models.video_generator import ImageGenerator
from tgan_chainer.models.whole_video_generator import WholeVideoGenerator
from tgan_chainer.training import optimizers
from tgan_chainer.updaters.tgan_updater_base import TGANUpdaterBase

PACKAGED = Path(__file__).parent / 'configs'
"""Folder of the experiments that ship with the package."""


class Role(NamedTuple):
    """What a part is for, and which classes can be that."""

    title: str                 #: What messages call it.
    folder: str                #: Where its classes are in this package.
    bases: tuple               #: From one of these they are derived,
    method: str = 'forward'    #: and this they define, which the bases need not.


ROLES = {
    'fsgen': Role('G0', 'models', (FrameSeedGenerator,)),
    'vgen': Role('G1', 'models', (ImageGenerator, WholeVideoGenerator)),
    'vdis': Role('D', 'models', (VideoDiscriminator, VideoAndFrameDiscriminator)),
    'dataset': Role('data set', 'datasets', (DatasetMixin,), 'get_example'),
    'updater': Role('updater', 'updaters', (TGANUpdaterBase,), 'update_core'),
}
"""The parts of an experiment, the networks in the order in which they are built."""

NETWORKS = System._fields
"""The networks' names."""

_AUTHORS_NETWORKS = {'frame_seed_generator': 'fsgen', 'video_generator': 'vgen',
                     'video_discriminator': 'vdis'}

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

_EXPECTED = f'an experiment names {", ".join(ROLES)}, each with fn, name and args'

# Keys beside the parts that are arguments of every part whose class takes them.
_SHARED = ('n_categories', 'shuffle_time_order')

# Given by train.py, not by an experiment file.
_SUPPLIED = {'self', 'models', 'iterator', 'optimizer', 'device'}


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra='forbid', frozen=True)


class Part(_Strict):
    """A class of this package and its arguments."""

    fn: str                                     #: File of the class, whatever the experiment says.
    name: str                                   #: Its name.
    args: dict[str, Any]                        #: Arguments, checked by annotations.
    cls: type = pydantic.Field(exclude=True)    #: The class itself.
    where: str = pydantic.Field(exclude=True)   #: What messages call it: file and key.

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
        parameters = inspect.signature(getattr(optimizers, self.name)).parameters.values()
        allowed = [each.name for each in parameters
                   if each.kind is each.POSITIONAL_OR_KEYWORD and each.name != 'model']
        for name in self.args:
            if name not in allowed:
                raise ValueError(f'{self.name} has no argument {name!r}; {_allowed(name, allowed)}')
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

    n_videos: PositiveInt = 10000
    seed: NonNegativeInt = 0
    split: Literal['train', 'heldout'] = 'train'
    size: Literal[64, 32] = 64
    digits: Literal[1, 2] = 2


class Experiment(_Strict):
    """A checked experiment. It ends after ``iterations`` updates, or else ``epoch`` passes."""

    fsgen: Part | None = None                    #: G0; None where vgen makes whole videos.
    vgen: Part                                   #: G1.
    vdis: Part                                   #: D.
    dataset: Part                                #: Data set.
    updater: Part                                #: Updater.
    batchsize: PositiveInt = 32                  #: Videos a batch.
    epoch: PositiveInt = 1000                    #: Passes over the data set.
    iterations: PositiveInt | None = None        #: Updates.
    snapshot_interval: PositiveInt = 5000        #: Updates from one snapshot to the next.
    snapshot_keep: PositiveInt | None = None     #: Newest snapshots that stay; None: all.
    display_interval: PositiveInt = 100          #: Updates from one line of the log to the next.
    preview_interval: PositiveInt | None = None  #: Those of previews; None: of snapshots.
    preview_videos: PositiveInt = 100            #: Videos a preview.
    quality_interval: PositiveInt | None = None  #: Those of measured quality of moving digits.
    tensorboard: bool = False                    #: Whether it writes an event file.
    #: Seed of parameters, order, offsets and latent vectors.
    seed: int = pydantic.Field(0, ge=0, lt=2 ** 32)
    optimizer: Optimizers = Optimizers()         #: Optimizer of each network.
    #: Of batch normalisation (FACTS §4).
    batch_norm_statistics: Literal[STATISTICS] = 'chainer2'
    #: Whether it normalises over each rank's own batch or that of all ranks.
    batch_norm: Literal[BATCH_NORMS] = 'local'
    #: Makes ``dataset.args.dataset_path`` if it is missing.
    make_moving_mnist: MovingMNIST | None = None
    result_dir: str | None = None                #: Where it writes, unless a flag says otherwise.
    resume: str | None = None                    #: What it continues, unless a flag says otherwise.
    name: str = pydantic.Field(exclude=True)     #: Stem of the file.
    source: str = pydantic.Field(exclude=True)   #: The file it was read from.

    @pydantic.model_validator(mode='after')
    def _has_g0_unless_g1_makes_whole_videos(self):
        if not issubclass(self.vgen.cls, WholeVideoGenerator):
            if self.fsgen is None:
                raise ConfigError(f'{self.source}: no fsgen; {_EXPECTED}')
        elif self.fsgen is not None:
            raise ConfigError(f'{self.fsgen.where}: {self.vgen.name} makes whole videos and takes '
                              'no G0; leave it out')
        elif self.optimizer.fsgen is not None:
            raise ConfigError(f'{self.source}: optimizer.fsgen: the experiment has no fsgen; leave '
                              'it out')
        return self

    def replace(self, **changes):
        """A copy with other values; those that are None change nothing.

        Raises:
            ConfigError: A value is of the wrong type or out of range.
        """
        changes = {key: value for key, value in changes.items() if value is not None}
        return _validate(Experiment, dict(self) | changes, f'{self.source}: ', _EXPECTED)

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


def load(path, changes=()):
    """Read an experiment file -> :class:`Experiment`.

    Args:
        path (str): A file; ``configs/NAME`` falls back to the packaged file of that name.
        changes (sequence of str): See :func:`_set`.

    Raises:
        ConfigError: The file does not exist or is not an experiment; the message names file, key,
            what was found and what is allowed.
    """
    file, source = find(path), str(path)
    document = read_yaml(file, source)
    for change in changes:
        document = _set(document, change)
    fields = [name for name, field in Experiment.model_fields.items() if not field.exclude]
    _check_keys(document, ['models', *_SHARED, *fields], f'{source}: ')
    networks = document.get('models', {})
    _check_keys(networks, [*NETWORKS, *_AUTHORS_NETWORKS], f'{source}: models.')
    shared = {key: document[key] for key in _SHARED if document.get(key) is not None}
    # Networks beside `models` are in result folders of earlier versions.
    entries = {f'models.{key}': networks[key] for key in networks} | {
        key: document[key] for key in fields if key in document}

    settings = {'name': file.stem, 'source': source}
    for key, value in entries.items():
        name, where = key.removeprefix('models.'), f'{source}: {key}'
        name = _AUTHORS_NETWORKS.get(name, name)
        if name in settings:
            raise ConfigError(f'{where}: a second {ROLES[name].title}; expected one of each')
        settings[name] = _read_part(name, value, where, shared) if name in ROLES else value
    for key in shared:
        if not any(key in settings[role].args for role in ROLES if role in settings):
            raise ConfigError(f'{source}: {key}: no part of the experiment takes it; leave it out')
    return _validate(Experiment, settings, f'{source}: ', _EXPECTED)


def _set(document, change):
    """A copy of ``document`` with KEY=VALUE in it: names joined by points, and YAML."""
    key, equals, text = change.partition('=')
    if not equals:
        raise ConfigError(f'--set {change}: expected KEY=VALUE, such as batchsize=16')
    value = read_yaml(io.BytesIO(text.encode(errors='surrogateescape')), f'--set {change}')

    def put(mapping, name, *rest):
        if not isinstance(mapping, Mapping):
            raise ConfigError(f'--set {change}: {name!r} cannot be set in '
                              f'{reprlib.repr(mapping)}, which is no mapping')
        return {**mapping, name: put(mapping.get(name) or {}, *rest) if rest else value}
    return put(document, *key.split('.'))


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
    beside = [each.as_posix() for each in file.parent.glob('*.yml')]
    close = ' or '.join(difflib.get_close_matches(file.as_posix(), [*names, *beside]))
    hint = f'did you mean {close}? ' if close else ''
    raise ConfigError('\n  '.join([f'{path}: there is no such file; {hint}Packaged experiments:',
                                   *names]))


def packaged_names():
    """Names of the packaged experiments, relative to ``configs/``."""
    return sorted(file.relative_to(PACKAGED).as_posix() for file in PACKAGED.rglob('*.yml'))


def _read_part(role, value, where, shared):
    """A part whose arguments, those ``shared`` that it takes among them, suit its constructor."""
    names = (('dataset_fn', 'dataset_name') if role == 'dataset' and isinstance(value, Mapping)
             and value.keys() & {'dataset_fn', 'dataset_name'} else ('fn', 'name'))
    _check_keys(value, [*names, 'args'], f'{where}.')
    fn, name = (value.get(key) for key in names)
    if not (isinstance(fn, str) and isinstance(name, str)):
        raise ConfigError(f'{where}: {" and ".join(names)} must be strings, found {fn!r} and '
                          f'{name!r}')
    cls = _find_class(ROLES[role], fn, name, [f'{where}.{key}' for key in names])
    args = {} if value.get('args') is None else value['args']
    parameters = inspect.signature(cls).parameters.values()
    fields = {each.name: (Any if each.annotation is each.empty else each.annotation,
                          ... if each.default is each.empty else each.default)
              for each in parameters if each.name not in _SUPPLIED}
    _check_keys(args, fields, f'{where}.args.', f'{cls.__name__} has no such argument')
    args = {**{key: shared[key] for key in shared if key in fields}, **args}
    args = _validate(pydantic.create_model(cls.__name__, **fields), args, f'{where}.args.',
                     'the argument has no default').model_dump(include=set(args))
    folder, stem = cls.__module__.split('.')[1:]
    return Part(fn=f'{folder}/{stem}.py', name=cls.__name__, args=args, cls=cls, where=where)


def _find_class(role, fn, name, where):
    """The class that a part names; ``where`` are the places of ``fn`` and ``name``."""
    stem, name = (_NEVER_EXISTED.get(each, each) for each in (Path(fn).stem, name))
    files = _classes(role)
    if name not in files.get(stem, ()):
        elsewhere = [f'{role.folder}/{each}.py' for each in files if name in files[each]]
        if elsewhere:
            raise ConfigError(
                f'{where[0]}: found {fn!r}, but {name} is in {elsewhere[0]}; name that')
    for place, found, allowed in ((where[0], stem, files), (where[1], name, files.get(stem, ()))):
        if found not in allowed:
            bases = ' or '.join(base.__name__ for base in role.bases)
            raise ConfigError(f'{place}: found {found!r}, which is no {role.title} of the package, '
                              f'derived from {bases} and with {role.method} of its own; '
                              f'{_allowed(found, allowed)}')
    return files[stem][name]


def _classes(role):
    """The classes of a role that do what it is there for -> {stem of their file: {name: class}}."""
    package, found = importlib.import_module(f'tgan_chainer.{role.folder}'), {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f'{package.__name__}.{info.name}')
        for name, value in vars(module).items():
            if (inspect.isclass(value) and value.__module__ == module.__name__
                    and issubclass(value, role.bases) and getattr(value, role.method, None)
                    not in (None, DatasetMixin.get_example, StandardUpdater.update_core)):
                found.setdefault(info.name, {})[name] = value
    return found


def _validate(model, values, prefix, expected):
    """``model(**values)``; of pydantic's complaints the first becomes one line."""
    try:
        return model(**values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        what = f'found {first["input"]!r}; {first["msg"]}'
        if first['type'] == 'missing':
            what = f'missing; {expected}'
        elif first['type'] == 'extra_forbidden':
            *outer, key = first['loc']
            for name in outer:    # the model below, which may be written MODEL | None
                of = model.model_fields[name].annotation
                model, = (each for each in (of, *get_args(of)) if hasattr(each, 'model_fields'))
            what = f'unknown key; {_allowed(str(key), model.model_fields)}'
        raise ConfigError(f'{prefix}{".".join(map(str, first["loc"]))}: {what}') from error


def _check_keys(mapping, allowed, prefix, complaint='unknown key'):
    if not isinstance(mapping, Mapping):
        raise ConfigError(f'{prefix.rstrip(" .:")}: found {reprlib.repr(mapping)}, expected a '
                          f'mapping of {", ".join(allowed)}')
    for key in mapping:
        if key not in allowed:
            raise ConfigError(f'{prefix}{key}: {complaint}; {_allowed(str(key), allowed)}')


def _allowed(found, names):
    close = difflib.get_close_matches(found, names, n=1)
    hint = f'did you mean {close[0]!r}? ' if close else ''
    return f'{hint}Allowed: {", ".join(sorted(names))}'
