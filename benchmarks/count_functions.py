"""What a training step asks of a device: Chainer's functions by kind, and the bytes they read.

    python -m benchmarks.count_functions

A function of Chainer is one kernel on a GPU or a few; which ones depends on cuDNN's choices. So
what is counted is the functions, on the CPU, with Chainer's own kernels, in the update of TGAN with
singular value clipping (the second, without a clipping). Counts do not depend on sizes.
"""
import collections

import chainer

from benchmarks import recipe
from benchmarks.ours_worker import build_updater

KINDS = {
    'convolutions and their gradients': ('Convolution', 'Deconvolution'),
    'batch normalisation': ('BatchNormalization',),
    'activations': ('ReLU', 'LeakyReLU', '_LeakyReLU', 'Tanh'),
    'sums of gradients': ('Add',),
    'sums over axes (gradients of biases, losses)': ('Sum', 'SumTo'),
    'linear layers': ('Linear',),
    'moves (concatenate, split, transpose, broadcast)': (
        'Concat', 'SplitAxis', 'Transpose', 'BroadcastTo'),
    'of scalars': ('MulConstant', 'Neg', 'Sub'),
    'views (reshape)': ('Reshape', 'ExpandDims'),
}
"""Kind -> beginnings of the names of its functions."""


class FunctionCounter(chainer.FunctionHook):
    """Counts functions, forward and backward, and the bytes of their inputs.

    Attributes:
        counts, nbytes (collections.Counter): By kind.
    """

    name = 'FunctionCounter'

    def __init__(self):
        self.counts = collections.Counter()
        self.nbytes = collections.Counter()

    def forward_postprocess(self, function, in_data):
        kind = kind_of(type(function).__name__)
        self.counts[kind] += 1
        self.nbytes[kind] += sum(array.nbytes for array in in_data if array is not None)


def kind_of(name):
    """The kind of a function by the name of its class.

    Raises:
        KeyError: No kind has it.
    """
    for kind, beginnings in KINDS.items():
        if any(name.startswith(beginning) for beginning in beginnings):
            return kind
    raise KeyError(f'{name} belongs to none of the kinds in {__name__}')


def count(algorithm, batch, size):
    """Counts of the second update of 'ours' or the 'authors' -> FunctionCounter."""
    with chainer.using_config('tgan_cpu_kernels', 'chainer'):
        updater = build_updater('svc', algorithm, batch, size, freq=recipe.UPDATES_A_CYCLE)
        updater.update()
        with FunctionCounter() as counter:
            updater.update()
    return counter


def main():
    """Print the table of docs/decisions.md."""
    authors, ours = (count(algorithm, 2, recipe.FULL) for algorithm in ('authors', 'ours'))
    print('| functions in an update | authors\' algorithm | here |\n|---|---|---|')
    for kind in KINDS:
        print(f'| {kind} | {authors.counts[kind]} | {ours.counts[kind]} |')
    print(f'| all | {authors.counts.total()} | {ours.counts.total()} |')
    print(f'bytes read: {1 - ours.nbytes.total() / authors.nbytes.total():.0%} fewer here')


if __name__ == '__main__':
    main()
