"""Layer 1: the shapes that the reading notes print (FACTS §8), from networks that really run."""
import itertools

from parity import runs
from parity.registry import Check
from parity.result import Result, match
from reference import paper, recordings

RECORDING = ('forward-mnist_uniform-b16-seed0-train', '2.0.2')
"""Batch 16, one channel, latent vectors of 100: the notes' setting."""


def trace(network):
    """The notes' trace of one network, 'G0', 'G1' or 'D', beside ours."""
    z_slow, video = recordings.forward_inputs(runs.load(*RECORDING))
    outputs = runs.forward(*RECORDING).stages[network]
    ours = {'G0': _g0, 'G1': _g1, 'D': _d}[network](z_slow, video, outputs)
    comparisons, lines = [], [f'{"notes":<42}ours']
    # A line too few or too many shows as a difference, too.
    for line, found in itertools.zip_longest(paper.trace(network), ours):
        tag = line.tag if line else '?'
        noted = _spaced(line.text) if line else 'nothing'
        comparisons.append(match(network, f'debug {tag}', found, noted,
                                 'a shape is right or wrong', 'reading notes'))
        lines.append(f'{f"debug {tag}: {noted}":<42}debug {tag}: {found}')
    return Result(comparisons=tuple(comparisons), text='\n'.join(lines))


def _g0(z_slow, video, outputs):
    """z_slow as a signal of length 1, then every activation."""
    return [_shape(array) for array in _of_functions(outputs)]


def _g1(z_slow, video, outputs):
    """The input; each branch flat and as a map; both; their concatenation; every activation."""
    slow, slow_map, fast, fast_map, *rest = _of_functions(outputs)
    return [_shape(z_slow),
            f'{_shape(slow)} -> {_shape(slow_map)}', f'{_shape(fast)} -> {_shape(fast_map)}',
            f'{_shape(slow_map)} {_shape(fast_map)}', *(_shape(array) for array in rest)]


def _d(z_slow, video, outputs):
    """The input; every activation; frames as examples; the score and its dtype."""
    _, score = outputs[-1]
    return [_shape(video), *(_shape(array) for array in _of_functions(outputs)),
            f'{_shape(score)} {score.dtype}']


def _of_functions(outputs):
    """What activations, reshapes and concatenations made: links are named 'NETWORK/LINK'."""
    return [array for name, array in outputs if '/' not in name]


def _shape(array):
    return str(array.shape)


def _spaced(text):
    """The notes' shapes as Python writes them: '(16,4096)->(16,256,4,4)' gets its blanks."""
    return text.replace(',', ', ').replace('->', ' -> ')


CHECKS = tuple(Check(f'shapes/{network}', trace, (network,), group='shapes')
               for network in ('G0', 'G1', 'D'))
