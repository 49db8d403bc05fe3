"""Every system and updater on a GPU, beside our CPU kernels; TGAN by itself is `parity --gpu`."""
import chainer
import numpy as np
import pytest
from chainer.iterators import SerialIterator
from chainer.optimizers import Adam, MomentumSGD, RMSprop

from parity import backend, driver
from tests import systems
from tests.gpu.conftest import no_waiting
from tgan_chainer import config
from tgan_chainer.functions.cpu.jit import numba
from tgan_chainer.models.sampling import make_video
from tgan_chainer.updaters import tgan_updater_wgan as wgan
from tgan_chainer.updaters.tgan_updater_lsgan import TGANUpdaterLSGAN
from tgan_chainer.updaters.tgan_updater_pulling_away import TGANUpdaterWGANPullingAway
from tgan_chainer.updaters.tgan_updater_vanilla import TGANUpdaterVanilla

SYSTEMS = {
    'TGAN': (systems.tgan, wgan.TGANUpdaterWGANParallelSVC, {'freq': 1}, RMSprop),
    'TGAN, shuffled': (systems.tgan, wgan.TGANUpdaterWGANClip, {'shuffle_time_order': 0.}, RMSprop),
    'pulling away': (systems.tgan, TGANUpdaterWGANPullingAway, {'freq': 1}, Adam),
    'video and frame': (systems.video_and_frame, wgan.TGANUpdaterWGANVideoFrameDis, {},
                        MomentumSGD),
    'conditional': (systems.conditional_tgan, wgan.TGANUpdaterWGANSVC, {'freq': 1}, RMSprop),
    'G1(z1)': (systems.z1_only, TGANUpdaterLSGAN, {}, Adam),
    '3D model': (systems.model_3d, TGANUpdaterVanilla, {}, RMSprop),
    'Video GAN': (systems.video_gan, wgan.TGANUpdaterWGANSVC, {'freq': 1}, RMSprop),
}

TOLERANCES = {
    # 1e-16 a term, in sums of 1e4 terms; RMSprop and Adam divide gradients by at least 1e-8, so
    # the rounding of a gradient that is zero moves a parameter by 1e-12 an update. Another rule
    # moves it by the learning rate, 5e-5.
    'float64': 1e-9,
    # 1e-7 a term, times 224 in each layer that normalises nearly equal values: a unit that rounds
    # across zero takes the other slope of its ReLU, which changed a gradient by 3e-2. A formula
    # that is wrong fails in float64; this is for dtypes and kernels of float32.
    'float32': 0.1,
}


def make_updater(system, dtype, device):
    """A small training; the same bytes on each device."""
    make, cls, arguments, optimizer = SYSTEMS[system]
    np.random.seed(0)
    with chainer.using_config('dtype', np.dtype(dtype)):
        models = make()
        videos = np.random.uniform(-1, 1, (9, 16, 1, 64, 64)).astype(dtype)
        if system == 'video and frame':    # finds sizes in its first call
            with chainer.using_config('train', False), chainer.no_backprop_mode():
                models[2](videos[:1].transpose(0, 2, 1, 3, 4))
    optimizers = {}
    for name, model in zip(config.NETWORKS, models, strict=True):
        if model:
            for link in model.links():
                if hasattr(link, 'avg_var'):    # at 0, test mode multiplies by 224 a layer
                    link.avg_var[...] = 1
            model.to_device(device)
            optimizers[name] = optimizer(5e-5).setup(model)
    examples = systems.labelled(videos) if models[2].n_categories else videos
    return cls(models=models, iterator=SerialIterator(examples, 3, shuffle=False),
               optimizer=optimizers, device=device, **arguments)


def run(system, dtype, device, updates):
    """Sample, then train -> {name: array}: videos, of the first update, and of the end."""
    updater = make_updater(system, dtype, device)
    networks = {name: optimizer.target for name, optimizer in updater.get_all_optimizers().items()}
    reporter, first = chainer.Reporter(), {}
    for name, network in networks.items():
        reporter.add_observer(name, network)
    np.random.seed(1)
    with backend.random_numbers_of_numpy(), chainer.using_config('dtype', np.dtype(dtype)):
        n = 4
        labels = np.arange(n, dtype=np.int32) % 3 if networks['vdis'].n_categories else None
        videos = make_video(networks.get('fsgen'), networks['vgen'], n,
                            labels=labels if labels is None else device.send(labels))
        for i in range(updates):
            losses = {}
            # The first update compiles kernels, and uploads them.
            with reporter.scope(losses), no_waiting(device if i else chainer.get_device('@numpy')):
                updater.update()
            if not i:
                first = arrays_of(networks, 'grad') | {key: chainer.as_array(loss)
                                                       for key, loss in losses.items()}
                first = {key: driver.array_of(array).copy() for key, array in first.items()}
    end = arrays_of(networks, 'array')
    for name, network in networks.items():
        for path, link in network.namedlinks():
            end |= {f'{name}{path}/{key}': getattr(link, key) for key in link._persistent
                    if key.startswith('avg_')}
    videos = dict(zip(('video', 'z_slow', 'z_fast'), videos, strict=True))
    return [{key: driver.array_of(array) for key, array in found.items() if array is not None}
            for found in (videos, first, end)]


def arrays_of(networks, attribute):
    return {name + path: getattr(param, attribute) for name, network in networks.items()
            for path, param in network.namedparams()}


def on_the_cpu(system, dtype, updates):
    with chainer.using_config('tgan_cpu_kernels', 'tgan' if numba else 'chainer'):
        return run(system, dtype, chainer.get_device('@numpy'), updates)


def assert_close(found, expected, tolerance):
    """The largest difference of each array, relative to the largest value of all of them."""
    assert found.keys() == expected.keys()
    scale = max(np.abs(array).max() for array in expected.values())
    for key, array in found.items():
        assert (array.dtype, array.shape) == (expected[key].dtype, expected[key].shape), key
        np.testing.assert_allclose(array, expected[key], rtol=0, atol=tolerance * scale,
                                   err_msg=key)


@pytest.mark.parametrize('dtype', TOLERANCES)
@pytest.mark.parametrize('system', SYSTEMS)
def test_updates_and_samples_are_those_of_the_cpu_and_no_update_waits(
        system, dtype, gpu, device):
    updates = 12 if dtype == 'float64' and gpu >= 0 else 2
    found, expected = run(system, dtype, device, updates), on_the_cpu(system, dtype, updates)
    if dtype == 'float32':    # in which the optimizers make whole steps of mere rounding
        assert {array.dtype for array in found.pop().values()} == {np.dtype(dtype)}
    for ours, theirs in zip(found, expected, strict=dtype == 'float64'):
        assert_close(ours, theirs, TOLERANCES[dtype])


def test_a_wait_is_noticed(gpu, device):
    if gpu < 0:
        pytest.skip('on the CPU there is nothing to wait for')
    import cupyx
    loss = device.xp.ones(())
    with no_waiting(device), pytest.raises(cupyx.DeviceSynchronized):
        float(loss)
