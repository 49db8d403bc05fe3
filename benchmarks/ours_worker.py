"""The worker of our side.

    python -m benchmarks.ours_worker GPU

GPU is -1 for the CPU. Requests come as :mod:`parity.serving` says. A work takes the device, the
function that times a call on it, and what the request has, and returns that of one repetition.
"""
import functools
import platform
import sys
import tempfile
from types import SimpleNamespace

import chainer
import numpy as np
import threadpoolctl
from chainer.dataset import concat_examples
from chainer.iterators import SerialIterator

from benchmarks import recipe
from parity import backend, driver, replay
from parity.checks import data
from parity.serving import UnavailableError, serve
from tgan_chainer.commands.run import run_command
from tgan_chainer.device import gpu_libraries
from tgan_chainer.evaluation.c3d_ft import C3D
from tgan_chainer.hooks.singular_value_clipping import SingularValueClipping, clip_by_svd

CLIPPED = ('c0', 'c1', 'c2', 'c3', 'c4')
_on_host = chainer.get_device('@numpy').send
BATCHES, PROFILED = 8, 10
"""Batches and updates that are timed at a time."""


def networks(size):
    """{'fsgen', 'vgen', 'vdis'}: G0, G1 and D of the recipe, on the CPU."""
    return driver.build(replay.OURS, recipe.networks(size), recipe.BUILD_SEED)


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
    update = driver.training(
        replay.OURS, models, 'TGANUpdaterWGANSVC', {'freq': recipe.UPDATES_A_CYCLE + 1},
        recipe.videos(batch, size), batch, recipe.LEARNING_RATE)
    np.random.seed(recipe.TRAINING_SEED)
    for _ in range(recipe.UPDATES_A_CYCLE):
        update()
    found = {name: _on_host(models['vdis'][name].W.array) for name in CLIPPED}
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


def loader(device, clock, dataset, batch, n_videos):
    """Batches of a data set, from a file that the system has in memory; timed on the host."""
    folder = tempfile.TemporaryDirectory(prefix='tgan-benchmark-')
    cls, noise, _, _ = DATASETS[dataset]
    contents = noise(np.random.RandomState(recipe.VIDEO_SEED), n_videos)
    iterator = SerialIterator(data.make(cls, folder.name, SimpleNamespace(**contents)), batch)
    np.random.seed(recipe.TRAINING_SEED)

    def take_batches():
        for _ in range(BATCHES):
            concat_examples(iterator.next(), device)

    # The folder lives as long as the function that is returned.
    return lambda folder=folder: {'seconds': recipe.time_on_host(take_batches)[0] / BATCHES}


DATASETS = {
    'moving_mnist': ('MovingMNISTDataset', lambda rs, n: {
        'moving_mnist': rs.randint(0, 256, (20, n, 64, 64), np.uint8)}, 'Moving MNIST', 1),
    'ucf101': ('UCFDataset', lambda rs, n: {
        'ucf_image': rs.randint(0, 256, (40 * n, 3, 64, 85), np.uint8),
        'ucf_spans': [(40 * i, 40 * i + 40) for i in range(n)]}, 'UCF-101', 3)}
"""Name -> class, contents of its files, of noise; label, channels of a frame."""


def kernels(device, clock, batch, size):
    """Updates of WGAN with weight clipping under PyTorch's profiler, which sees all of a process.

    In its text there is no kernel without a GPU.
    """
    try:
        from torch.autograd import DeviceType
        from torch.profiler import ProfilerActivity, profile
    except ImportError as error:
        raise UnavailableError(f'PyTorch, whose profiler this takes: {error}') from None
    update = driver.training(replay.OURS, networks(size), *recipe.UPDATERS['clip'],
                             recipe.videos(batch, size), batch, recipe.LEARNING_RATE)

    def updates():    # between which the host does not wait
        for _ in range(PROFILED):
            update()

    def run():
        clock(updates)    # compiles
        milliseconds = 1000 * clock(updates)[0] / PROFILED
        with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
            clock(updates)
        rows = sorted(((each.self_device_time_total / 1000 / PROFILED, each.count / PROFILED,
                        each.key) for each in found.key_averages()
                       if each.device_type == DeviceType.CUDA), reverse=True)
        return {'text': '\n'.join([
            f'{milliseconds:.2f} ms an update; {sum(n for _, n, _ in rows):.0f} kernels and copies '
            f'keep the GPU busy for {sum(busy for busy, *_ in rows):.2f} ms of them',
            *(f'{busy:9.3f} ms {n:7.1f} x  {name[:120]}' for busy, n, name in rows)])}
    return run


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
    backend.use(None, int(sys.argv[1]))
    device = backend.device
    clock, peak = recipe.chainer_device(device.xp)
    works = {work.__name__: functools.partial(work, device, clock)
             for work in (svc, loader, kernels, sgemm, copy)}
    works |= recipe.chainer_works(driver, replay.OURS, clock, C3D.__call__)
    serve(lambda: (works, environment(device)), lambda: {'peak': peak()})


if __name__ == '__main__':
    sys.exit(run_command(_serve))    # which sets what the package's commands set
