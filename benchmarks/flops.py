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

DECONVOLUTIONS = (L.Deconvolution2D, L.DeconvolutionND)
COUNTED = (L.Linear, L.Convolution2D, L.ConvolutionND, *DECONVOLUTIONS)


@dataclass(frozen=True)
class Row:
    """Arithmetic of one layer in all of a work.

    Attributes:
        layer (str): Such as 'D c1'.
        products (int): Of one pass, forward or to either gradient, by definition.
        inside (int): Of these, the ones with no factor in the padding.
        forward, input_gradient, weight_gradient (int): How many of these passes there are.
    """

    layer: str
    products: int
    inside: int
    forward: int = 1
    input_gradient: int = 0
    weight_gradient: int = 0

    @property
    def flop(self):
        """FLOP forward, to the input's gradient, to the weight's, of all, of all inside."""
        passes = self.forward, self.input_gradient, self.weight_gradient
        return (*(2 * self.products * n for n in passes), 2 * self.products * sum(passes),
                2 * self.inside * sum(passes))


class _Counter(chainer.LinkHook):
    name = 'CountProducts'

    def __init__(self):
        self.counted = []

    def forward_postprocess(self, args):
        if isinstance(args.link, COUNTED):
            self.counted.append((args.link.name, *count_layer(
                args.link, args.args[0].shape, args.out.shape)))


def count_layer(link, in_shape, out_shape):
    """Products of one call of a layer, by definition and without padding -> two int.

    Args:
        link: A layer of :data:`COUNTED`, without dilation, which no network here has.
        in_shape, out_shape (tuple): (N, C, ...) of its input and output.
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


def count(network, link, examples, *shapes):
    """Forward passes of the layers of ``link``, in test mode -> list of Row.

    Args:
        network (str): What to call it.
        link (chainer.Link): On the CPU.
        examples (int): As many as ``shapes`` are to be counted.
        *shapes (tuple): Of its float32 inputs, of one example.
    """
    inputs = [np.zeros((1, *shape), np.float32) for shape in shapes]
    with (chainer.using_config('train', False), chainer.no_backprop_mode(),
          _Counter() as counter):
        link(*inputs)
    return [Row(f'{network} {name}', examples * products, examples * inside)
            for name, products, inside in counter.counted]


def of_sampling(fsgen, vgen, n):
    """Arithmetic of ``n`` generated videos -> list of Row."""
    return (count('G0', fsgen, n, (fsgen.z_slow_dim,))
            + count('G1', vgen, n * fsgen.n_frames, (vgen.z_slow_dim,), (vgen.z_fast_dim,)))


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
    side = 16 * vgen.bottom_width
    of_critic = count('D', vdis, batch, (vgen.out_channels, fsgen.n_frames, side, side))
    return [
        *(Row(row.layer, row.products, row.inside, 1,
              int(row.layer not in ('G0 dc0', 'G1 l0s')), 1)
          for row in of_sampling(fsgen, vgen, batch)),
        *(Row(row.layer, row.products, row.inside, 2,
              1 if row.layer == 'D c0' else 1 + backward_passes, 2) for row in of_critic)]


def total(rows):
    """FLOP of all rows by definition, and without padding."""
    return tuple(map(sum, zip(*(row.flop[-2:] for row in rows), strict=True)))


def table(rows):
    """The rows as text, in GFLOP."""
    header = ('layer', 'forward', 'input grad.', 'weight grad.', 'total', 'without padding')
    lines = [(row.layer, *row.flop) for row in rows]
    lines.append(('all', *map(sum, zip(*(row.flop for row in rows), strict=True))))
    return '\n'.join([f'{name:<8}' + ''.join(f'{value:>17}' for value in values)
                      for name, *values in [header]] + [
        f'{name:<8}' + ''.join(f'{value / 1e9:>17.3g}' for value in values)
        for name, *values in lines])
