"""Experiment files: YAML -> a checked, typed :class:`Experiment`.

An experiment names five parts, each by ``fn`` (a file), ``name`` (a class in it) and ``args``
(constructor arguments), and any other fields of :class:`Experiment`; the authors' spelling is read,
too (FACTS §11). Of ``fn`` only the stem counts; no path is ever imported.
"""
import difflib
import functools
import importlib
import inspect
import io
import pkgutil
import reprlib
from collections import namedtuple
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

import chainer
import pydantic
import yaml
from chainer.training.updaters import StandardUpdater
from pydantic import NonNegativeInt, PositiveInt

from tgan_chainer.datasets.drawing import DrawnDataset
from tgan_chainer.errors import ConfigError, TGANError
from tgan_chainer.io.yaml_reader import read_yaml
from tgan_chainer.links.batch_normalization import BATCH_NORMS, STATISTICS
from tgan_chainer.models.frame_seed_generator import FrameSeedGenerator
from tgan_chainer.models.system import System
from tgan_chainer.models.video_discriminator import VideoAndFrameDiscriminator, VideoDiscriminator
from tgan_chainer.models.video_generator import ImageGenerator, WholeVideoGenerator
from tgan_chainer.training import optimizers
from tgan_chainer.updaters.tgan_updater_base import TGANUpdaterBase

PACKAGED = Path(__file__).parent / 'configs'    #: The experiments that ship with the package.

#: What a part is for; its classes, in a folder, are derived from ``bases`` and define ``method``.
Role = namedtuple('Role', ('title', 'folder', 'bases', 'method'))

ROLES = {
    'fsgen': Role('G0', 'models', (FrameSeedGenerator,), 'forward'),
    'vgen': Role('G1', 'models', (ImageGenerator, WholeVideoGenerator), 'forward'),
    'vdis': Role('D', 'models', (VideoDiscriminator, VideoAndFrameDiscriminator), 'forward'),
    'dataset': Role('data set', 'datasets', (DrawnDataset,), 'load'),
    'updater': Role('updater', 'updaters', (TGANUpdaterBase,), 'update_core'),
}
"""The parts of an experiment, the networks in the order in which they are built."""

NETWORKS = System._fields    #: The networks' names.

_AUTHORS_NETWORKS = {'frame_seed_generator': 'fsgen', 'video_generator': 'vgen',
                     'video_discriminator': 'vdis'}
_AUTHORS_DATASET = ('dataset_fn', 'dataset_name')

# In the authors' files (FACTS §9). The classes can only have been the InitDefault variants, before
# there was another initialisation: that of G1 has base.yml's wscale as its default.
_NEVER_EXISTED = {
    'tgan_updater_wgan_clip': 'tgan_updater_wgan',
    'FrameSeedGenerator': 'FrameSeedGeneratorInitDefault',
    'VideoGenerator': 'VideoGeneratorInitDefault',
    'VideoDiscriminator': 'VideoDiscriminatorInitDefault',
}

_SHARED = ('n_categories', 'shuffle_time_order')    # arguments of every part that takes them
_SUPPLIED = {'self', 'models', 'iterator', 'optimizer', 'device'}    # by train.py


class _Strict(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra='forbid', frozen=True)


class Part(_Strict):
    """A class of this package and its arguments."""

    fn: str
    name: str
    args: dict[str, Any]
    cls: type = pydantic.Field(exclude=True)
    where: str = pydantic.Field(exclude=True)   #: What messages call it: file and key.

    def build(self, **supplied):
        """Construct the part; a ConfigError if it refuses an argument, or a file of that name."""
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
        allowed = inspect.signature(getattr(optimizers, self.name)).parameters
        for name in sorted(self.args.keys() - allowed):
            raise ValueError(f'{self.name} has no argument {name!r}; {_allowed(name, allowed)}')
        return self

    def build(self):
        """A new ``chainer.optimizers`` object, not set up."""
        return getattr(optimizers, self.name)(**self.args)


class Optimizers(Optimizer):
    """The optimizer of all networks, but of those that have one of their own."""

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
    seed: int = pydantic.Field(0, ge=0, lt=2 ** 32)  #: Of parameters, order, offsets, latents.
    optimizer: Optimizers = Optimizers()         #: Optimizer of each network.
    #: Update from which on all learning rates fall, linearly, to 0 at the end; None: they do not.
    rates_fall_from: NonNegativeInt | None = None
    batch_norm_statistics: Literal[STATISTICS] = 'chainer2'  #: See FACTS §4.
    batch_norm: Literal[BATCH_NORMS] = 'local'   #: Over each rank's batch, or that of all ranks.
    make_moving_mnist: MovingMNIST | None = None  #: Makes the data set's file if it is missing.
    result_dir: str | None = None                #: Where it writes, unless a flag says otherwise.
    resume: str | None = None                    #: What it continues, unless a flag says otherwise.
    source: str = pydantic.Field(exclude=True)   #: The file it was read from.

    @pydantic.model_validator(mode='after')
    def _has_g0_unless_g1_makes_whole_videos(self):
        whole = issubclass(self.vgen.cls, WholeVideoGenerator)
        if not whole and self.fsgen is None:
            raise ConfigError(f'{self.source}: no fsgen, of whose vectors {self.vgen.name} makes '
                              'frames; add it to models')
        if whole and (self.fsgen or self.optimizer.fsgen):
            where = self.fsgen.where if self.fsgen else f'{self.source}: optimizer.fsgen'
            raise ConfigError(f'{where}: {self.vgen.name} makes whole videos without G0; leave it '
                              'out')
        return self

    def replace(self, **changes):
        """A copy with other values, checked; those that are None change nothing."""
        changes = {key: value for key, value in changes.items() if value is not None}
        return _validate(Experiment, dict(self) | changes, f'{self.source}: ')

    def build_models(self, ranks=None):
        """The :class:`System`, drawn in the authors' order, which one seed's bytes depend on.

        ``ranks``, of a training, are for ``batch_norm: multi_node``; see :meth:`Part.build`.
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
    """Read an experiment file, see :func:`find`, with ``changes``, see :func:`_set`.

    What is no experiment is a ConfigError: file or change, key, what was found, what is allowed.
    """
    source = str(path)
    document = functools.reduce(_set, changes, read_yaml(find(path), source))
    try:
        return _read(document, source)
    except ConfigError as error:
        message = str(error).removeprefix(f'{source}: ')
        place = message.partition(':')[0]
        for change in reversed(changes):
            key = change.partition('=')[0]
            if f'{place}.'.startswith(f'{key}.') or key.startswith(f'{place}.'):
                raise ConfigError(f'--set {change}: {message}') from error
        raise


def _read(document, source):
    fields = [name for name, field in Experiment.model_fields.items() if not field.exclude]
    _check_keys(document, ['models', *_SHARED, *fields], f'{source}: ')
    networks = document.get('models', {})
    _check_keys(networks, [*NETWORKS, *_AUTHORS_NETWORKS], f'{source}: models.')
    shared = {key: document[key] for key in _SHARED if document.get(key) is not None}
    settings = {'source': source}
    # Networks beside `models` are in result folders of earlier versions.
    for key, value in [*((f'models.{key}', networks[key]) for key in networks), *document.items()]:
        name, where = key.removeprefix('models.'), f'{source}: {key}'
        name = _AUTHORS_NETWORKS.get(name, name)
        if name in settings:
            raise ConfigError(f'{where}: a second {ROLES[name].title}; expected one of each')
        if name in fields:
            settings[name] = _read_part(name, value, where, shared) if name in ROLES else value
    for key in shared:
        if not any(key in settings[role].args for role in ROLES if role in settings):
            raise ConfigError(f'{source}: {key}: no part of the experiment takes it; leave it out')
    return _validate(Experiment, settings, f'{source}: ')


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
    """The file that ``path`` means: on disk, or else ``configs/...`` among the packaged ones."""
    file = Path(path)
    packaged = {f'configs/{name}': PACKAGED / name for name in packaged_names()}
    if file.is_file():
        return file
    if file.as_posix() in packaged:
        return packaged[file.as_posix()]
    beside = [each.as_posix() for each in file.parent.glob('*.yml')]
    close = ' or '.join(difflib.get_close_matches(file.as_posix(), [*packaged, *beside]))
    hint = f'did you mean {close}? ' if close else ''
    raise ConfigError('\n  '.join([f'{path}: there is no such file; {hint}Packaged experiments:',
                                   *packaged]))


def packaged_names():
    """Names of the packaged experiments, relative to ``configs/``."""
    return sorted(file.relative_to(PACKAGED).as_posix() for file in PACKAGED.rglob('*.yml'))


def _read_part(role, value, where, shared):
    """A part whose arguments, those ``shared`` that it takes among them, suit its constructor."""
    is_authors = (role == 'dataset' and isinstance(value, Mapping)
                  and not value.keys().isdisjoint(_AUTHORS_DATASET))
    names = _AUTHORS_DATASET if is_authors else ('fn', 'name')
    _check_keys(value, [*names, 'args'], f'{where}.')
    for key in names:
        if not isinstance(value.get(key), str):
            raise ConfigError(f'{where}.{key}: found {value.get(key)!r}, expected a string')
    cls = _find_class(ROLES[role], where, {key: value[key] for key in names})
    fields = {each.name: (Any if each.annotation is each.empty else each.annotation,
                          ... if each.default is each.empty else each.default)
              for each in inspect.signature(cls).parameters.values() if each.name not in _SUPPLIED}
    args = {} if value.get('args') is None else value['args']
    _check_keys(args, fields, f'{where}.args.', f'{cls.__name__} has no such argument')
    args = {key: shared[key] for key in shared if key in fields} | args
    args = _validate(pydantic.create_model(cls.__name__, **fields), args,
                     f'{where}.args.').model_dump(include=set(args))
    return Part(fn=_file(cls), name=cls.__name__, args=args, cls=cls, where=where)


def _find_class(role, where, given):
    """The class that a part names: ``given`` are its file and its name, by their keys."""
    (fn_key, fn), (name_key, name) = given.items()
    stem, name = (_NEVER_EXISTED.get(each, each) for each in (Path(fn).stem, name))
    classes = _classes(role)
    if name not in classes:
        bases = ' or '.join(base.__name__ for base in role.bases)
        raise ConfigError(f'{where}.{name_key}: found {name!r}, which is no {role.title} of the '
                          f'package, derived from {bases} and with {role.method} of its own; '
                          f'{_allowed(name, classes)}')
    if Path(file := _file(classes[name])).stem != stem:
        raise ConfigError(f'{where}.{fn_key}: found {fn!r}, but {name} is in {file}; name that')
    return classes[name]


def _file(cls):
    return '/'.join(cls.__module__.split('.')[1:]) + '.py'


def _classes(role):
    """The classes of a role that do what it is there for, by name."""
    package, found = importlib.import_module(f'tgan_chainer.{role.folder}'), {}
    for info in pkgutil.iter_modules(package.__path__):
        module = importlib.import_module(f'{package.__name__}.{info.name}')
        found |= {name: value for name, value in vars(module).items()
                  if inspect.isclass(value) and value.__module__ == module.__name__
                  and issubclass(value, role.bases) and getattr(value, role.method, None)
                  not in (None, DrawnDataset.load, StandardUpdater.update_core)}
    return found


def _validate(model, values, prefix):
    """``model(**values)``; of pydantic's complaints the first becomes one line."""
    try:
        return model(**values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        what = f'found {first["input"]!r}; {first["msg"]}'
        if first['type'] == 'missing':
            what = 'missing, and it has no default'
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
