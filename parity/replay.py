"""Our networks, updaters and sampling, run on the recipes of the recordings in ``reference/``.

A ``recorded_*`` function takes the name and the release of a recording and returns what this
project makes of the same seed and inputs, under the recording's own names; checks that look at the
same one share a ``group``. All move the networks to the device of :mod:`parity.backend`, and bring
what they return back from it.
"""
import contextlib
import copy
import functools
from typing import NamedTuple
from unittest import mock

import chainer
import chainer.functions as F
import numpy as np
from chainer.iterators import SerialIterator

from parity import backend
from parity.check import Comparisons
from reference import recordings
from tgan_chainer.config import Optimizer
from tgan_chainer.functions import LeakyReLU, relu
from tgan_chainer.models import frame_seed_generator, video_discriminator, video_generator
from tgan_chainer.models.sampling import make_video
from tgan_chainer.updaters import tgan_updater_lsgan, tgan_updater_vanilla, tgan_updater_wgan

NETWORKS = ('fsgen', 'vgen', 'vdis')
"""The authors' names of G0, G1 and D, in the order in which they are built."""

_MODULES = {'fsgen': frame_seed_generator, 'vgen': video_generator, 'vdis': video_discriminator}
_UPDATERS = {name: cls
             for module in (tgan_updater_lsgan, tgan_updater_vanilla, tgan_updater_wgan)
             for name, cls in vars(module).items() if name.startswith('TGANUpdater')}

_RECORDED_FUNCTIONS = {'concat': (F, 'concat'), 'reshape': (F, 'reshape'), 'tanh': (F, 'tanh'),
                       'leaky_relu': (LeakyReLU, '__call__')}
"""Beside links, what the outputs of the forward recordings are of: where each is found."""


@functools.cache
def load(name, version):
    """:func:`reference.recordings.load`, once."""
    return recordings.load(name, version)


def every(prefix, suffix=''):
    """(name, release) of every recording with such a name."""
    return [(name, version) for version in recordings.CHAINERS
            for name in recordings.names(version)
            if name.startswith(prefix) and name.endswith(suffix)]


def against(name, version):
    """Comparisons with a recording -> :class:`parity.check.Comparisons`."""
    return Comparisons(f'recording {name} (Chainer {version})')


def check_name(layer, name, version):
    """Name of the check of a recording: the recording's, without what all of them have."""
    what = name.split('-', 1)[1].replace('-seed0', '')
    return f'{layer}/{what}/chainer-{version}'


def forget():
    """Run everything anew from here on."""
    for cached in (load, recorded_forward, recorded_training, recorded_infer):
        cached.cache_clear()


# -- networks --------------------------------------------------------------------------------------

def build(configuration, chainer_version, seed=0):
    """Build one of :func:`reference.recordings.configurations`, with a release's statistics.

    ``seed`` is of NumPy's global generator before the first network.
    """
    np.random.seed(seed)
    with chainer.using_config('batch_norm_statistics', f'chainer{chainer_version[0]}'):
        networks = {
            name: getattr(_MODULES[name], configuration[name].cls)(**configuration[name].kwargs)
            for name in NETWORKS}
    critic = networks['vdis']
    if not all(param.is_initialized for param in critic.params()):
        # Their sizes are found at the first call, which is of a blank video.
        side = 16 * critic.top_width
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            critic(np.zeros((1, critic.in_channels, 16, side, side), np.float32))
    return networks


def cast(network, dtype):
    """Cast parameters and statistics in place: the float64 recordings drew them in float32."""
    for param in network.params():
        param.array = param.array.astype(dtype)
    for link in network.links():
        for name in link._persistent:
            value = getattr(link, name)
            if isinstance(value, np.ndarray) and value.dtype.kind == 'f':
                setattr(link, name, value.astype(dtype))


def _build_recorded(recording):
    """The networks of a recording, in its dtype."""
    networks = build(recordings.models(recording), recording.chainer, _seed(recording, 'build'))
    for network in networks.values():
        cast(network, recording.meta.get('dtype', 'float32'))
    return networks


def _seed(recording, use):
    return recording.meta['seed'] + recordings.SEED_OFFSETS[use]


def _to_device(networks):
    for network in networks.values():
        network.to_device(backend.device)


def state(network):
    """A copy of a network's arrays, under the keys of a snapshot."""
    return {key: np.array(value)
            for key, value in chainer.serializers.npz.serialize(network).items()}


# -- a forward pass --------------------------------------------------------------------------------

class Forward(NamedTuple):
    """What one forward pass of G0, G1 and D made."""

    stages: dict        #: {'G0', 'G1', 'D'} -> list of (name, array) in call order.
    statistics: dict    #: 'fsgen.bn0.avg_var' and so on -> array, after the pass.


@functools.lru_cache(maxsize=1)
def recorded_forward(name, version):
    """Run a ``forward-*`` recording -> :class:`Forward`."""
    recording = load(name, version)
    meta = recording.meta
    z_slow, video = (array.astype(meta.get('dtype', 'float32'))
                     for array in recordings.forward_inputs(recording))
    return forward(_build_recorded(recording), z_slow, video, meta['train'],
                   _seed(recording, 'forward'))


def forward(networks, z_slow, video, train, seed):
    """Run G0, then G1 on G0's first frame, and D -> :class:`Forward`; ``seed`` is of D's noise.

    ``networks`` are of :func:`build`, ``z_slow`` is (B, Ks), ``video`` (B, C, 16, 64, 64).
    """
    _to_device(networks)
    z_slow, video = backend.send(z_slow), backend.send(video)
    stages = {}
    with backend.seeded(seed), chainer.using_config('train', train), chainer.no_backprop_mode():
        z_fast, stages['G0'] = _record(networks, 'fsgen', z_slow)
        _, stages['G1'] = _record(networks, 'vgen', z_slow, z_fast[:, :, 0])
        _, stages['D'] = _record(networks, 'vdis', video)
    statistics = {f'{path.replace("/", ".")}.{key}': backend.fetch(getattr(link, key))
                  for name in networks for path, link in _layers(networks, name)
                  for key in link._persistent}
    return Forward(stages, statistics)


def _layers(networks, name):
    """(path, link), 'vdis/c0' and so on, of every link of a network that has none inside it."""
    return [(name + path, link) for path, link in networks[name].namedlinks(skipself=True)
            if not isinstance(link, chainer.Chain)]


def _record(networks, name, *inputs):
    """Call a network -> its output, and (name, output) of its links and functions in call order.

    What a link or a function calls itself is left out.
    """
    calls, running = [], []
    paths = {id(link): path for path, link in _layers(networks, name)}

    def record(what, out):
        if not running:
            calls.append((what, backend.fetch(out.array)))

    class Links(chainer.LinkHook):
        name = 'record'

        def forward_preprocess(self, args):
            if id(args.link) in paths:
                running.append(args.link)
                if _activation(args) is not None:
                    # A copy shows what the activation is given, since statistics move once.
                    normalised = copy.deepcopy(args.link)(args.args[0])
                    calls.append((paths[id(args.link)], backend.fetch(normalised.array)))

        def forward_postprocess(self, args):
            if id(args.link) in paths:
                running.pop()
                activation = _activation(args)
                record(paths[id(args.link)] if activation is None
                       else 'relu' if activation is relu else 'leaky_relu', args.out)

    def recorded(what, owner, attribute):
        function = getattr(owner, attribute)

        def call(*args, **kwargs):
            running.append(function)
            out = function(*args, **kwargs)
            running.pop()
            record(what, out)
            return out
        return mock.patch.object(owner, attribute, call)

    with contextlib.ExitStack() as stack:
        stack.enter_context(Links())
        for what, place in _RECORDED_FUNCTIONS.items():
            stack.enter_context(recorded(what, *place))
        return networks[name](*inputs), calls


def _activation(args):
    """That of a call of a batch normalisation, if it has one."""
    return args.kwargs.get('activation', *args.args[1:])


# -- updates ---------------------------------------------------------------------------------------

class Training(NamedTuple):
    """What some updates made."""

    losses: list      #: A {'vdis/loss_gen': float, ...} for each update.
    grads1: dict      #: 'fsgen.dc0.W' and so on -> gradient after the first update.
    norms: dict       #: The same names -> Euclidean norm of the parameter after each update.
    params: dict      #: The same names -> parameter after the last update.
    networks: dict    #: The trained networks.


@functools.lru_cache(maxsize=1)
def recorded_training(name, version, updates=None):
    """Run a ``train-*`` recording, or some of its updates -> :class:`Training`."""
    recording = load(name, version)
    meta = recording.meta
    return train(_build_recorded(recording), meta['updater']['cls'], meta['updater']['kwargs'],
                 recordings.training_videos(recording), meta['batch'],
                 updates or len(meta['trace']), _seed(recording, 'training'), meta['dtype'],
                 meta['lr'])


def train(networks, updater, kwargs, videos, batch, updates, seed, dtype, lr=5e-5):
    """Train networks of :func:`build` in place, by one of the authors' updaters -> Training.

    ``videos``, float32 (n, T, C, H, W), are taken in order, ``batch`` an update; ``dtype`` is of
    them and of latent vectors, which ``seed`` decides.
    """
    _to_device(networks)
    update = training(networks, updater, kwargs, videos, batch, lr, backend.device, np.dtype(dtype))
    named = {f'{name}{path.replace("/", ".")}': param for name, network in networks.items()
             for path, param in network.namedparams()}
    losses, grads1, norms = [], {}, {name: [] for name in named}
    with backend.seeded(seed):
        for _ in range(updates):
            losses.append({key: float(loss.array) for key, loss in update().items()})
            grads1 = grads1 or {name: backend.fetch(param.grad.copy())
                                for name, param in named.items()}
            params = {name: backend.fetch(param.array) for name, param in named.items()}
            for name, array in params.items():
                norms[name].append(float(np.linalg.norm(array.astype(np.float64))))
    return Training(losses, grads1, norms, params, networks)


def training(networks, updater, kwargs, videos, batch, lr, device=None, dtype=None):
    """Set up one of the authors' updaters -> function of one update, which returns the losses."""
    cls, reporter = _UPDATERS[updater], chainer.Reporter()
    reporter.add_observer('vdis', networks['vdis'])
    updater = (_in_dtype(cls, dtype) if dtype else cls)(
        models=tuple(networks.values()),
        iterator=SerialIterator(videos, batch, shuffle=False),
        optimizer={name: Optimizer(args={'lr': lr}).build().setup(network)
                   for name, network in networks.items()},
        device=device, **kwargs)

    def update():
        losses = {}
        with reporter.scope(losses):
            updater.update()
        return losses

    return update


def _in_dtype(updater_class, dtype):
    """The updater with its inputs cast, as the float64 recordings were made."""

    class Updater(updater_class):
        def _get_real_video(self):
            return chainer.Variable(super()._get_real_video().array.astype(dtype))

        def _get_seeds(self, batchsize):
            z_slow = np.random.uniform(-1, 1, (batchsize, self.fsgen.z_slow_dim))
            z_slow = chainer.Variable(backend.send(z_slow.astype(np.float32).astype(dtype)))
            return z_slow, self.fsgen(z_slow)

    return Updater


# -- sampling --------------------------------------------------------------------------------------

@functools.lru_cache(maxsize=1)
def recorded_infer(name, version):
    """Run an ``infer-*`` recording -> {'z_slow', 'z_fast', 'y'}, y being the videos."""
    recording = load(name, version)
    networks = _build_recorded(recording)
    _to_device(networks)
    with backend.seeded(_seed(recording, 'infer')):
        made = make_video(networks['fsgen'], networks['vgen'], recording.meta['n'])
    return dict(zip(('y', 'z_slow', 'z_fast'), map(backend.fetch, made), strict=True))
