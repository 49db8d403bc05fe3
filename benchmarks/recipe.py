"""What every side runs, and its clocks: sizes, seeds, initial weights, videos.

Stands alone and keeps to the syntax of Python 3.6, since sides run on interpreters of their own.
All sides draw from NumPy's legacy generator, whose stream is frozen: one seed gives the same
weights, videos and latent vectors everywhere, and so the same first losses.
"""
import functools
import time

import numpy as np

SIZES = {
    'full': {'conv_ch': 512, 'mid_ch': 64, 'width': 4, 'batch': 8, 'channels': 1, 'z': 100},
    'ucf': {'conv_ch': 512, 'mid_ch': 64, 'width': 4, 'batch': 8, 'channels': 3, 'z': 100},
    'quarter': {'conv_ch': 128, 'mid_ch': 16, 'width': 4, 'batch': 4, 'channels': 1, 'z': 100},
    'small': {'conv_ch': 128, 'mid_ch': 32, 'width': 2, 'batch': 16, 'channels': 1, 'z': 100},
    'quick': {'conv_ch': 16, 'mid_ch': 2, 'width': 1, 'batch': 2, 'channels': 1, 'z': 16},
}
"""Channels of G1 and D, width of the smallest feature map (frames are 16 times as wide), usual
batch, channels of a frame, length of both latent vectors: of the paper for Moving MNIST and for
UCF-101, of a quarter of its channels, of the default experiment, and of networks that take no time,
to see that all runs."""

FRAMES = 16
WSCALE = 0.01
LEARNING_RATE = 5e-5
ALPHA = 0.99
RMSPROP_EPS = 1e-8
BATCH_NORM_EPS = 2e-5
LEAKY_SLOPE = 0.2
"""The authors' constants (FACTS §2, §3)."""

BUILD_SEED, VIDEO_SEED, TRAINING_SEED, SAMPLING_SEED = 0, 1, 2, 3

UPDATES_A_CYCLE = 5
"""Singular values are clipped in one of so many updates, in all of the authors' experiments."""

TIMED_FREQ = 2
"""But in one of so many here: of two updates that are timed, the second clips."""

UPDATERS = {'svc': ('TGANUpdaterWGANSVC', {'freq': TIMED_FREQ}),
            'clip': ('TGANUpdaterWGANClip', {})}
"""Class and arguments of each updater."""


def networks(size):
    """{'fsgen', 'vgen', 'vdis'} -> 'class' and 'kwargs', as `parity/driver.py` builds them."""
    z = {'z_slow_dim': size['z'], 'z_fast_dim': size['z']}
    found = {
        'fsgen': ('FrameSeedGeneratorNoBetaInitUniform', dict(z, n_frames=FRAMES)),
        'vgen': ('VideoGeneratorInitUniform', dict(
            z, out_channels=size['channels'], bottom_width=size['width'],
            conv_ch=size['conv_ch'])),
        'vdis': ('VideoDiscriminatorNoBetaInitUniform', {
            'in_channels': size['channels'], 'top_width': size['width'],
            'mid_ch': size['mid_ch']})}
    return {role: {'class': cls, 'kwargs': dict(kwargs, wscale=WSCALE)}
            for role, (cls, kwargs) in found.items()}


def repetitions(updater, timed_update):
    """The work of training, by one of :data:`UPDATERS` -> function () of one repetition.

    ``timed_update()`` returns (seconds, {name: loss}). The first repetition is of two updates,
    whose losses are compared: those of the second show what the first one did.

    An answer has 'seconds' an update, of which one in a cycle clips singular values; 'each' one's;
    and the losses that the sides are compared by.
    """
    warm = []

    def run():
        if not warm:
            np.random.seed(TRAINING_SEED)
        timed = [timed_update() for _ in range(TIMED_FREQ if updater == 'svc' or not warm else 1)]
        warm.append(True)
        each = [seconds for seconds, _ in timed]
        clipping = 1 / UPDATES_A_CYCLE if updater == 'svc' else 0
        first, last = ({name: float(loss) for name, loss in losses.items()}
                       for _, losses in (timed[0], timed[-1]))
        return {'seconds': (1 - clipping) * each[0] + clipping * each[-1], 'each': each,
                'found': first, 'found after update': last}
    return run


def answer(seconds, array):
    """The answer of what computes an array, of NumPy or CuPy, with what sides are compared by."""
    array = np.asarray(array.get() if hasattr(array, 'get') else array, np.float64)
    found = {f'value {i}': float(x) for i, x in enumerate(array.ravel()[::array.size // 8])}
    return {'seconds': seconds, 'found': dict(found, rms=float(np.sqrt((array ** 2).mean())))}


def videos(batch, size):
    """Noise in the place of a data set: float32 (2 batch, 16, C, H, W) in [-1, 1)."""
    side = 16 * size['width']
    return _uniform(VIDEO_SEED, 1, (2 * batch, FRAMES, size['channels'], side, side))


def latents(n, size):
    """z_slow to sample from: float32 (n, z) in [-1, 1)."""
    return _uniform(SAMPLING_SEED, 1, (n, size['z']))


def clips(n):
    """Input of C3D: float32 (n, 3, 16, 112, 112)."""
    return _uniform(VIDEO_SEED, 128, (n, 3, FRAMES, 112, 112))


def _uniform(seed, bound, shape):
    return np.random.RandomState(seed).uniform(-bound, bound, shape).astype(np.float32)


def time_on_host(function):
    """Call ``function()`` -> (seconds, what it returned)."""
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def time_on_device(new_event, milliseconds, function):
    """The same with a GPU's seconds, between two events of its stream.

    ``new_event()`` makes one, ``milliseconds(start, end)`` is the time between two.
    """
    start, end = new_event(), new_event()
    start.record()
    result = function()
    end.record()
    end.synchronize()
    return milliseconds(start, end) / 1000, result


def chainer_device(xp):
    """For NumPy or CuPy as ``xp`` -> function that times a call, and one that gives peak memory.

    On a GPU the networks' latent vectors are drawn on the host from now on, as PyTorch's side draws
    them: CuPy's generator has a stream of its own, and then no two losses would agree.
    """
    if not hasattr(xp, 'cuda'):
        return time_on_host, peak_memory
    xp.random.uniform = lambda *args: xp.asarray(np.random.uniform(*args))
    return (functools.partial(time_on_device, xp.cuda.Event, xp.cuda.get_elapsed_time),
            lambda: xp.get_default_memory_pool().total_bytes())


def chainer_works(driver, side, clock, probabilities):
    """The works of either side that runs on Chainer -> {name: work}, as `parity/serving.py` says.

    ``driver`` is `parity/driver.py`, ``side`` one of its sides, ``clock`` of
    :func:`chainer_device`; ``probabilities(c3d, x)`` runs C3D.
    """
    chainer = driver.chainer

    def array(x):
        return x.data if isinstance(x, chainer.Variable) else x

    def in_test_mode(function, seed):
        def run():
            np.random.seed(seed)
            with chainer.using_config('train', False), chainer.no_backprop_mode():
                return answer(*clock(lambda: array(function())))
        return run

    def step(updater, batch, size):
        update = driver.training(
            side, driver.build(side, networks(size), BUILD_SEED), *UPDATERS[updater],
            videos(batch, size), batch, LEARNING_RATE)
        return repetitions(updater, lambda: clock(lambda: {
            name.split('/')[1]: array(loss) for name, loss in update().items()}))

    def sampling(n, size):
        built = driver.build(side, networks(size), BUILD_SEED)
        driver.set_variances(driver.place(side, built), 1)
        make_video = side.get('make_video')
        return in_test_mode(lambda: make_video(built['fsgen'], built['vgen'], n)[0], SAMPLING_SEED)

    def c3d(n):
        network = side.c3d(BUILD_SEED)
        side.place(network)
        x = chainer.Variable(network.xp.asarray(clips(n)))
        return in_test_mode(lambda: probabilities(network, x), SAMPLING_SEED)

    return {'step': step, 'sampling': sampling, 'c3d': c3d}


def peak_memory():
    """The most memory this process has had, in bytes."""
    with open('/proc/self/status') as file:
        line, = (line for line in file if line.startswith('VmHWM:'))
    return int(line.split()[1]) * 1024
