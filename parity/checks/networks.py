"""Layers 1 to 3: what networks hold, and every tensor that they make."""
import itertools

from parity import driver, replay, tolerances
from parity.check import Check, Comparisons, Outcome
from reference import paper, recordings

# -- 1: the shapes that the reading notes print (FACTS §8), from networks that really run ----------

RECORDING = ('forward-mnist_uniform-b16-seed0-train', '2.0.2')
"""Batch 16, one channel, latent vectors of 100: the notes' setting."""


def trace(network):
    """The notes' trace of one network, 'G0', 'G1' or 'D', beside ours."""
    z_slow, video = recordings.forward_inputs(replay.load(*RECORDING))
    outputs = recordings.stages(replay.recorded(*RECORDING), network)
    # What activations, reshapes and concatenations made: links are named 'NETWORK/LINK'.
    shapes = [str(stage.values.shape) for stage in outputs if '/' not in stage.name]
    if network == 'G1':    # each branch flat and as a map, then both maps
        slow, slow_map, fast, fast_map, *rest = shapes
        shapes = [str(z_slow.shape), f'{slow} -> {slow_map}', f'{fast} -> {fast_map}',
                  f'{slow_map} {fast_map}', *rest]
    elif network == 'D':
        score = outputs[-1].values
        shapes = [str(video.shape), *shapes, f'{score.shape} {score.dtype}']
    found, lines = Comparisons('reading notes'), [f'{"notes":<42}ours']
    # A line too few or too many shows as a difference, too.
    for (tag, noted), ours in itertools.zip_longest(paper.document()['traces'][network], shapes,
                                                    fillvalue=('?', 'nothing')):
        # As Python writes them: '(16,4096)->(16,256,4,4)' gets its blanks.
        noted = noted.replace(',', ', ').replace('->', ' -> ')
        found.equal(network, f'debug {tag}', ours, noted, 'a shape is right or wrong')
        lines.append(f'{f"debug {tag}: {noted}":<42}debug {tag}: {ours}')
    return Outcome(comparisons=found, text='\n'.join(lines))


# -- 2: what a network holds, and that one seed gives the authors' bytes ---------------------------

N_ARRAYS = 736
"""Initial arrays of all configurations on one release of Chainer."""


def initial_state(configuration, version):
    """Keys, dtypes, shapes and bytes of the three networks of a configuration."""
    recorded = _recorded(version)[configuration]
    found = replay.against('init-seed0', version)
    with replay.statistics_of(version):
        made = replay.run('init', {'seed': 0, 'models': {configuration: recorded}}, {})
    for name, network in made.meta['models'][configuration].items():
        ours, theirs = ({entry['key']: entry for entry in of['state']}
                        for of in (network, recorded[name]))
        found.equal(name, 'keys', sorted(ours), sorted(theirs), "the authors' snapshots must load")
        for key in sorted(ours.keys() & theirs.keys()):
            found.equal(name, key, ours[key], theirs[key], 'the same seed draws the same bytes',
                        ours[key]['shape'])
    return found


def count(version):
    """That the configurations hold as many arrays as were recorded, so that none is overlooked."""
    n_arrays = sum(len(network['state']) for configuration in _recorded(version).values()
                   for network in configuration.values())
    found = replay.against('init-seed0', version)
    found.equal('all configurations', 'arrays', n_arrays, N_ARRAYS, 'every array is compared')
    return Outcome(comparisons=found, text=f'{n_arrays} arrays above')


def _recorded(version):
    return recordings.load('init-seed0', version).meta['models']


# -- 3: every tensor of a forward pass, the running statistics after it, and sampling --------------


def forward_pass(name, version):
    """Tensors and statistics of a ``forward-*`` recording."""
    recording = replay.load(name, version)
    ours = replay.recorded(name, version)
    found = replay.against(name, version)
    for network in ours.meta['stages']:
        made, stages = (recordings.stages(each, network) for each in (ours, recording))
        found.equal(network, 'order of calls', [stage.name for stage in made],
                    [stage.name for stage in stages], 'the layers as they run')
        # The order was compared: here a pair too few must not hide it.
        for stage, theirs in zip(made, stages, strict=False):
            found.recorded(network, stage.values, theirs,
                           _tolerance(recording, network, theirs.name))
    statistics, recorded = (recordings.arrays(each, 'stat_') for each in (ours, recording))
    found.equal('statistics', 'keys', sorted(statistics), sorted(recorded), 'none is left out')
    for key in sorted(statistics.keys() & recorded.keys()):
        found.close('statistics', key, statistics[key], recorded[key],
                    _tolerance(recording, 'statistics', key))
    return found


def _tolerance(recording, network, tensor):
    if recording.meta.get('dtype') == 'float64':
        return tolerances.FORWARD_64
    untrained_test = recording.chainer == '2.0.2' and not recording.meta['train']
    # G1 is fed with what G0's tanh made.
    after_tanh = tensor == 'tanh' or network == 'G1'
    return tolerances.SATURATED_32 if untrained_test and after_tanh else tolerances.FORWARD_32


def make_video(name, version):
    """What ``infer.py`` samples: latent vectors and videos of an ``infer-*`` recording."""
    recording = replay.load(name, version)
    ours = replay.recorded(name, version).arrays
    video = ours['y_strided']
    tolerance = tolerances.SATURATED_32 if version == '2.0.2' else tolerances.FORWARD_32
    found = replay.against(name, version)
    found.equal('z_slow', 'bytes', ours['z_slow'].tobytes() == recording.arrays['z_slow'].tobytes(),
                True, 'the same seed draws the same bytes', ours['z_slow'].shape)
    found.equal('video', 'shape', list(video.shape), recording.meta['y_shape'],
                'a shape is right or wrong')
    found.close('z_fast', 'tanh', ours['z_fast'], recording.arrays['z_fast'], tolerance)
    found.close('video', 'y', driver.sampled(video, replay.LIMITS['infer'])[0],
                recording.arrays['y_strided'].ravel(), tolerance, video.shape)
    return found


CHECKS = (
    *(Check(f'shapes/{network}', trace, (network,), group='shapes')
      for network in ('G0', 'G1', 'D')),
    *(Check(f'state/{configuration}/chainer-{version}', initial_state, (configuration, version))
      for version in recordings.CHAINERS for configuration in recordings.configurations(version)),
    *(Check(f'state/count/chainer-{version}', count, (version,), cost=0.1)
      for version in recordings.CHAINERS),
    # The notes' traces are of one of these passes.
    *(Check(replay.check_name('forward', name, version), forward_pass, (name, version),
            group='shapes' if (name, version) == RECORDING else '')
      for name, version in replay.every('forward-')),
    *(Check(replay.check_name('forward', name, version).replace('forward/', 'forward/sampling-'),
            make_video, (name, version), cost=2)
      for name, version in replay.every('infer-')))
