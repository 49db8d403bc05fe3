"""The worker of our side.

    python -m benchmarks.ours_worker GPU

GPU is -1 for the CPU. Requests come as :mod:`parity.serving` says. A work takes the device, the
function that times a call on it, and what the request has, and returns that of one repetition.
"""
import functools
import platform
import sys
import tempfile
from pathlib import Path

import chainer
import h5py
import numpy as np
import threadpoolctl
from chainer.dataset import concat_examples
from chainer.iterators import SerialIterator

from benchmarks import recipe
from parity import replay
from parity.serving import serve
from reference.recordings import CHAINERS, Model
from tgan_chainer.commands.run import run_command
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.datasets.tables import write_table
from tgan_chainer.datasets.ucf_dataset import UCFDataset
from tgan_chainer.device import get_device, gpu_libraries
from tgan_chainer.evaluation.c3d_ft import C3D
from tgan_chainer.hooks.singular_value_clipping import SingularValueClipping, clip_by_svd
from tgan_chainer.models.sampling import make_video

CLIPPED = ('c0', 'c1', 'c2', 'c3', 'c4')
BATCHES = 8
"""Timed at a time."""


def networks(size, device='@numpy'):
    """{'fsgen', 'vgen', 'vdis'}: G0, G1 and D of the recipe, on a device."""
    models = replay.build({role: Model(*model) for role, model in recipe.networks(size).items()},
                          CHAINERS[0], recipe.BUILD_SEED)
    for model in models.values():
        model.to_device(device)
    return models


def step(device, clock, updater, batch, size):
    """A repetition is as many updates as the recipe says, timed one by one."""
    update = replay.training(
        networks(size, device), *recipe.UPDATERS[updater], recipe.videos(batch, size), batch,
        recipe.LEARNING_RATE, device)
    return recipe.repetitions(updater, lambda: clock(lambda: {
        name.split('/')[1]: loss.array for name, loss in update().items()}))


def sampling(device, clock, n, size):
    """``n`` videos from the recipe's latent vectors, in test mode."""
    fsgen, vgen, _ = networks(size, device).values()
    for link in (*fsgen.links(), *vgen.links()):
        if hasattr(link, 'avg_var'):
            link.avg_var[...] = 1    # of no training; Chainer 2 starts at 0, Chainer 7 at 1
    z_slow = device.send(recipe.latents(n, size))
    return lambda: recipe.answer(*clock(lambda: make_video(fsgen, vgen, n, z_slow)[0]))


def c3d(device, clock, n):
    """``n`` clips, forward in test mode."""
    np.random.seed(recipe.BUILD_SEED)
    network = C3D()
    network.to_device(device)
    clips = device.send(recipe.clips(n))

    def run():
        with chainer.using_config('train', False), chainer.no_backprop_mode():
            return recipe.answer(*clock(lambda: network(clips).array))
    return run


# -- clipping of singular values -------------------------------------------------------------------

def svc(device, clock, weights, method, size):
    """Clipping of D's five weights, one by one, each repetition of copies."""
    originals = critic_weights(tuple(size.items()), weights)
    clip = {'ours': _clip_by_hook, 'svd': _clip_on_host}[method]
    facts = [{'layer': layer, **_facts(weight, _on_host(clip(device.send(weight.copy()))))}
             for layer, weight in originals.items()]

    def run():
        copies = [device.send(weight.copy()) for weight in originals.values()]
        each = [clock(lambda weight=weight: clip(weight))[0] for weight in copies]
        return {'seconds': sum(each), 'each': each, 'facts': facts}
    return run


@functools.cache
def critic_weights(size, weights):
    """{layer: weight} of D after as many updates as come before a clipping, ``size`` as items."""
    size = dict(size)
    models, batch = networks(size), size['batch']
    update = replay.training(
        models, 'TGANUpdaterWGANSVC', {'freq': recipe.UPDATES_A_CYCLE + 1},
        recipe.videos(batch, size), batch, recipe.LEARNING_RATE)
    np.random.seed(recipe.TRAINING_SEED)
    for _ in range(recipe.UPDATES_A_CYCLE):
        update()
    found = {name: models['vdis'][name].W.array for name in CLIPPED}
    if weights == 'half':
        return {name: w / np.median(_singular_values(w)) for name, w in found.items()}
    return found


def _singular_values(weight):
    return np.linalg.svd(weight.reshape(len(weight), -1), compute_uv=False)


def _facts(weight, clipped):
    """Shape, singular values above the bound, largest error beside the same in float64."""
    reference = _clip_on_host(weight.astype(np.float64))
    error = np.abs(clipped - reference).max() / np.abs(reference).max()
    return {'shape': list(weight.shape), 'above': int((_singular_values(weight) > 1).sum()),
            'error': float(error)}


def _clip_by_hook(weight):
    link = chainer.Link()
    with link.init_scope():
        link.W = chainer.Parameter(weight)
    link.to_device(chainer.backend.get_device_from_array(weight))
    SingularValueClipping().clip(link)
    return link.W.array


def _clip_on_host(weight):
    host = _on_host(weight)
    clip_by_svd(host.reshape(len(host), -1), 1.0)
    return chainer.backend.get_array_module(weight).asarray(host)


def _on_host(array):
    return chainer.get_device('@numpy').send(array)


# -- loaders ---------------------------------------------------------------------------------------

def loader(device, clock, dataset, batch, n_videos):
    """Batches of a data set, from a file that the system has in memory; timed on the host."""
    folder = tempfile.TemporaryDirectory(prefix='tgan-benchmark-')
    make, _, _ = DATASETS[dataset]
    rs = np.random.RandomState(recipe.VIDEO_SEED)
    iterator = SerialIterator(make(Path(folder.name), n_videos, rs), batch)
    np.random.seed(recipe.TRAINING_SEED)

    def take_batches():
        for _ in range(BATCHES):
            concat_examples(iterator.next(), device)

    # The folder lives as long as the function that is returned.
    return lambda folder=folder: {'seconds': recipe.time_on_host(take_batches)[0] / BATCHES}


def _moving_mnist(folder, n_videos, rs):
    path = str(folder / 'videos.npy')
    np.save(path, rs.randint(0, 256, (20, n_videos, 64, 64)).astype(np.uint8))
    return MovingMNISTDataset(recipe.FRAMES, path)


def _ucf101(folder, n_videos, rs, frames=40):
    path, table = str(folder / 'ucf101.h5'), folder / 'ucf101.csv'
    with h5py.File(path, 'w') as file:
        file['image'] = rs.randint(0, 256, (n_videos * frames, 3, 64, 85), np.uint8)
    start = np.arange(n_videos) * frames
    write_table(table, {'start': start, 'end': start + frames})
    return UCFDataset(recipe.FRAMES, path, str(table))


DATASETS = {'moving_mnist': (_moving_mnist, 'Moving MNIST', 1), 'ucf101': (_ucf101, 'UCF-101', 3)}
"""Name -> function that makes it, of noise, in a folder; label, channels of a frame."""


# -- the process -----------------------------------------------------------------------------------

def sgemm(device, clock, width):
    """A product of two square matrices in float32, on all threads of BLAS."""
    rs = np.random.RandomState(0)
    factors = [device.send(rs.rand(width, width).astype(np.float32)) for _ in range(2)]
    out = device.xp.empty((width, width), np.float32)
    return lambda: {'seconds': clock(lambda: device.xp.matmul(*factors, out=out))[0]}


def copy(device, clock, width):
    """A copy of a square matrix of float32."""
    source = device.send(np.ones((width, width), np.float32))
    out = device.xp.empty_like(source)
    return lambda: {'seconds': clock(lambda: device.xp.copyto(out, source))[0]}


def environment(device):
    """What this process runs on: Python, versions, libraries with threads."""
    libraries = {found['prefix']: f'{found["version"]} {found.get("architecture", "")} '
                 f'({found["num_threads"]} threads)' for found in threadpoolctl.threadpool_info()}
    return {'python': platform.python_version(), 'chainer': chainer.__version__,
            'numpy': np.__version__, **libraries,
            **({} if device.xp is np else {'GPU': gpu_libraries()})}


def _serve():
    device = get_device(int(sys.argv[1]))
    device.use()
    clock, peak = recipe.chainer_device(device.xp)
    works = {work.__name__: functools.partial(work, device, clock)
             for work in (step, sampling, c3d, svc, loader, sgemm, copy)}
    serve(lambda: (works, environment(device)), lambda: {'peak': peak()})


if __name__ == '__main__':
    sys.exit(run_command(_serve))    # which sets what the package's commands set
