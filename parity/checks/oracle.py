"""Layer 8: our networks and updaters against equations, without Chainer and without recordings.

The inputs are another seed's, and no array keeps its initial value, as the recordings' do: biases
are not zero, gammas not one, statistics have moved. So a mistake that Chainer's two releases share,
or that initial values hide, would show.
"""
import chainer
import numpy as np

from parity import backend, replay, tolerances
from parity.registry import Check
from parity.result import Result, compare, match
from reference import recordings
from reference.oracle import networks, optimizers, training
from tgan_chainer.hooks.singular_value_clipping import METHODS, SingularValueClipping

SEED = 7
BATCH = 3
ORACLE = 'NumPy oracle'
UPDATES = 4

UPDATERS = {
    'svc': ('TGANUpdaterWGANSVC', {'freq': 2}, 'small'),
    'svc_shuffle': ('TGANUpdaterWGANSVC', {'freq': 2, 'shuffle_time_order': 0.5}, 'small'),
    'clip': ('TGANUpdaterWGANClip', {}, 'small'),
    'lsgan': ('TGANUpdaterLSGAN', {}, 'small'),
    'vanilla': ('TGANUpdaterVanilla', {}, 'small_noise'),
}
"""Class, arguments and configuration of each updater."""

NOISY_MEANS = frozenset(
    f'{network}.bn{layer[-1]}.avg_mean'
    for network, layer, _ in (name.split('.') for name in recordings.ROUNDING_NOISE))
"""Running means of what a rounding-noise bias was added to: they carry its noise."""


def setup(configuration, version):
    """Our networks with moved arrays, and the oracle's with the same -> ours, models, states."""
    configuration = recordings.configurations()[configuration]
    ours = replay.build(configuration, version, SEED)
    rs = np.random.RandomState(SEED)
    for network in ours.values():
        replay.cast(network, 'float64')
        _move(network, rs)
    states = {name: _state(network) for name, network in ours.items()}
    return ours, networks.build_models(configuration), states


def _move(network, rs):
    """Draw anew what starts at 0 or 1."""
    for path, param in network.namedparams():
        if path.endswith(('/b', '/beta')):
            param.array[...] = rs.uniform(-0.2, 0.2, param.shape)
        elif path.endswith('/gamma'):
            param.array[...] = rs.uniform(0.5, 1.5, param.shape)
    for link in network.children():
        for name in link._persistent:
            if name == 'avg_mean':
                link.avg_mean[...] = rs.uniform(-0.5, 0.5, link.avg_mean.shape)
            elif name == 'avg_var':
                link.avg_var[...] = rs.uniform(0.5, 2, link.avg_var.shape)


def _state(network):
    """A copy of the arrays under the keys of a snapshot."""
    return {key: np.array(value)
            for key, value in chainer.serializers.npz.serialize(network).items()}


def forward_pass(configuration, version, train):
    """Every tensor of G0, G1 and D, and the statistics after."""
    ours, models, states = setup(configuration, version)
    rs = np.random.RandomState(SEED + 1)
    z_slow = rs.uniform(-1, 1, (BATCH, models['fsgen'].z_slow_dim))
    video = rs.uniform(-1, 1, (BATCH, models['vdis'].in_channels, 16, 64, 64))
    made = replay.forward(ours, z_slow, video, train, SEED)
    mode = networks.Mode(train, _statistics(version), np.random.RandomState(SEED))
    seeds = models['fsgen'].forward(states['fsgen'], z_slow, mode)
    frames = models['vgen'].forward(
        states['vgen'], z_slow, networks.output(seeds)[:, :, 0], mode)
    scores = models['vdis'].forward(states['vdis'], video, mode)
    comparisons = []
    for network, steps in (('G0', seeds), ('G1', frames), ('D', scores)):
        # D adds its noise between two links, where no call is recorded.
        steps = [step for step in steps if step.layer.name != 'noise']
        names = [name.split('/')[-1] for name, _ in made.stages[network]]
        comparisons.append(match(network, 'order of calls', names,
                                 [step.layer.name for step in steps], 'the layers as they run',
                                 ORACLE))
        comparisons += [compare(network, name, array, step.output, *tolerances.FORWARD_64, ORACLE)
                        for (name, array), step in zip(made.stages[network], steps, strict=False)]
    for key, array in made.statistics.items():
        network, layer, kind = key.split('.')
        comparisons.append(compare('statistics', key, array, states[network][f'{layer}/{kind}'],
                                   *tolerances.FORWARD_64, ORACLE))
    return Result(comparisons=tuple(comparisons))


def train(updater, version, updates=UPDATES):
    """Losses, gradients of the first update, parameters and statistics after the last."""
    cls, kwargs, configuration = UPDATERS[updater]
    ours, models, states = setup(configuration, version)
    videos = recordings.synthetic_videos(8, models['vdis'].in_channels, SEED)
    made = replay.train(ours, cls, kwargs, videos, BATCH, updates, SEED, 'float64')
    oracle = training.Training(
        models, states, training.updater(cls, **kwargs), np.random.RandomState(SEED),
        _statistics(version))
    losses, grads1 = [], {}
    for i in range(updates):
        losses.append(oracle.update(videos[np.arange(i * BATCH, (i + 1) * BATCH) % len(videos)]))
        grads1 = grads1 or {key: dict(grads) for key, grads in oracle.grads.items()}
    comparisons = [
        compare('losses', key, [step.get(key, np.nan) for step in made.losses],
                [step[key] for step in losses], *tolerances.TRAJECTORY_64, ORACLE)
        for key in losses[0]]
    comparisons += _per_tensor('gradients', made.grads1, grads1, tolerances.GRADIENTS_64)
    comparisons += _per_tensor('parameters', made.params, oracle.states, tolerances.TRAJECTORY_64)
    statistics = {f'{network}.{key.replace("/", ".")}': array
                  for network, link in ours.items() for key, array in _state(link).items()
                  if key.endswith(('avg_mean', 'avg_var'))}
    comparisons += _per_tensor('statistics', statistics, oracle.states, tolerances.TRAJECTORY_64)
    return Result(comparisons=tuple(comparisons),
                  excluded=tuple(sorted(recordings.ROUNDING_NOISE | NOISY_MEANS)))


def _per_tensor(stage, ours, theirs, tolerance):
    for name, array in ours.items():
        if name not in recordings.ROUNDING_NOISE | NOISY_MEANS:
            network, layer, kind = name.split('.')
            yield compare(stage, name, array, theirs[network][f'{layer}/{kind}'], *tolerance,
                          ORACLE)


def clipping(method):
    """Singular value clipping of weights well above the bound, and of gammas on all sides of it."""
    ours, _, states = setup('small', '2.0.2')
    critic, state = ours['vdis'], states['vdis']
    rs = np.random.RandomState(SEED + 2)
    for path, param in critic.namedparams():
        if param.ndim >= 4:
            param.array *= 2
        elif path.endswith('/gamma'):
            # Below, inside and above [0.01 s, s]; negative ones too.
            param.array[...] = rs.uniform(-0.5, 2.5, param.shape)
            param.array[:2] = 1e-3, 5e-3
    state = _state(critic)
    critic.to_device(backend.device)
    before = replay.singular_values(critic)
    SingularValueClipping(method=method).clip(critic)
    optimizers.singular_value_clipping(state)
    comparisons = [
        compare('D', path[1:], backend.fetch(param.array), state[path[1:]], *tolerances.SVC_64,
                ORACLE)
        for path, param in critic.namedparams()]
    after = replay.singular_values(critic)
    theirs = {name: np.linalg.svd(state[f'{name}/W'].reshape(len(state[f'{name}/W']), -1),
                                  compute_uv=False) for name in after}
    return Result(comparisons=tuple(comparisons), data={'spectra': {
        name: {'before': before[name].tolist(), 'after': after[name].tolist(),
               'oracle': theirs[name].tolist()} for name in after}})


def _statistics(version):
    return f'chainer{version[0]}'


CHECKS = (
    *(Check(f'oracle/forward-{configuration}-{"train" if train_mode else "test"}/'
            f'chainer-{version}', forward_pass, (configuration, version, train_mode), 1)
      for version in recordings.CHAINERS for configuration in ('small', 'small_noise')
      for train_mode in (True, False)),
    *(Check(f'oracle/train-{updater}/chainer-{version}', train, (updater, version), 5)
      for version in recordings.CHAINERS for updater in UPDATERS
      # Without clipping no update reads the running statistics, which are all that differs.
      if version == '2.0.2' or 'svc' in updater),
    *(Check(f'oracle/clipping-{method}', clipping, (method,), 0.2) for method in METHODS),
)
