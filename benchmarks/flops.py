"""Counts the arithmetic of convolutions and linear layers by their definitions.

A multiplication and an addition are two operations (FLOP). Of every convolution two counts are
made: of all products of its definition, which is what is usually quoted, and without those in
which one factor is padding, which every implementation may leave out. Algorithms that form fewer
products, such as Winograd's, are counted like any other, by what they compute. Batch
normalisation, activations, biases and optimizers are not counted.
"""
import itertools
import math
from dataclasses import dataclass, replace

import chainer
import chainer.links as L
import numpy as np
from chainer.utils import conv_nd

DECONVOLUTIONS = (L.Deconvolution2D, L.DeconvolutionND)
COUNTED = (L.Linear, L.Convolution2D, L.ConvolutionND, *DECONVOLUTIONS)


@dataclass(frozen=True)
class Cost:
    """Arithmetic of one layer in all of a work."""

    layer: str          #: Such as 'D c1'.
    products: int       #: Of one pass, forward or to either gradient, by definition.
    inside: int         #: Of these, the ones with no factor in the padding.
    floats: int         #: Of one pass: input, weight and output, each of them once.
    forward: int = 1    #: How many of these passes there are, here and below.
    input_gradient: int = 0
    weight_gradient: int = 0

    @property
    def flop(self):
        """FLOP forward, to the input's gradient, to the weight's, of all, of all inside."""
        passes = self.forward, self.input_gradient, self.weight_gradient
        return (*(2 * self.products * n for n in passes), 2 * self.products * sum(passes),
                2 * self.inside * sum(passes))

    @property
    def bytes(self):
        """What all passes have to read and write, each in float32 and by itself."""
        return 4 * self.floats * (self.forward + self.input_gradient + self.weight_gradient)


class _Counter(chainer.LinkHook):
    name = 'CountProducts'

    def __init__(self):
        self.counted = []

    def forward_postprocess(self, args):
        if isinstance(args.link, COUNTED):
            self.counted.append((args.link.name, *count_layer(
                args.link, args.args[0].shape, args.out.shape), args.args[0].size + args.out.size,
                args.link.W.size))


def count_layer(link, in_shape, out_shape):
    """Products of one call of a layer without dilation, by definition and without padding.

    ``in_shape`` and ``out_shape`` are (N, C, ...).
    """
    if isinstance(link, L.Linear):
        return (in_shape[0] * link.W.size,) * 2
    # A transposed convolution is the convolution from its output to its input, turned around.
    image, positions = ((out_shape, in_shape) if isinstance(link, DECONVOLUTIONS)
                        else (in_shape, out_shape))
    ksize = link.W.shape[2:]
    stride = conv_nd.as_tuple(link.stride, len(ksize))
    pad = conv_nd.as_tuple(link.pad, len(ksize))
    channels = in_shape[0] * link.W.shape[0] * link.W.shape[1]
    return (channels * math.prod(positions[2:]) * math.prod(ksize),
            channels * math.prod(map(_taps_inside, image[2:], positions[2:], ksize, stride, pad)))


def _taps_inside(size, positions, ksize, stride, pad):
    """Pairs of an output position and a tap of the kernel that lies in the image: one dimension."""
    taps = itertools.product(range(positions), range(ksize))
    return sum(0 <= stride * position - pad + tap < size for position, tap in taps)


def count(network, link, n, *shapes):
    """Forward passes of a link's layers -> list of Cost, whose names begin with ``network``.

    ``shapes`` are its float32 inputs' for one example; ``n`` is the number of examples.
    """
    inputs = [np.zeros((1, *shape), np.float32) for shape in shapes]
    with chainer.using_config('train', False), chainer.no_backprop_mode(), _Counter() as counter:
        link(*inputs)
    return [Cost(f'{network} {name}', n * products, n * inside, n * maps + weight)
            for name, products, inside, maps, weight in counter.counted]


def of_sampling(fsgen, vgen, n):
    """Arithmetic of ``n`` generated videos -> list of Cost."""
    return (count('G0', fsgen, n, (fsgen.z_slow_dim,))
            + count('G1', vgen, n * fsgen.n_frames, (vgen.z_slow_dim,), (vgen.z_fast_dim,)))


def of_step(fsgen, vgen, vdis, batch):
    """Arithmetic of one training step of WGAN: everything its gradients need, nothing twice.

    No gradient is needed of latent vectors and of real videos. D runs on ``batch`` fakes and as
    many real videos, and one backward pass through the fakes serves both losses -> list of Cost.
    """
    side = 16 * vgen.bottom_width
    critic = count('D', vdis, batch, (vgen.out_channels, fsgen.n_frames, side, side))
    return [*(replace(row, input_gradient=int(row.layer not in ('G0 dc0', 'G1 l0s')),
                      weight_gradient=1) for row in of_sampling(fsgen, vgen, batch)),
            *(replace(row, forward=2, input_gradient=1 if row.layer == 'D c0' else 2,
                      weight_gradient=2) for row in critic)]


def total(rows):
    """FLOP of all rows by definition, and without padding."""
    return _sums(rows)[-2:]


def _sums(rows):
    return tuple(map(sum, zip(*(row.flop for row in rows), strict=True)))


def table(rows):
    """The rows as text, in GFLOP."""
    header = ('forward', 'input grad.', 'weight grad.', 'total', 'without padding')
    lines = [(row.layer, row.flop) for row in rows] + [('all', _sums(rows))]
    return '\n'.join(['layer   ' + ''.join(f'{name:>17}' for name in header), *(
        f'{name:<8}' + ''.join(f'{value / 1e9:>17.3g}' for value in flop) for name, flop in lines)])
