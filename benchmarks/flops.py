"""Counts the arithmetic of convolutions and linear layers by their definitions.

A multiplication and an addition are two operations (FLOP). Of every convolution two counts are
made: of all products of its definition, which is what is usually quoted, and without those in
which one factor is padding, which every implementation may leave out. Algorithms that form fewer
products, such as Winograd's, are counted like any other, by what they compute. Batch
normalisation, activations, biases and optimizers are not counted.
"""
import itertools
import math
from dataclasses import dataclass

import chainer
import chainer.links as L
import numpy as np
from chainer.utils import conv_nd

CONVOLUTIONS = (L.Convolution2D, L.ConvolutionND)
DECONVOLUTIONS = (L.Deconvolution2D, L.DeconvolutionND)


@dataclass(frozen=True)
class Products:
    """Products of one layer, once: forward, or either of its gradients, which take as many.

    Attributes:
        layer (str): Name of the link.
        all (int): By definition.
        inside (int): Of these, the ones with no factor in the padding.
    """

    layer: str
    all: int
    inside: int


@dataclass(frozen=True)
class Row:
    """Arithmetic of one layer in all of a work.

    Attributes:
        layer (str): Such as 'D c1'.
        forward, input_gradient, weight_gradient (int): FLOP by definition.
        inside (int): Their sum without padding.
    """

    layer: str
    forward: int
    input_gradient: int
    weight_gradient: int
    inside: int

    @property
    def total(self):
        """FLOP by definition."""
        return self.forward + self.input_gradient + self.weight_gradient


class _Counter(chainer.LinkHook):
    name = 'CountProducts'

    def __init__(self):
        self.counted = []

    def forward_postprocess(self, args):
        if isinstance(args.link, (*CONVOLUTIONS, *DECONVOLUTIONS, L.Linear)):
            self.counted.append(count_layer(args.link, args.args[0].shape, args.out.shape))


def count_layer(link, in_shape, out_shape):
    """Products of one call of a convolution, transposed convolution or linear layer.

    Args:
        link: Without dilation, which no network here has.
        in_shape, out_shape (tuple): (N, C, ...) of its input and output.

    Returns:
        Products
    """
    if isinstance(link, L.Linear):
        products = in_shape[0] * link.W.size
        return Products(link.name, products, products)
    # A transposed convolution is the convolution from its output to its input, turned around.
    image, positions = ((out_shape, in_shape) if isinstance(link, DECONVOLUTIONS)
                        else (in_shape, out_shape))
    ksize = link.W.shape[2:]
    stride = conv_nd.as_tuple(link.stride, len(ksize))
    pad = conv_nd.as_tuple(link.pad, len(ksize))
    inside = math.prod(map(_taps_inside, image[2:], positions[2:], ksize, stride, pad))
    channels = in_shape[0] * link.W.shape[0] * link.W.shape[1]
    return Products(link.name, channels * math.prod(positions[2:]) * math.prod(ksize),
                    channels * inside)


def _taps_inside(size, positions, ksize, stride, pad):
    """Pairs of an output position and a tap of the kernel that lies in the image: one dimension."""
    taps = itertools.product(range(positions), range(ksize))
    return sum(0 <= stride * position - pad + tap < size for position, tap in taps)


def count(link, *shapes):
    """Products of the layers of ``link``, in one forward pass in test mode -> list of Products.

    Args:
        link (chainer.Link): On the CPU.
        *shapes (tuple): Of its float32 inputs.
    """
    inputs = [np.zeros(shape, np.float32) for shape in shapes]
    with (chainer.using_config('train', False), chainer.no_backprop_mode(),
          _Counter() as counter):
        link(*inputs)
    return counter.counted


def of_step(fsgen, vgen, vdis, batch, backward_passes):
    """Arithmetic of one training step: everything its gradients need, nothing twice.

    No gradient is needed of latent vectors and of real videos. D runs on fakes and on real videos.

    Args:
        fsgen, vgen, vdis: G0, G1 and D, on the CPU.
        batch (int): Videos.
        backward_passes (int): Passes that the losses need through D's fake batch: 1 where one
            loss is, there, the other negated (WGAN); else 2.

    Returns:
        List of Row.
    """
    frames, side = fsgen.n_frames, 16 * vgen.bottom_width
    rows = []
    for products in count(fsgen, (1, fsgen.z_slow_dim)):
        rows.append(_row('G0', products, batch, inputs=products.layer != 'dc0'))
    for products in count(vgen, (1, vgen.z_slow_dim), (1, vgen.z_fast_dim)):
        rows.append(_row('G1', products, batch * frames, inputs=products.layer != 'l0s'))
    for products in count(vdis, (1, vgen.out_channels, frames, side, side)):
        inputs = 1 if products.layer == 'c0' else 1 + backward_passes
        rows.append(_row('D', products, batch, forwards=2, inputs=inputs, weights=2))
    return rows


def of_sampling(fsgen, vgen, n):
    """Arithmetic of ``n`` generated videos -> list of Row."""
    return [*(_row('G0', products, n, inputs=0, weights=0)
              for products in count(fsgen, (1, fsgen.z_slow_dim))),
            *(_row('G1', products, n * fsgen.n_frames, inputs=0, weights=0)
              for products in count(vgen, (1, vgen.z_slow_dim), (1, vgen.z_fast_dim)))]


def of_c3d(network, n, shape):
    """Arithmetic of C3D on ``n`` clips of a shape -> list of Row."""
    return [_row('C3D', products, n, inputs=0, weights=0)
            for products in count(network, (1, *shape))]


def _row(network, products, examples, forwards=1, inputs=1, weights=1):
    flop = 2 * products.all * examples
    return Row(f'{network} {products.layer}', forwards * flop, int(inputs) * flop, weights * flop,
               2 * products.inside * examples * (forwards + int(inputs) + weights))


def total(rows):
    """FLOP of all rows by definition, and without padding."""
    return sum(row.total for row in rows), sum(row.inside for row in rows)


def table(rows):
    """The rows as text, in GFLOP."""
    header = ('layer', 'forward', 'input grad.', 'weight grad.', 'total', 'without padding')
    lines = [(row.layer, *(f'{value / 1e9:.3g}' for value in (
        row.forward, row.input_gradient, row.weight_gradient, row.total, row.inside)))
        for row in rows]
    sums = [sum(getattr(row, name) for row in rows) / 1e9 for name in (
        'forward', 'input_gradient', 'weight_gradient', 'total', 'inside')]
    lines.append(('all', *(f'{value:.3g}' for value in sums)))
    return '\n'.join(f'{name:<8}' + ''.join(f'{value:>17}' for value in values)
                     for name, *values in [header, *lines])
