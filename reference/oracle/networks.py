"""G0, G1 and D (paper, Table 1), forward with every intermediate tensor, and backward.

The paper's generator makes z_fast = G0(z_slow), one latent vector a frame, and each frame as
G1(z_slow, z_fast[t]); the discriminator D sees the whole video. A network here is a description;
its arrays live outside, in a `state` dict under Chainer's snapshot keys. `forward` in train mode
replaces the running statistics in that dict (it never writes into an array).
"""
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from reference.oracle import layers

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
    """One layer's part of a forward pass: the layer, its output, what its backward needs."""

    layer: object
    output: np.ndarray
    cache: object


# -- layers with arrays ----------------------------------------------------------------------------

class Layer:
    """A named piece of a network: forward, backward, and the keys of the arrays it owns.

    `forward(state, x, mode)` returns (output, cache). With `step` from that pass,
    `input_grad(state, step, gy)` returns gx and `param_grads(state, step, gy)` the derivatives of
    its parameters by key; most layers have none.
    """

    def __init__(self, name):
        self.name = name

    def param_grads(self, state, step, gy):
        return {}

    def _key(self, kind):
        return f'{self.name}/{kind}'


class Weighted(Layer):
    """A layer with a W and, optionally, a bias (out,).

    `function(x, W)` is y without the bias; `weight_grad(x, gy, W)` and `x_grad(x, gy, W)` are its
    two derivatives.
    """

    def __init__(self, name, bias, function, weight_grad, x_grad):
        super().__init__(name)
        self.bias, self.function = bias, function
        self.weight_grad, self.x_grad = weight_grad, x_grad

    def forward(self, state, x, mode):
        y = self.function(x, state[self._key('W')])
        return y + layers.per_channel(state[self._key('b')], y.ndim) if self.bias else y, x

    def param_grads(self, state, step, gy):
        grads = {self._key('W'): self.weight_grad(step.cache, gy, state[self._key('W')])}
        if self.bias:
            grads[self._key('b')] = layers.over_channels(np.sum, gy)
        return grads

    def input_grad(self, state, step, gy):
        return self.x_grad(step.cache, gy, state[self._key('W')])


def linear(name):
    """y = x W^T, (N, in) to (N, out); W (out, in), no bias."""
    return Weighted(name, False, lambda x, W: x @ W.T, lambda x, gy, W: gy.T @ x,
                    lambda x, gy, W: gy @ W)


def convolution(name, stride=2, pad=1):
    """Convolution of (N, in, *space); W (out, in, *kernel)."""
    return Weighted(
        name, True, lambda x, W: layers.conv(x, W, stride, pad),
        lambda x, gy, W: layers.conv_weight(x, gy, W.shape[2:], stride, pad),
        lambda x, gy, W: layers.conv_transpose(gy, W, stride, pad, x.shape[2:]))


def deconvolution(name, stride=2, pad=1, bias=True):
    """Transposed convolution of (N, in, *space); W (in, out, *kernel)."""
    return Weighted(
        name, bias, lambda x, W: layers.conv_transpose(x, W, stride, pad),
        lambda x, gy, W: layers.conv_weight(gy, x, W.shape[2:], stride, pad),
        lambda x, gy, W: layers.conv(gy, W, stride, pad))


class BatchNormalization(Layer):
    """Batch normalisation over everything but the channel; without beta in NoBeta variants."""

    def __init__(self, name, beta):
        super().__init__(name)
        self.beta = beta

    def forward(self, state, x, mode):
        mean_key, var_key = self._key('avg_mean'), self._key('avg_var')
        if mode.train:
            mean, var = layers.over_channels(np.mean, x), layers.over_channels(np.var, x)
            state[mean_key], state[var_key] = layers.running_statistics(
                state[mean_key], state[var_key], mean, var, x.size // len(mean), mode.statistics)
        else:
            mean, var = state[mean_key], state[var_key]
        x_hat = layers.normalize(x, mean, var)
        y = layers.per_channel(state[self._key('gamma')], x.ndim) * x_hat
        if self.beta:
            y += layers.per_channel(state[self._key('beta')], x.ndim)
        return y, (x_hat, var)

    def param_grads(self, state, step, gy):
        x_hat, _ = step.cache
        grads = {self._key('gamma'): layers.over_channels(np.sum, gy * x_hat)}
        if self.beta:
            grads[self._key('beta')] = layers.over_channels(np.sum, gy)
        return grads

    def input_grad(self, state, step, gy):
        """Through the batch's statistics, so for forward passes in train mode."""
        return layers.batch_normalization_grad(gy, *step.cache, state[self._key('gamma')])


# -- layers without arrays -------------------------------------------------------------------------

class Function(Layer):
    """A layer whose output is `function(x, mode)`, and gx `derivative(gy, step)`."""

    def __init__(self, name, function, derivative):
        super().__init__(name)
        self.function, self.derivative = function, derivative

    def forward(self, state, x, mode):
        return self.function(x, mode), x

    def input_grad(self, state, step, gy):
        return self.derivative(gy, step)


RELU = Function('relu', lambda x, mode: np.maximum(x, 0), lambda gy, step: gy * (step.output > 0))
LEAKY_RELU = Function(    # y has the sign of x
    'leaky_relu', lambda x, mode: np.where(x >= 0, x, LEAKY_SLOPE * x),
    lambda gy, step: np.where(step.output >= 0, gy, LEAKY_SLOPE * gy))
TANH = Function('tanh', lambda x, mode: np.tanh(x), lambda gy, step: gy * (1 - step.output ** 2))


def reshape(*shape):
    """(N, ...) to (N, *shape)."""
    return Function('reshape', lambda x, mode: x.reshape(len(x), *shape),
                    lambda gy, step: gy.reshape(step.cache.shape))


def noise(sigma):
    """x + sigma * N(0, 1) in train mode, drawn in float64 whatever x is; x in test mode."""
    return Function(
        'noise', lambda x, mode: x + sigma * mode.rng.randn(*x.shape) if mode.train else x,
        lambda gy, step: gy)


def concat(n_slow):
    """Slow then fast channels, as dc1 reads them."""
    return Function('concat', lambda pair, mode: np.concatenate(pair, axis=1),
                    lambda gy, step: (gy[:, :n_slow], gy[:, n_slow:]))


# -- networks --------------------------------------------------------------------------------------

def run_forward(chain, state, x, mode):
    """Apply layers in turn; returns the list of `Step`, the last one holding the result."""
    steps = []
    for layer in chain:
        x, cache = layer.forward(state, x, mode)
        steps.append(Step(layer, x, cache))
    return steps


def run_backward(steps, state, gy, grads=None, to_input=True):
    """Apply the derivatives of a forward pass in train mode in reverse -> gx, or None.

    `gy` is the loss's derivative in the last step's output. The parameters' derivatives are added
    to `grads`, unless it is None; without `to_input` nobody wants gx.
    """
    for i, step in reversed(list(enumerate(steps))):
        if grads is not None:
            for key, grad in step.layer.param_grads(state, step, gy).items():
                grads[key] += grad
        gy = step.layer.input_grad(state, step, gy) if i or to_input else None
    return gy


def is_parameter(key):
    """Whether a snapshot key names something RMSprop updates."""
    return key.rsplit('/', 1)[-1] in PARAMETER_KINDS


def output(steps):
    """The result of a forward pass."""
    return steps[-1].output


class FrameSeedGenerator:
    """G0: z_slow (N, Ks) to z_fast (N, Kf, 16) in (-1, 1); paper, Table 1."""

    def __init__(self, n_frames=N_FRAMES, z_slow_dim=256, z_fast_dim=256, *, beta):
        if n_frames != N_FRAMES:
            raise ValueError(f'n_frames is {n_frames}; the layers of G0 make {N_FRAMES}')
        self.z_slow_dim = z_slow_dim
        deconvolutions = deconvolution('dc0', stride=1, pad=0), *(
            deconvolution(f'dc{i}') for i in range(1, 4))
        hidden = [layer for i, deconv in enumerate(deconvolutions)
                  for layer in (deconv, BatchNormalization(f'bn{i}', beta), RELU)]
        self.chain = [reshape(z_slow_dim, 1), *hidden, deconvolution('dc4'), TANH]

    def forward(self, state, z_slow, mode):
        """Steps of G0 for z_slow (N, Ks)."""
        return run_forward(self.chain, state, z_slow, mode)


class VideoGenerator:
    """G1: z_slow (N, Ks) and one z_fast (N, Kf) to a frame (N, C, 16w, 16w) in (-1, 1); Table 1.

    No layer but dc5 has a bias. `bottom_width` is w; half of the `conv_ch` channels of dc1's input
    are slow, half fast.
    """

    def __init__(self, z_slow_dim, z_fast_dim, out_channels, bottom_width, conv_ch=512, *, beta):
        half = conv_ch // 2
        seed_image = reshape(half, bottom_width, bottom_width)
        self._slow, self._fast = (
            [linear(f'l0{which}'), BatchNormalization(f'bn0{which}', beta), RELU, seed_image]
            for which in 'sf')
        hidden = [layer for i in range(1, 5) for layer in (
            deconvolution(f'dc{i}', bias=False), BatchNormalization(f'bn{i}', beta), RELU)]
        self._frame = [concat(half), *hidden, deconvolution('dc5', stride=1), TANH]

    def forward(self, state, z_slow, z_fast, mode):
        """Steps of G1: slow branch, fast branch, then from the concatenation to the frame."""
        slow = run_forward(self._slow, state, z_slow, mode)
        fast = run_forward(self._fast, state, z_fast, mode)
        frame = run_forward(self._frame, state, (output(slow), output(fast)), mode)
        return [*slow, *fast, *frame]

    def backward(self, state, steps, gy, grads):
        """Derivative of z_fast, (N, Kf); adds the parameters' derivatives to `grads`."""
        n_slow, n_both = len(self._slow), len(self._slow) + len(self._fast)
        gslow, gfast = run_backward(steps[n_both:], state, gy, grads)
        run_backward(steps[:n_slow], state, gslow, grads, to_input=False)
        return run_backward(steps[n_slow:n_both], state, gfast, grads)


class VideoDiscriminator:
    """D: video (N, C, 16, 64, 64) in [-1, 1] to a score (N, 1, 1, 1); paper, Table 1.

    bn0 exists, is saved and is clipped, but no forward pass ever calls it. `mid_ch` channels after
    c0 are doubled by each of c1 to c3; `sigma` is of the noise before every leaky ReLU.
    """

    def __init__(self, in_channels, top_width, mid_ch, sigma=0.0, *, beta):
        if top_width != 4:
            raise ValueError(f'top_width is {top_width}; four halvings of 64 leave 4')
        self.in_channels = in_channels
        activation = [noise(sigma), LEAKY_RELU] if sigma else [LEAKY_RELU]
        self.chain = [convolution('c0'), *activation]
        for i in range(1, 4):
            self.chain += [convolution(f'c{i}'), BatchNormalization(f'bn{i}', beta), *activation]
        self.chain += [reshape(8 * mid_ch, top_width, top_width),
                       convolution('c4', stride=1, pad=0)]

    def forward(self, state, video, mode):
        """Steps of D; a ValueError for what is no video (N, C, 16, 64, 64)."""
        expected = (self.in_channels, N_FRAMES, 64, 64)
        if video.shape[1:] != expected:
            raise ValueError(f'video of shape {video.shape}: expected (N, {expected})')
        return run_forward(self.chain, state, video, mode)


def build_models(configuration):
    """The three networks of one of `reference.recordings.configurations()`.

    By the authors' class names, which say whether there is a beta, and their arguments, but for
    `wscale`, which is of the initial arrays.
    """
    classes = {'fsgen': FrameSeedGenerator, 'vgen': VideoGenerator, 'vdis': VideoDiscriminator}
    return {role: classes[role](beta='NoBeta' not in model['class'], **{
        key: value for key, value in model['kwargs'].items() if key != 'wscale'})
        for role, model in configuration.items()}
