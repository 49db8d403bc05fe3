"""Our networks, updaters and sampling, run on the recipes of the recordings in ``reference/``.

Each function takes a :class:`reference.recordings.Recording` and returns what this project makes
of the same seed and inputs, under the recording's own names.
"""
import contextlib
from dataclasses import dataclass
from unittest import mock

import chainer
import numpy as np
from chainer import optimizers
from chainer.iterators import SerialIterator

from reference import recordings
from tgan_chainer.models import frame_seed_generator, video_discriminator, video_generator
from tgan_chainer.models.sampling import make_video
from tgan_chainer.updaters import tgan_updater_lsgan, tgan_updater_vanilla, tgan_updater_wgan

NETWORKS = ('fsgen', 'vgen', 'vdis')
"""The authors' names of G0, G1 and D, in the order in which they are built."""

_MODULES = {
    'fsgen': frame_seed_generator,
    'vgen': video_generator,
    'vdis': video_discriminator,
}
_UPDATERS = {name: cls
             for module in (tgan_updater_lsgan, tgan_updater_vanilla, tgan_updater_wgan)
             for name, cls in vars(module).items() if name.startswith('TGANUpdater')}

# The functions beside links whose outputs the forward recordings hold.
_RECORDED_FUNCTIONS = ('concat', 'leaky_relu', 'relu', 'reshape', 'tanh')


def build(configuration, chainer_version, seed=0):
    """Build the three networks of a configuration -> {'fsgen', 'vgen', 'vdis'}.

    Args:
        configuration: One value of :func:`reference.recordings.configurations`.
        chainer_version (str): '2.0.2' or '7.8.1': whose batch-norm statistics to keep.
        seed (int): Seed of NumPy's global generator before the first network.
    """
    np.random.seed(seed)
    statistics = f'chainer{chainer_version[0]}'
    with chainer.using_config('batch_norm_statistics', statistics):
        return {name: getattr(_MODULES[name], configuration[name].cls)(**configuration[name].kwargs)
                for name in NETWORKS}


def cast(network, dtype):
    """Cast parameters and statistics in place: the float64 recordings drew them in float32."""
    for param in network.params():
        param.array = param.array.astype(dtype)
    for link in network.links():
        for name in link._persistent:
            value = getattr(link, name)
            if isinstance(value, np.ndarray) and value.dtype.kind == 'f':
                setattr(link, name, value.astype(dtype))


def build_recorded(recording):
    """The networks of a recording, in its dtype."""
    meta = recording.meta
    configuration = recordings.configurations(recording.chainer)[meta['config']]
    networks = build(configuration, recording.chainer,
                     meta['seed'] + recordings.SEED_OFFSETS['build'])
    for network in networks.values():
        cast(network, meta.get('dtype', 'float32'))
    return networks


@dataclass(frozen=True)
class Forward:
    """What one forward pass of G0, G1 and D made.

    Attributes:
        stages: {'G0', 'G1', 'D'} -> list of (name, array) in call order.
        statistics: 'fsgen.bn0.avg_var' and so on -> array, after the pass.
    """

    stages: dict
    statistics: dict


def replay_forward(recording):
    """Run a ``forward-*`` recording -> :class:`Forward`."""
    meta = recording.meta
    networks = build_recorded(recording)
    dtype = meta.get('dtype', 'float32')
    z_slow, video = (array.astype(dtype) for array in recordings.forward_inputs(recording))
    np.random.seed(meta['seed'] + recordings.SEED_OFFSETS['forward'])
    stages = {}
    with chainer.using_config('train', meta['train']), chainer.no_backprop_mode():
        with _record_calls('fsgen') as stages['G0']:
            z_fast = networks['fsgen'](z_slow)
        with _record_calls('vgen') as stages['G1']:
            networks['vgen'](z_slow, z_fast[:, :, 0])
        with _record_calls('vdis') as stages['D']:
            networks['vdis'](video)
    statistics = {f'{name}.{link.name}.{key}': getattr(link, key)
                  for name, network in networks.items()
                  for link in network.children() for key in link._persistent}
    return Forward(stages, statistics)


@contextlib.contextmanager
def _record_calls(network_name):
    """Collect (name, output) of every link and activation that is called within."""
    calls = []

    class Links(chainer.LinkHook):
        name = 'record'

        def forward_postprocess(self, args):
            if args.link.name is not None:
                calls.append((f'{network_name}/{args.link.name}', args.out.array))

    def recorded(name):
        function = getattr(chainer.functions, name)

        def call(*args, **kwargs):
            out = function(*args, **kwargs)
            calls.append((name, out.array))
            return out
        return mock.patch.object(chainer.functions, name, call)

    with contextlib.ExitStack() as stack:
        stack.enter_context(Links())
        for name in _RECORDED_FUNCTIONS:
            stack.enter_context(recorded(name))
        yield calls


@dataclass(frozen=True)
class Training:
    """What some updates made.

    Attributes:
        losses: A {'vdis/loss_gen': float, ...} for each update.
        grads1: 'fsgen.dc0.W' and so on -> gradient after the first update.
        params: The same names -> parameter after the last update.
        networks: The trained networks.
    """

    losses: list
    grads1: dict
    params: dict
    networks: dict


def replay_training(recording, updater_class=None, **updater_kwargs):
    """Run a ``train-*`` recording -> :class:`Training`.

    Args:
        recording: The recording.
        updater_class: Another updater than the recorded one; it takes ``updater_kwargs``.
    """
    meta = recording.meta
    networks = build_recorded(recording)
    if updater_class is None:
        updater_class = _UPDATERS[meta['updater']['cls']]
        updater_kwargs = meta['updater']['kwargs']
    channels = networks['vgen'].out_channels
    videos = recordings.synthetic_videos(
        meta['n_videos'], channels, meta['seed'] + recordings.SEED_OFFSETS['videos'])
    updater = _in_dtype(updater_class, np.dtype(meta['dtype']))(
        models=tuple(networks.values()),
        iterator=SerialIterator(videos, meta['batch'], shuffle=False),
        optimizer={name: optimizers.RMSprop(lr=meta['lr']).setup(network)
                   for name, network in networks.items()},
        **updater_kwargs)
    np.random.seed(meta['seed'] + recordings.SEED_OFFSETS['training'])
    reporter = chainer.Reporter()
    reporter.add_observer('vdis', networks['vdis'])
    losses, grads1 = [], {}
    for _ in meta['trace']:
        observation = {}
        with reporter.scope(observation):
            updater.update()
        losses.append({key: float(loss.array) for key, loss in observation.items()})
        grads1 = grads1 or {name: param.grad.copy() for name, param in _named_params(networks)}
    return Training(losses, grads1, {name: param.array for name, param in _named_params(networks)},
                    networks)


def _in_dtype(updater_class, dtype):
    """The updater with its inputs cast, as the float64 recordings were made."""

    class Updater(updater_class):
        def _get_real_video(self):
            return chainer.Variable(super()._get_real_video().array.astype(dtype))

        def _get_seeds(self, batchsize):
            z_slow = np.random.uniform(-1, 1, (batchsize, self.fsgen.z_slow_dim))
            z_slow = chainer.Variable(z_slow.astype(np.float32).astype(dtype))
            return z_slow, self.fsgen(z_slow)

    return Updater


def _named_params(networks):
    for name, network in networks.items():
        for path, param in network.namedparams():
            yield f'{name}{path.replace("/", ".")}', param


def replay_infer(recording):
    """Run an ``infer-*`` recording -> {'z_slow', 'z_fast', 'y'}, y being the videos."""
    networks = build_recorded(recording)
    np.random.seed(recording.meta['seed'] + recordings.SEED_OFFSETS['infer'])
    y, z_slow, z_fast = make_video(networks['fsgen'], networks['vgen'], recording.meta['n'])
    return {'y': y, 'z_slow': z_slow, 'z_fast': z_fast}
