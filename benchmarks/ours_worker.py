"""The worker of our side, and of Chainer's kernels with the authors' algorithm.

    python -m benchmarks.ours_worker GPU

GPU is -1 for the CPU; ``TGAN_CPU_KERNELS=chainer`` in the environment chooses Chainer's kernels.
Requests come as :mod:`benchmarks.protocol` says; the works are the classes below.
"""
import contextlib
import functools
import importlib.util
import shutil
import sys
import tempfile
import weakref
from pathlib import Path

import chainer
import h5py
import numpy as np
from chainer.dataset import concat_examples
from chainer.iterators import SerialIterator

from benchmarks import authors, machine, recipe
from benchmarks.device_clock import DeviceClock
from benchmarks.protocol import UnavailableError, serve, time_on_host
from tgan_chainer.commands.run import run_command
from tgan_chainer.config import Optimizer
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.datasets.tables import write_table
from tgan_chainer.datasets.ucf_dataset import UCFDataset
from tgan_chainer.device import get_device
from tgan_chainer.evaluation.c3d_ft import C3D
from tgan_chainer.hooks.singular_value_clipping import SingularValueClipping
from tgan_chainer.models import frame_seed_generator, video_discriminator, video_generator
from tgan_chainer.models.sampling import make_video
from tgan_chainer.updaters import tgan_updater_lsgan, tgan_updater_vanilla, tgan_updater_wgan

_MODULES = {'fsgen': frame_seed_generator, 'vgen': video_generator, 'vdis': video_discriminator}
_UPDATERS = {name: cls
             for module in (tgan_updater_lsgan, tgan_updater_vanilla, tgan_updater_wgan)
             for name, cls in vars(module).items() if name.startswith('TGANUpdater')}


def build_networks(size, device=None):
    """G0, G1 and D of the recipe, on a device -> (fsgen, vgen, vdis)."""
    np.random.seed(recipe.BUILD_SEED)
    models = tuple(getattr(_MODULES[role], cls)(**kwargs)
                   for role, (cls, kwargs) in recipe.networks(size).items())
    for model in models:
        model.to_device(device or '@numpy')
    return models


def build_updater(name, algorithm, batch, size, device=None, **kwargs):
    """An updater of the recipe, on networks and noise of its own.

    Args:
        name (str): One of :data:`benchmarks.recipe.UPDATERS`.
        algorithm (str): 'ours' or 'authors'.
        batch (int), size (dict): See :mod:`benchmarks.recipe`.
        device: None is the CPU.
        **kwargs: Instead of the updater's arguments in the recipe.
    """
    cls, defaults = recipe.UPDATERS[name]
    cls = authors.UPDATERS[name] if algorithm == 'authors' else _UPDATERS[cls]
    models = build_networks(size, device)
    optimizers = {role: _optimizer(algorithm).setup(model)
                  for role, model in zip(_MODULES, models, strict=True)}
    iterator = SerialIterator(recipe.videos(batch, size), batch, shuffle=False)
    return cls(models=models, iterator=iterator, optimizer=optimizers, device=device,
               **{**defaults, **kwargs})


def _optimizer(algorithm):
    if algorithm == 'authors':
        return chainer.optimizers.RMSprop(recipe.LEARNING_RATE, recipe.ALPHA, recipe.RMSPROP_EPS)
    return Optimizer(args={'lr': recipe.LEARNING_RATE}).build()


def update(updater):
    """One update -> the losses it reports, as scalars of its device."""
    reporter, observation = chainer.Reporter(), {}
    reporter.add_observer('vdis', updater.vdis)
    with reporter.scope(observation):
        updater.update()
    return {name.split('/')[1]: loss.array for name, loss in observation.items()}


class Step:
    """Training steps; a repetition is as many updates as the recipe says, timed one by one."""

    def __init__(self, device, updater, algorithm, batch, size):
        self.facts = {}
        self._clock = DeviceClock(device)
        self._name = updater
        self._updater = build_updater(updater, algorithm, batch, size, device)

    def run(self):
        """-> 'seconds' of each update; what was found in the losses; the first time, 'counts'."""
        if self._updater.iteration:
            return self._repeat(warm=True)
        np.random.seed(recipe.TRAINING_SEED)
        counts, answer = self._clock.count(lambda: self._repeat(warm=False))
        return {**answer, 'counts': counts}

    def _repeat(self, warm):
        timed = [self._clock.time(lambda: update(self._updater))
                 for _ in range(recipe.updates_a_repetition(self._name, warm))]
        return {'seconds': [seconds for seconds, _ in timed], **recipe.found_in_losses(timed)}


class Sampling:
    """Generated videos, in test mode."""

    def __init__(self, device, n, size):
        self.facts = {}
        self._clock = DeviceClock(device)
        self._fsgen, self._vgen, _ = build_networks(size, device)
        for link in (*self._fsgen.links(), *self._vgen.links()):
            if hasattr(link, 'avg_var'):
                link.avg_var[...] = 1    # of no training; Chainer 2 starts at 0, Chainer 7 at 1
        self._z_slow = device.send(recipe.latents(n, size))

    def run(self):
        """-> 'seconds'; 'found' of the videos."""
        seconds, (video, _, _) = self._clock.time(
            lambda: make_video(self._fsgen, self._vgen, len(self._z_slow), self._z_slow))
        return {'seconds': [seconds], 'found': recipe.found_in_videos(_on_host(video))}


class Classification:
    """C3D, forward in test mode."""

    def __init__(self, device, n):
        self.facts = {}
        self._clock = DeviceClock(device)
        np.random.seed(recipe.BUILD_SEED)
        self._network = C3D()
        self._network.to_device(device)
        self._clips = device.send(recipe.clips(n))

    def run(self):
        """-> 'seconds'; 'found' in the probabilities."""
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            seconds, probabilities = self._clock.time(lambda: self._network(self._clips))
        return {'seconds': [seconds],
                'found': recipe.found_in_probabilities(_on_host(probabilities.array))}


class Product:
    """A product of two square matrices in float32, on all threads of BLAS."""

    def __init__(self, device, width):
        self.facts = {}
        self._clock = DeviceClock(device)
        rs = np.random.RandomState(0)
        self._factors = [device.send(rs.rand(width, width).astype(np.float32)) for _ in range(2)]
        self._product = device.xp.empty((width, width), np.float32)

    def run(self):
        """-> 'seconds'."""
        xp = chainer.backend.get_array_module(self._product)
        seconds, _ = self._clock.time(lambda: xp.matmul(*self._factors, out=self._product))
        return {'seconds': [seconds]}


class SingularValues:
    """Clipping of one of D's weights, as it is before the first clipping of a training."""

    def __init__(self, device, layer, method, size):
        if method == 'scipy' and importlib.util.find_spec('scipy') is None:
            raise UnavailableError(
                f'SciPy is not installed for {sys.executable}: pip install scipy')
        self._clip = SVC_METHODS[method]
        self._clock = DeviceClock(device)
        size = tuple(size.items())
        weight = critic_weights(size)[layer]
        self._weight = device.send(weight)
        reference, above = clipped_in_float64(size, layer)
        error = np.abs(_on_host(self._clip(self._weight.copy())) - reference).max()
        self.facts = {'shape': list(weight.shape), 'singular values above the bound': above,
                      'error': float(error / np.abs(reference).max())}

    def run(self):
        """-> 'seconds', without the copy that is clipped."""
        weight = self._weight.copy()
        return {'seconds': [self._clock.time(lambda: self._clip(weight))[0]]}


@functools.cache
def critic_weights(size):
    """{layer: weight} of D after as many updates as come before a clipping, ``size`` as items."""
    size = dict(size)
    updater = build_updater('svc', 'ours', 8, size, freq=recipe.UPDATES_A_CYCLE + 1)
    np.random.seed(recipe.TRAINING_SEED)
    for _ in range(recipe.UPDATES_A_CYCLE):
        update(updater)
    return {name: updater.vdis[name].W.array for name in ('c0', 'c1', 'c2', 'c3', 'c4')}


@functools.cache
def clipped_in_float64(size, layer):
    """The same weight clipped in float64, and how many singular values exceeded the bound."""
    weight = critic_weights(size)[layer].astype(np.float64)
    singular = np.linalg.svd(weight.reshape(len(weight), -1), compute_uv=False)
    return authors.clip_singular_values(weight), int((singular > 1).sum())


def _clip_by_hook(weight):
    link = chainer.Link()
    with link.init_scope():
        link.W = chainer.Parameter(weight)
    link.to_device(chainer.backend.get_device_from_array(weight))
    SingularValueClipping().clip(link)
    return link.W.array


def _clip_by_numpy(weight):
    xp = chainer.backend.get_array_module(weight)
    return xp.asarray(authors.clip_singular_values(_on_host(weight)))


def _clip_by_scipy(weight):
    from scipy import linalg
    xp, host = chainer.backend.get_array_module(weight), _on_host(weight)
    u, s, vt = linalg.svd(host.reshape(len(host), -1), full_matrices=False)
    return xp.asarray(((u * np.minimum(s, 1)) @ vt).reshape(host.shape))


SVC_METHODS = {'ours': _clip_by_hook, 'numpy': _clip_by_numpy, 'scipy': _clip_by_scipy}
"""Who clips singular values: our hook, the authors' algorithm on NumPy, the same on SciPy."""


class Loader:
    """Batches of a data set, from a file that the system has in memory."""

    BATCHES = 8

    def __init__(self, device, dataset, batch, n_videos):
        self.facts = {}
        folder = tempfile.mkdtemp(prefix='tgan-benchmark-')
        weakref.finalize(self, shutil.rmtree, folder)
        self._device = device
        dataset = {'moving_mnist': _moving_mnist, 'ucf101': _ucf101}[dataset](folder, n_videos)
        self._iterator = SerialIterator(dataset, batch)
        np.random.seed(recipe.TRAINING_SEED)

    def run(self):
        """-> 'seconds' a batch."""
        seconds, _ = time_on_host(self._take_batches)
        return {'seconds': [seconds / self.BATCHES]}

    def _take_batches(self):
        for _ in range(self.BATCHES):
            concat_examples(self._iterator.next(), self._device)


def _moving_mnist(folder, n_videos):
    path = Path(folder, 'mnist_test_seq.npy')
    rs = np.random.RandomState(recipe.VIDEO_SEED)
    np.save(path, rs.randint(0, 256, (20, n_videos, 64, 64)).astype(np.uint8))
    return MovingMNISTDataset(recipe.FRAMES, str(path))


def _ucf101(folder, n_videos, frames=40):
    path, table = str(Path(folder, 'ucf101.h5')), Path(folder, 'ucf101.csv')
    rs = np.random.RandomState(recipe.VIDEO_SEED)
    with h5py.File(path, 'w') as file:
        image = file.create_dataset('image', (n_videos * frames, 3, 64, 85), np.uint8)
        for i in range(n_videos):
            image[i * frames:(i + 1) * frames] = rs.randint(0, 256, (frames, 3, 64, 85))
    start = np.arange(n_videos) * frames
    write_table(table, {'start': start, 'end': start + frames})
    return UCFDataset(recipe.FRAMES, path, str(table))


def _on_host(array):
    return chainer.get_device('@numpy').send(array)


WORKS = {'step': Step, 'sampling': Sampling, 'c3d': Classification, 'sgemm': Product,
         'svc': SingularValues, 'loader': Loader}
"""By their names in requests."""


def main():
    """Serve requests on the device of the command line.

    Ours with what every command of this package sets in its process; Chainer's without.
    """
    if chainer.config.tgan_cpu_kernels == 'chainer':
        return _serve()
    return run_command(_serve)


def _serve():
    device = get_device(int(sys.argv[1]))
    device.use()
    with contextlib.suppress(KeyboardInterrupt):    # the process that asks tells the user
        serve(lambda: machine.interpreter('chainer', 'numpy'),
              {name: functools.partial(work, device) for name, work in WORKS.items()},
              DeviceClock(device).peak)


if __name__ == '__main__':
    sys.exit(main())
