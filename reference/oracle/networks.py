"""G0, G1 and D (paper, Table 1), forward with every intermediate tensor, and backward.

The paper's generator makes z_fast = G0(z_slow), one latent vector a frame, and each frame as
G1(z_slow, z_fast[t]); the discriminator D sees the whole video. A network is a chain of layers; its
arrays live outside, in a `state` dict under Chainer's snapshot keys, and say how wide it is and
whether there are biases and betas. A layer is a function (state, x, mode) -> `Step`; in train mode
it replaces running statistics in the dict, and never writes into an array.
"""
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reference.oracle import layers
from reference.oracle.layers import over_channels, per_channel

N_FRAMES = 16

#: Slope of the discriminator's leaky ReLU (authors' models/video_discriminator.py; paper).
LEAKY_SLOPE = 0.2

#: Last part of the keys that RMSprop updates; the rest (`avg_mean`, `avg_var`, `N`) is statistics.
PARAMETER_KINDS = ('W', 'b', 'gamma', 'beta')


@dataclass(frozen=True)
class Mode:
    """How to run a forward pass."""

    train: bool        #: Batch statistics and noise, or running statistics and no noise.
    statistics: str    #: See `layers.running_statistics`.
    rng: np.random.RandomState    #: Of the noise, in train mode.


class Step(NamedTuple):
    """One layer's part of a forward pass; `gy` is the loss's derivative in the output."""

    name: str
    output: np.ndarray
    input_grad: Callable    #: gy -> the same in the input, for passes in train mode.
    param_grads: Callable = lambda gy: {}    #: gy -> the same in parameters, by key.


# -- layers with arrays ----------------------------------------------------------------------------

def weighted(name, function, weight_grad, x_grad):
    """A layer with a W and maybe a bias (out,): y = function(x, W) + b.

    `weight_grad(x, gy, W)` and `x_grad(x, gy, W)` are the function's derivatives.
    """
    def forward(state, x, mode):
        W, b = state[f'{name}/W'], state.get(f'{name}/b')
        y = function(x, W)

        def param_grads(gy):
            grads = {f'{name}/W': weight_grad(x, gy, W)}
            return grads if b is None else {**grads, f'{name}/b': over_channels(np.sum, gy)}
        return Step(name, y if b is None else y + per_channel(b, y.ndim),
                    lambda gy: x_grad(x, gy, W), param_grads)
    return forward


def linear(name):
    """y = x W^T, (N, in) to (N, out); W (out, in)."""
    return weighted(name, lambda x, W: x @ W.T, lambda x, gy, W: gy.T @ x, lambda x, gy, W: gy @ W)


def convolution(name, stride=2, pad=1):
    """Convolution of (N, in, *space); W (out, in, *kernel)."""
    return weighted(
        name, lambda x, W: layers.conv(x, W, stride, pad),
        lambda x, gy, W: layers.conv_weight(x, gy, W.shape[2:], stride, pad),
        lambda x, gy, W: layers.conv_transpose(gy, W, stride, pad, x.shape[2:]))


def deconvolution(name, stride=2, pad=1):
    """Transposed convolution of (N, in, *space); W (in, out, *kernel)."""
    return weighted(
        name, lambda x, W: layers.conv_transpose(x, W, stride, pad),
        lambda x, gy, W: layers.conv_weight(gy, x, W.shape[2:], stride, pad),
        lambda x, gy, W: layers.conv(gy, W, stride, pad))


def batch_normalization(name):
    """Batch normalisation over everything but the channel; without beta in NoBeta variants."""
    keys = gamma_key, beta_key, mean_key, var_key = [
        f'{name}/{kind}' for kind in ('gamma', 'beta', 'avg_mean', 'avg_var')]

    def forward(state, x, mode):
        gamma, beta, mean, var = map(state.get, keys)
        if mode.train:
            old, (mean, var) = (mean, var), (over_channels(f, x) for f in (np.mean, np.var))
            state[mean_key], state[var_key] = layers.running_statistics(
                *old, mean, var, x.size // len(mean), mode.statistics)
        x_hat = layers.normalize(x, mean, var)
        y = per_channel(gamma, x.ndim) * x_hat

        def param_grads(gy):
            grads = {gamma_key: over_channels(np.sum, gy * x_hat)}
            return grads if beta is None else {**grads, beta_key: over_channels(np.sum, gy)}
        return Step(name, y if beta is None else y + per_channel(beta, x.ndim),
                    lambda gy: layers.batch_normalization_grad(gy, x_hat, var, gamma), param_grads)
    return forward


# -- layers without arrays -------------------------------------------------------------------------

def function(name, compute, derivative):
    """y = compute(x, mode), gx = derivative(gy, x, y)."""
    def forward(state, x, mode):
        y = compute(x, mode)
        return Step(name, y, lambda gy: derivative(gy, x, y))
    return forward


RELU = function('relu', lambda x, mode: np.maximum(x, 0), lambda gy, x, y: gy * (y > 0))
LEAKY_RELU = function('leaky_relu', lambda x, mode: np.where(x >= 0, x, LEAKY_SLOPE * x),
                      lambda gy, x, y: np.where(x >= 0, gy, LEAKY_SLOPE * gy))
TANH = function('tanh', lambda x, mode: np.tanh(x), lambda gy, x, y: gy * (1 - y ** 2))
CONCAT = function('concat', lambda pair, mode: np.concatenate(pair, axis=1),
                  lambda gy, pair, y: np.split(gy, [pair[0].shape[1]], axis=1))


def reshape(*shape):
    """(N, ...) to (N, *shape)."""
    return function('reshape', lambda x, mode: x.reshape(len(x), *shape),
                    lambda gy, x, y: gy.reshape(x.shape))


def noise(sigma):
    """x + sigma * N(0, 1) in train mode, drawn in float64 whatever x is; x in test mode."""
    return function(
        'noise', lambda x, mode: x + sigma * mode.rng.randn(*x.shape) if mode.train else x,
        lambda gy, x, y: gy)


# -- networks --------------------------------------------------------------------------------------

def run_forward(chain, state, x, mode):
    """Apply layers in turn; returns the list of `Step`, the last one holding the result."""
    steps = []
    for layer in chain:
        steps.append(layer(state, x, mode))
        x = steps[-1].output
    return steps


def run_backward(steps, gy, grads=None, to_input=True):
    """Apply the derivatives of a forward pass in train mode in reverse -> gx, or None.

    `gy` is the loss's derivative in the last step's output. The parameters' derivatives are added
    to `grads`, unless it is None; without `to_input` nobody wants gx.
    """
    for i, step in reversed(list(enumerate(steps))):
        if grads is not None:
            for key, grad in step.param_grads(gy).items():
                grads[key] += grad
        gy = step.input_grad(gy) if i or to_input else None
    return gy


def is_parameter(key):
    """Whether a snapshot key names something RMSprop updates."""
    return key.rsplit('/', 1)[-1] in PARAMETER_KINDS


def output(steps):
    """The result of a forward pass."""
    return steps[-1].output


FRAME_SEED_GENERATOR = [reshape(-1, 1), *(layer for i in range(4) for layer in (
    deconvolution(f'dc{i}', *(() if i else (1, 0))), batch_normalization(f'bn{i}'), RELU)),
    deconvolution('dc4'), TANH]
"""G0: z_slow (N, Ks) to z_fast (N, Kf, 16) in (-1, 1); paper, Table 1."""


class VideoGenerator:
    """G1: z_slow (N, Ks) and one z_fast (N, Kf) to a frame (N, C, 16w, 16w) in (-1, 1); Table 1.

    `bottom_width` is w; half of the channels of dc1's input are slow, half fast.
    """

    def __init__(self, bottom_width):
        self._slow, self._fast = (
            [linear(f'l0{which}'), batch_normalization(f'bn0{which}'), RELU,
             reshape(-1, bottom_width, bottom_width)] for which in 'sf')
        hidden = [layer for i in range(1, 5) for layer in (
            deconvolution(f'dc{i}'), batch_normalization(f'bn{i}'), RELU)]
        self._frame = [CONCAT, *hidden, deconvolution('dc5', stride=1), TANH]

    def forward(self, state, z_slow, z_fast, mode):
        """Steps of G1: slow branch, fast branch, then from the concatenation to the frame."""
        slow = run_forward(self._slow, state, z_slow, mode)
        fast = run_forward(self._fast, state, z_fast, mode)
        frame = run_forward(self._frame, state, (output(slow), output(fast)), mode)
        return [*slow, *fast, *frame]

    def backward(self, steps, gy, grads):
        """Derivative of z_fast, (N, Kf); adds the parameters' derivatives to `grads`."""
        n_slow, n_both = len(self._slow), len(self._slow) + len(self._fast)
        gslow, gfast = run_backward(steps[n_both:], gy, grads)
        run_backward(steps[:n_slow], gslow, grads, to_input=False)
        return run_backward(steps[n_slow:n_both], gfast, grads)


def video_discriminator(sigma):
    """D: video (N, C, 16, 64, 64) in [-1, 1] to a score (N, 1, 1, 1); paper, Table 1.

    `sigma` is of the noise before every leaky ReLU, 0 for none. bn0 exists, is saved and is
    clipped, but no forward pass ever calls it.
    """
    activation = [noise(sigma), LEAKY_RELU] if sigma else [LEAKY_RELU]
    hidden = [layer for i in range(1, 4) for layer in (
        convolution(f'c{i}'), batch_normalization(f'bn{i}'), *activation)]
    return [convolution('c0'), *activation, *hidden, reshape(-1, 4, 4),
            convolution('c4', stride=1, pad=0)]


def build_models(configuration):
    """The three networks of one of `reference.recordings.configurations()`."""
    return {'fsgen': FRAME_SEED_GENERATOR,
            'vgen': VideoGenerator(configuration['vgen']['kwargs']['bottom_width']),
            'vdis': video_discriminator(configuration['vdis']['kwargs'].get('sigma', 0))}
