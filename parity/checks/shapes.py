"""Layer 1: the shapes that the reading notes print (FACTS §8), from networks that really run."""
import itertools

from parity import replay
from parity.check import Check, Comparisons, Outcome
from reference import paper, recordings

RECORDING = ('forward-mnist_uniform-b16-seed0-train', '2.0.2')
"""Batch 16, one channel, latent vectors of 100: the notes' setting."""


def trace(network):
    """The notes' trace of one network, 'G0', 'G1' or 'D', beside ours."""
    z_slow, video = recordings.forward_inputs(replay.load(*RECORDING))
    outputs = replay.recorded_forward(*RECORDING).stages[network]
    # What activations, reshapes and concatenations made: links are named 'NETWORK/LINK'.
    shapes = [str(array.shape) for name, array in outputs if '/' not in name]
    if network == 'G1':    # each branch flat and as a map, then both maps
        slow, slow_map, fast, fast_map, *rest = shapes
        shapes = [str(z_slow.shape), f'{slow} -> {slow_map}', f'{fast} -> {fast_map}',
                  f'{slow_map} {fast_map}', *rest]
    elif network == 'D':
        _, score = outputs[-1]
        shapes = [str(video.shape), *shapes, f'{score.shape} {score.dtype}']
    found, lines = Comparisons('reading notes'), [f'{"notes":<42}ours']
    # A line too few or too many shows as a difference, too.
    for (tag, noted), ours in itertools.zip_longest(paper.trace(network), shapes,
                                                    fillvalue=('?', 'nothing')):
        # As Python writes them: '(16,4096)->(16,256,4,4)' gets its blanks.
        noted = noted.replace(',', ', ').replace('->', ' -> ')
        found.equal(network, f'debug {tag}', ours, noted, 'a shape is right or wrong')
        lines.append(f'{f"debug {tag}: {noted}":<42}debug {tag}: {ours}')
    return Outcome(comparisons=found, text='\n'.join(lines))


CHECKS = tuple(Check(f'shapes/{network}', trace, (network,), group='shapes')
               for network in ('G0', 'G1', 'D'))
