"""Layer 8: our networks and updaters against equations, without Chainer and without recordings.

The inputs are another seed's, and no array keeps its initial value, as the recordings' do: biases
are not zero, gammas not one, statistics have moved. So a mistake that Chainer's two releases share,
or that initial values hide, would show.
"""
import numpy as np

from parity import driver, replay, tolerances
from parity.check import Check, Comparisons, Outcome
from reference import recordings
from reference.oracle import networks, objectives, training
from tgan_chainer.hooks.singular_value_clipping import METHODS, SingularValueClipping

SEED = 7
BATCH = 3
ORACLE = 'NumPy oracle'
UPDATES = 4
REQUEST = {'dtype': 'float64', 'limit': None, 'seeds': {'forward': SEED, 'training': SEED}}
"""Of :mod:`parity.driver`."""

UPDATERS = {
    'svc': ('TGANUpdaterWGANSVC', {'freq': 2}, 'small'),
    'svc_shuffle': ('TGANUpdaterWGANSVC', {'freq': 2, 'shuffle_time_order': 0.5}, 'small'),
    'clip': ('TGANUpdaterWGANClip', {}, 'small'),
    'lsgan': ('TGANUpdaterLSGAN', {}, 'small'),
    'vanilla': ('TGANUpdaterVanilla', {}, 'small_noise'),
}
"""Class, arguments and configuration of each updater."""

EXCLUDED = recordings.ROUNDING_NOISE | {
    f'{network}.bn{layer[-1]}.avg_mean'
    for network, layer, _ in (name.split('.') for name in recordings.ROUNDING_NOISE)}
"""Rounding-noise biases, and the running means of what they were added to, which carry it on."""


def setup(configuration, version):
    """Our networks with moved arrays, and the oracle's with the same -> ours, models, states."""
    configuration = recordings.configurations()[configuration]
    ours = replay.build(configuration, version, SEED, 'float64')
    rs = np.random.RandomState(SEED)
    for network in ours.values():
        _move(network, rs)
    states = {name: driver.state(network) for name, network in ours.items()}
    return ours, networks.build_models(configuration), states


def _move(network, rs):
    """Draw anew what starts at 0 or 1."""
    for path, param in network.namedparams():
        if path.endswith(('/b', '/beta')):
            param.array[...] = rs.uniform(-0.2, 0.2, param.shape)
        elif path.endswith('/gamma'):
            param.array[...] = rs.uniform(0.5, 1.5, param.shape)
    for link in network.children():
        for name, low, high in (('avg_mean', -0.5, 0.5), ('avg_var', 0.5, 2)):
            if name in link._persistent:
                array = getattr(link, name)
                array[...] = rs.uniform(low, high, array.shape)


def forward_pass(configuration, version, train):
    """Every tensor of G0, G1 and D, and the statistics after."""
    ours, models, states = setup(configuration, version)
    rs = np.random.RandomState(SEED + 1)
    z_slow = rs.uniform(-1, 1, (BATCH, len(states['fsgen']['dc0/W'])))
    video = rs.uniform(-1, 1, (BATCH, states['vdis']['c0/W'].shape[1], 16, 64, 64))
    made = replay.run('forward', {'train': train, **REQUEST}, {'z_slow': z_slow, 'video': video},
                      ours)
    mode = networks.Mode(train, _statistics(version), np.random.RandomState(SEED))
    seeds = networks.run_forward(models['fsgen'], states['fsgen'], z_slow, mode)
    frames = models['vgen'].forward(states['vgen'], z_slow, networks.output(seeds)[:, :, 0], mode)
    scores = networks.run_forward(models['vdis'], states['vdis'], video, mode)
    found = Comparisons(ORACLE)
    for network, steps in (('G0', seeds), ('G1', frames), ('D', scores)):
        # D adds its noise between two links, where no call is recorded.
        steps = [step for step in steps if step.name != 'noise']
        calls = recordings.stages(made, network)
        found.equal(network, 'order of calls', [call.name.split('/')[-1] for call in calls],
                    [step.name for step in steps], 'the layers as they run')
        for call, step in zip(calls, steps, strict=False):
            found.close(network, call.name, call.values, step.output, tolerances.FORWARD_64)
    for key, array in recordings.arrays(made, 'stat_').items():
        found.close('statistics', key, array, _of_oracle(states, key), tolerances.FORWARD_64)
    return found


def _of_oracle(states, name):
    """The oracle's 'vdis.c0.W', say."""
    network, layer, kind = name.split('.')
    return states[network][f'{layer}/{kind}']


def train(updater, version, updates=UPDATES):
    """Losses, gradients of the first update, parameters and statistics after the last."""
    cls, kwargs, configuration = UPDATERS[updater]
    ours, models, states = setup(configuration, version)
    videos = recordings.synthetic_videos(8, states['vdis']['c0/W'].shape[1], SEED)
    made = replay.run('train', {
        'updater': {'cls': cls, 'kwargs': kwargs}, 'batch': BATCH, 'lr': 5e-5,
        'n_updates': updates, **REQUEST}, {'videos': videos}, ours)
    oracle = training.Training(
        models, states, cls, kwargs, np.random.RandomState(SEED), _statistics(version))
    losses, grads1 = [], {}
    for i in range(updates):
        losses.append(oracle.update(videos[np.arange(i * BATCH, (i + 1) * BATCH) % len(videos)]))
        grads1 = grads1 or {key: dict(grads) for key, grads in oracle.grads.items()}
    statistics = {f'{network}.{key.replace("/", ".")}': array
                  for network, link in ours.items() for key, array in driver.state(link).items()
                  if key.endswith(('avg_mean', 'avg_var'))}
    found = Comparisons(ORACLE)
    for key in losses[0]:
        found.close('losses', key,
                    [step['loss'].get(key, np.nan) for step in made.meta['trace']],
                    [step[key] for step in losses], tolerances.TRAJECTORY_64)
    for stage, arrays, theirs, tolerance in (
            ('gradients', recordings.arrays(made, 'grad1.'), grads1, tolerances.GRADIENTS_64),
            ('parameters', recordings.arrays(made, 'param.'), oracle.states,
             tolerances.TRAJECTORY_64),
            ('statistics', statistics, oracle.states, tolerances.TRAJECTORY_64)):
        for name in sorted(arrays.keys() - EXCLUDED):
            found.close(stage, name, arrays[name], _of_oracle(theirs, name), tolerance)
    return Outcome(comparisons=found, excluded=tuple(sorted(EXCLUDED)))


def clipping(method):
    """Singular value clipping of weights well above the bound, and of gammas on all sides of it."""
    ours, _, _ = setup('small', '2.0.2')
    critic = ours['vdis']
    rs = np.random.RandomState(SEED + 2)
    for path, param in critic.namedparams():
        if param.ndim >= 4:
            param.array *= 2
        elif path.endswith('/gamma'):
            # Below, inside and above [0.01 s, s]; negative ones too.
            param.array[...] = rs.uniform(-0.5, 2.5, param.shape)
            param.array[:2] = 1e-3, 5e-3
    theirs = driver.state(critic)
    replay.OURS.place(critic)
    SingularValueClipping(method=method).clip(critic)
    objectives.singular_value_clipping(theirs)
    found = Comparisons(ORACLE)
    for path, param in critic.namedparams():
        found.close('D', path[1:], driver.array_of(param), theirs[path[1:]], tolerances.SVC_64)
    return found


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
