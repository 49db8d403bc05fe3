"""G0, G1 and D (paper, Table 1), forward with every intermediate tensor, and backward.

The paper's generator makes z_fast = G0(z_slow), one latent vector a frame, and each frame as
G1(z_slow, z_fast[t]); the discriminator D sees the whole video. A network here is a description;
its arrays live outside, in a `state` dict under Chainer's snapshot keys. `forward` in train mode
replaces the running statistics in that dict (it never writes into an array).
"""
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np

from reference.oracle import layers

N_FRAMES = 16
FRAME_SIZE = 64

#: The order the authors build the networks in; with one seed it fixes every initial byte.
BUILD_ORDER = ('fsgen', 'vgen', 'vdis')

#: Last part of the keys that RMSprop updates; the rest (`avg_mean`, `avg_var`, `N`) is statistics.
PARAMETER_KINDS = ('W', 'b', 'gamma', 'beta')


@dataclass(frozen=True)
class Mode:
    """How to run a forward pass.

    Attributes:
        train: Batch statistics and noise if true; running statistics and no noise if false.
        statistics: `'chainer2'` or `'chainer7'`, see `layers.running_statistics`.
        rng: `numpy.random.RandomState` the noise is drawn from; only a noisy D in train mode needs
            it.
    """

    train: bool = True
    statistics: str = layers.CHAINER2
    rng: np.random.RandomState | None = None


class Step(NamedTuple):
    """One layer's part of a forward pass: the layer, its output, what its backward needs."""

    layer: object
    output: np.ndarray
    cache: object


# -- initial values --------------------------------------------------------------------------------

def uniform(scale, rng, shape):
    """U(-scale, scale); the authors' InitUniform with scale = wscale. float32."""
    return rng.uniform(-scale, scale, shape).astype(np.float32)


def lecun_normal(rng, shape):
    """N(0, 1 / fan_in), Chainer's default. float32.

    fan_in is shape[1] times the kernel's size. For a deconvolution, whose W is (in, out, *kernel),
    that counts the outputs (measured: only this reproduces the recorded bytes).
    """
    fan_in = int(np.prod(shape[1:]))
    return rng.normal(0, np.sqrt(1 / fan_in), shape).astype(np.float32)


def _filled(value, size):
    return np.full(size, value, np.float32)


# -- layers with arrays ----------------------------------------------------------------------------

class Layer:
    """A named piece of a network: forward, backward, and the arrays it owns.

    `forward(state, x, mode)` returns (output, cache). With `step` from that pass,
    `input_grad(state, step, gy)` returns gx and `param_grads(state, step, gy)` the derivatives of
    its parameters by key.
    """

    def __init__(self, name):
        self.name = name

    def init(self, rng, draw, statistics):
        """Initial arrays under their keys; most layers have none."""
        return {}

    def param_grads(self, state, step, gy):
        """Derivatives of the layer's parameters by key; most layers have none."""
        return {}

    def _key(self, kind):
        return f'{self.name}/{kind}'


class _Weighted(Layer):
    """A layer with a drawn W and, optionally, a bias that starts at zero."""

    def __init__(self, name, shape, n_out, bias):
        super().__init__(name)
        self.shape, self.n_out, self.bias = shape, n_out, bias

    def init(self, rng, draw, statistics):
        arrays = {self._key('W'): draw(rng, self.shape)}
        if self.bias:
            arrays[self._key('b')] = _filled(0, self.n_out)
        return arrays

    def forward(self, state, x, mode):
        y = self._map(x, state[self._key('W')])
        return (layers.add_bias(y, state[self._key('b')]) if self.bias else y), x

    def param_grads(self, state, step, gy):
        grads = {self._key('W'): self._weight_grad(step.cache, gy)}
        if self.bias:
            grads[self._key('b')] = layers.bias_grad(gy)
        return grads

    def input_grad(self, state, step, gy):
        return self._input_grad(step.cache, gy, state[self._key('W')])


class Linear(_Weighted):
    """y = x W^T, (N, in) to (N, out); W (out, in)."""

    def __init__(self, name, n_in, n_out):
        super().__init__(name, (n_out, n_in), n_out, bias=False)

    def _map(self, x, W):
        return x @ W.T

    def _weight_grad(self, x, gy):
        return gy.T @ x

    def _input_grad(self, x, gy, W):
        return gy @ W


class Convolution(_Weighted):
    """Convolution of (N, in, *space); W (out, in, *kernel), bias (out,)."""

    def __init__(self, name, n_in, n_out, ndim, kernel=4, stride=2, pad=1):
        super().__init__(name, (n_out, n_in, *(kernel,) * ndim), n_out, bias=True)
        self.stride, self.pad = stride, pad

    def _map(self, x, W):
        return layers.conv(x, W, self.stride, self.pad)

    def _weight_grad(self, x, gy):
        return layers.conv_weight(x, gy, self.shape[2:], self.stride, self.pad)

    def _input_grad(self, x, gy, W):
        return layers.conv_transpose(gy, W, self.stride, self.pad, x.shape[2:])


class Deconvolution(_Weighted):
    """Transposed convolution of (N, in, *space); W (in, out, *kernel), bias (out,)."""

    def __init__(self, name, n_in, n_out, ndim, kernel=4, stride=2, pad=1, bias=True):
        super().__init__(name, (n_in, n_out, *(kernel,) * ndim), n_out, bias)
        self.stride, self.pad = stride, pad

    def _map(self, x, W):
        return layers.conv_transpose(x, W, self.stride, self.pad)

    def _weight_grad(self, x, gy):
        return layers.conv_weight(gy, x, self.shape[2:], self.stride, self.pad)

    def _input_grad(self, x, gy, W):
        return layers.conv(gy, W, self.stride, self.pad)


class BatchNormalization(Layer):
    """Batch normalisation over everything but the channel; eps 2e-5, decay 0.9."""

    def __init__(self, name, size, beta):
        super().__init__(name)
        self.size, self.beta = size, beta

    def init(self, rng, draw, statistics):
        arrays = {self._key('gamma'): _filled(1, self.size)}
        if self.beta:
            arrays[self._key('beta')] = _filled(0, self.size)
        arrays[self._key('avg_mean')] = _filled(0, self.size)
        arrays[self._key('avg_var')] = _filled(layers.initial_avg_var(statistics), self.size)
        # Chainer counts batches here only when it computes plain averages; the authors never do.
        arrays[self._key('N')] = np.array(0)
        return arrays

    def forward(self, state, x, mode):
        mean_key, var_key = self._key('avg_mean'), self._key('avg_var')
        if mode.train:
            mean, var = layers.batch_moments(x)
            state[mean_key], state[var_key] = layers.running_statistics(
                state[mean_key], state[var_key], mean, var, x.size // self.size, mode.statistics)
        else:
            mean, var = state[mean_key], state[var_key]
        x_hat = layers.normalize(x, mean, var)
        y = layers.scale_shift(x_hat, state[self._key('gamma')], state.get(self._key('beta')))
        return y, (x_hat, var)

    def param_grads(self, state, step, gy):
        x_hat, _ = step.cache
        ggamma, gbeta = layers.scale_shift_grads(gy, x_hat)
        grads = {self._key('gamma'): ggamma}
        if self.beta:
            grads[self._key('beta')] = gbeta
        return grads

    def input_grad(self, state, step, gy):
        """Through the batch's statistics, so for forward passes in train mode."""
        return layers.batch_normalization_grad(gy, *step.cache, state[self._key('gamma')])


# -- layers without arrays -------------------------------------------------------------------------

class Activation(Layer):
    """An element-wise function with its derivative in terms of the output."""

    def __init__(self, name, function, derivative):
        super().__init__(name)
        self.function, self.derivative = function, derivative

    def forward(self, state, x, mode):
        return self.function(x), None

    def input_grad(self, state, step, gy):
        return self.derivative(gy, step.output)


RELU = Activation('relu', layers.relu, layers.relu_grad)
LEAKY_RELU = Activation('leaky_relu', layers.leaky_relu, layers.leaky_relu_grad)
TANH = Activation('tanh', np.tanh, layers.tanh_grad)


class Reshape(Layer):
    """(N, ...) to (N, *shape)."""

    def __init__(self, *shape):
        super().__init__('reshape')
        self.shape = shape

    def forward(self, state, x, mode):
        return x.reshape(x.shape[0], *self.shape), x.shape

    def input_grad(self, state, step, gy):
        return gy.reshape(step.cache)


class Noise(Layer):
    """x + sigma * N(0, 1) in train mode, drawn in float64 whatever x is; x in test mode."""

    def __init__(self, sigma):
        super().__init__('noise')
        self.sigma = sigma

    def forward(self, state, x, mode):
        if not mode.train:
            return x, None
        if mode.rng is None:
            raise ValueError('a noisy D in train mode needs Mode(rng=...), to draw the noise from')
        return x + self.sigma * mode.rng.randn(*x.shape), None

    def input_grad(self, state, step, gy):
        return gy


# -- networks --------------------------------------------------------------------------------------

def run_forward(chain, state, x, mode):
    """Apply layers in turn; returns the list of `Step`, the last one holding the result."""
    steps = []
    for layer in chain:
        x, cache = layer.forward(state, x, mode)
        steps.append(Step(layer, x, cache))
    return steps


def run_backward(steps, state, gy, grads=None, to_input=True):
    """Apply the layers' derivatives in reverse.

    Args:
        steps: Of a forward pass in train mode.
        state: The arrays of that pass.
        gy: Derivative of the loss in the last step's output.
        grads: Where the parameters' derivatives are added; None if nobody wants them.
        to_input: Whether anybody wants the derivative of the chain's input.

    Returns:
        gx, or None.
    """
    for i, step in reversed(list(enumerate(steps))):
        if grads is not None:
            for key, grad in step.layer.param_grads(state, step, gy).items():
                grads[key] += grad
        gy = step.layer.input_grad(state, step, gy) if i or to_input else None
    return gy


class Network:
    """Base of G0, G1 and D.

    Subclasses set `layers`, in the order in which the authors create what has arrays, and `draw`,
    the initial distribution of every W.
    """

    def init(self, rng, statistics=layers.CHAINER2):
        """The authors' initial arrays: float32 (and the int64 counters), by snapshot key.

        Args:
            rng: `numpy.random.RandomState`; only W draws from it.
            statistics: Decides where the running variance starts.
        """
        state = {}
        for layer in self.layers:
            state.update(layer.init(rng, self.draw, statistics))
        return state


def zero_grads(state):
    """Zero gradients for every parameter of a state; parameters never reached keep them."""
    return {key: np.zeros_like(value) for key, value in state.items() if is_parameter(key)}


def is_parameter(key):
    """Whether a snapshot key names something RMSprop updates."""
    return key.rsplit('/', 1)[-1] in PARAMETER_KINDS


def as_float64(state):
    """A copy of a state with every float array in float64, which is what the oracle computes in."""
    return {key: value if key.endswith('/N') else value.astype(np.float64)
            for key, value in state.items()}


def output(steps):
    """The result of a forward pass."""
    return steps[-1].output


def _draw(init, wscale):
    return partial(uniform, wscale) if init == 'uniform' else lecun_normal


class FrameSeedGenerator(Network):
    """G0: z_slow (N, Ks) to z_fast (N, Kf, 16) in (-1, 1); paper, Table 1.

    Args:
        n_frames: 16; any other value raises ValueError, the layers fix it.
        z_slow_dim, z_fast_dim: Ks, Kf.
        wscale: Half-width of the uniform initial distribution.
        beta: Whether batch normalisation has a beta.
        init: `'uniform'` or `'default'`.
    """

    def __init__(self, n_frames=N_FRAMES, z_slow_dim=256, z_fast_dim=256, wscale=0.01, *,
                 beta, init):
        if n_frames != N_FRAMES:
            raise ValueError(f'n_frames is {n_frames}; the layers of G0 make {N_FRAMES}')
        self.z_slow_dim = z_slow_dim
        widths = (512, 256, 128, 128)
        first = Deconvolution('dc0', z_slow_dim, widths[0], 1, kernel=1, stride=1, pad=0)
        doubling = [
            Deconvolution(f'dc{i}', n_in, n_out, 1)
            for i, (n_in, n_out) in enumerate(
                zip(widths, (*widths[1:], z_fast_dim), strict=True), 1)]
        deconvs = [first, *doubling]
        norms = [BatchNormalization(f'bn{i}', width, beta) for i, width in enumerate(widths)]
        self.layers = [*deconvs, *norms]
        self.draw = _draw(init, wscale)
        hidden = [layer for deconv, norm in zip(deconvs[:-1], norms, strict=True)
                  for layer in (deconv, norm, RELU)]
        self._chain = [Reshape(z_slow_dim, 1), *hidden, deconvs[-1], TANH]

    def forward(self, state, z_slow, mode):
        """Steps of G0 for z_slow (N, Ks)."""
        return run_forward(self._chain, state, z_slow, mode)

    def backward(self, state, steps, gy, grads):
        """Add the parameters' derivatives to `grads`; z_slow is where the graph ends."""
        run_backward(steps, state, gy, grads, to_input=False)


class VideoGenerator(Network):
    """G1: z_slow (N, Ks) and one z_fast (N, Kf) to a frame (N, C, 16w, 16w) in (-1, 1); Table 1.

    Batch normalisation has a beta here in every variant, and no layer but dc5 a bias.

    Args:
        z_slow_dim, z_fast_dim: Ks, Kf.
        out_channels: C.
        bottom_width: w, 4 for 64-pixel frames.
        conv_ch: Channels of dc1's input, half of them slow, half fast.
        wscale: Half-width of the uniform initial distribution.
        init: `'uniform'` or `'default'`.
    """

    def __init__(self, z_slow_dim, z_fast_dim, out_channels, bottom_width, conv_ch=512,
                 wscale=0.01, *, init):
        half, area = conv_ch // 2, bottom_width ** 2
        slow = Linear('l0s', z_slow_dim, half * area)
        fast = Linear('l0f', z_fast_dim, half * area)
        slow_norm = BatchNormalization('bn0s', half * area, True)
        fast_norm = BatchNormalization('bn0f', half * area, True)
        widths = [conv_ch // 2 ** i for i in range(5)]
        deconvs = [Deconvolution(f'dc{i}', widths[i - 1], widths[i], 2, bias=False)
                   for i in range(1, 5)]
        last = Deconvolution('dc5', widths[4], out_channels, 2, kernel=3, stride=1, pad=1)
        norms = [BatchNormalization(f'bn{i}', widths[i], True) for i in range(1, 5)]
        self.layers = [slow, fast, *deconvs, last, slow_norm, fast_norm, *norms]
        self.draw = _draw(init, wscale)
        seed_image = Reshape(half, bottom_width, bottom_width)
        self._slow = [slow, slow_norm, RELU, seed_image]
        self._fast = [fast, fast_norm, RELU, seed_image]
        hidden = [layer for deconv, norm in zip(deconvs, norms, strict=True)
                  for layer in (deconv, norm, RELU)]
        self._frame = [_Concat(half), *hidden, last, TANH]

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


class _Concat(Layer):
    """Slow then fast channels, as dc1 reads them."""

    def __init__(self, n_slow):
        super().__init__('concat')
        self.n_slow = n_slow

    def forward(self, state, pair, mode):
        return np.concatenate(pair, axis=1), None

    def input_grad(self, state, step, gy):
        return gy[:, :self.n_slow], gy[:, self.n_slow:]


class VideoDiscriminator(Network):
    """D: video (N, C, 16, 64, 64) in [-1, 1] to a score (N, 1, 1, 1); paper, Table 1.

    bn0 exists, is saved and is clipped, but no forward pass ever calls it.

    Args:
        in_channels: C.
        top_width: 4; any other value raises ValueError, the video's size fixes it.
        mid_ch: Channels after c0; doubled by each of c1 to c3.
        wscale: Half-width of the uniform initial distribution.
        sigma: Standard deviation of the noise before every leaky ReLU; 0 for none.
        beta: Whether batch normalisation has a beta.
        init: `'uniform'` or `'default'`.
    """

    def __init__(self, in_channels, top_width, mid_ch, wscale=0.01, sigma=0.0, *, beta, init):
        if top_width != FRAME_SIZE // 16:
            raise ValueError(f'top_width is {top_width}; four halvings of {FRAME_SIZE} leave 4')
        self.in_channels = in_channels
        widths = [mid_ch * 2 ** i for i in range(4)]
        convs = [Convolution(f'c{i}', n_in, n_out, 3) for i, (n_in, n_out) in enumerate(
            zip([in_channels, *widths[:-1]], widths, strict=True))]
        top = Convolution('c4', widths[-1], 1, 2, kernel=top_width, stride=1, pad=0)
        norms = [BatchNormalization(f'bn{i}', width, beta) for i, width in enumerate(widths)]
        self.layers = [*convs, top, *norms]
        self.draw = _draw(init, wscale)
        before_activation = [Noise(sigma)] if sigma else []
        hidden = [layer for conv, norm in zip(convs, [[], *([n] for n in norms[1:])], strict=True)
                  for layer in (conv, *norm, *before_activation, LEAKY_RELU)]
        self._chain = [*hidden, Reshape(widths[-1], top_width, top_width), top]

    def forward(self, state, video, mode):
        """Steps of D.

        Raises:
            ValueError: The video is not (N, C, 16, 64, 64).
        """
        expected = (self.in_channels, N_FRAMES, FRAME_SIZE, FRAME_SIZE)
        if video.shape[1:] != expected:
            raise ValueError(f'video of shape {video.shape}: expected (N, {expected})')
        return run_forward(self._chain, state, video, mode)

    def backward(self, state, steps, gy, grads=None, to_input=True):
        """Derivative of the video, (N, C, 16, 64, 64), or None; see `run_backward`."""
        return run_backward(steps, state, gy, grads, to_input)


# -- the authors' names ----------------------------------------------------------------------------

@dataclass(frozen=True)
class _Variant:
    network: type
    options: dict = field(default_factory=dict)


#: The class names that configurations and recordings use.
VARIANTS = {
    f'{prefix}{"" if beta else "NoBeta"}Init{init.title()}':
        _Variant(network, {'beta': beta, 'init': init})
    for prefix, network in (('FrameSeedGenerator', FrameSeedGenerator),
                            ('VideoDiscriminator', VideoDiscriminator))
    for beta in (True, False) for init in ('uniform', 'default')}
VARIANTS['VideoDiscriminatorNoBetaInitDefaultWithNoise'] = _Variant(
    VideoDiscriminator, {'beta': False, 'init': 'default'})
VARIANTS['VideoGeneratorInitUniform'] = _Variant(VideoGenerator, {'init': 'uniform'})
VARIANTS['VideoGeneratorInitDefault'] = _Variant(VideoGenerator, {'init': 'default'})


def build(cls, **kwargs):
    """A network by the authors' class name and constructor arguments.

    Raises:
        ValueError: No such class.
    """
    if cls not in VARIANTS:
        raise ValueError(f'no network {cls!r}; there are: {", ".join(sorted(VARIANTS))}')
    variant = VARIANTS[cls]
    return variant.network(**kwargs, **variant.options)


def build_models(configuration):
    """The three networks of a configuration.

    Args:
        configuration: {'fsgen', 'vgen', 'vdis'} -> object with `cls` and `kwargs`, e.g. one entry
            of `reference.recordings.configurations()`.
    """
    return {key: build(configuration[key].cls, **configuration[key].kwargs) for key in BUILD_ORDER}


def init_models(models, rng, statistics=layers.CHAINER2):
    """Initial float32 states of the three networks, drawn in the authors' order.

    With `rng = numpy.random.RandomState(s)` these are, byte for byte, the arrays the authors' code
    has after `numpy.random.seed(s)`.
    """
    return {key: models[key].init(rng, statistics) for key in BUILD_ORDER}
