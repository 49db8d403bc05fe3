"""The algebra of the updates; their numbers against the authors' are tests/parity/."""
from unittest import mock

import chainer
import numpy as np
import pytest
import threadpoolctl
from chainer.iterators import SerialIterator

from tgan_chainer.models import video_gan as video_gan_module
from tgan_chainer.models.conditional_tgan import (
    ConditionalFrameSeedGenerator,
    ConditionalVideoDiscriminator,
    ConditionalVideoGenerator,
)
from tgan_chainer.models.frame_seed_generator import FrameSeedGeneratorInitUniform
from tgan_chainer.models.model_3d import VideoGenerator3D
from tgan_chainer.models.video_discriminator import (
    VideoAndFrameDiscriminator,
    VideoDiscriminatorNoBetaInitUniform,
)
from tgan_chainer.models.video_gan import VideoGANDiscriminator, VideoGANGenerator
from tgan_chainer.models.video_generator import VideoGeneratorInitUniform
from tgan_chainer.models.z1_only import VideoGeneratorZ1Only
from tgan_chainer.updaters import tgan_updater_base
from tgan_chainer.updaters.tgan_updater_lsgan import TGANUpdaterLSGAN
from tgan_chainer.updaters.tgan_updater_vanilla import TGANUpdaterVanilla
from tgan_chainer.updaters.tgan_updater_wgan import (
    TGANUpdaterWGAN,
    TGANUpdaterWGANClip,
    TGANUpdaterWGANParallelSVC,
    TGANUpdaterWGANSVC,
    TGANUpdaterWGANVideoFrameDis,
)

EVERY = [TGANUpdaterVanilla, TGANUpdaterLSGAN, TGANUpdaterWGANClip, TGANUpdaterWGANSVC,
         TGANUpdaterWGANParallelSVC]


@pytest.fixture(autouse=True)
def float64():
    with chainer.using_config('dtype', np.float64):
        yield


def tgan(vdis=None):
    return (FrameSeedGeneratorInitUniform(z_slow_dim=4, z_fast_dim=5, wscale=0.1),
            VideoGeneratorInitUniform(4, 5, 1, 4, conv_ch=16, wscale=0.1),
            vdis or VideoDiscriminatorNoBetaInitUniform(1, 4, 2, wscale=0.1))


def conditional_tgan():
    return (ConditionalFrameSeedGenerator(3, z_slow_dim=4, z_fast_dim=5, wscale=0.1),
            ConditionalVideoGenerator(3, 4, 5, 1, 4, conv_ch=16, wscale=0.1),
            ConditionalVideoDiscriminator(3, 1, 4, 2, wscale=0.1))


def z1_only():
    return (FrameSeedGeneratorInitUniform(z_slow_dim=4, z_fast_dim=5, wscale=0.1),
            VideoGeneratorZ1Only(5, 1, 4, conv_ch=16, wscale=0.1),
            VideoDiscriminatorNoBetaInitUniform(1, 4, 2, wscale=0.1))


def model_3d():
    return (None, VideoGenerator3D(4, 1, 4, conv_ch=8, wscale=0.1),
            VideoDiscriminatorNoBetaInitUniform(1, 4, 2, wscale=0.1))


def video_gan():
    return None, VideoGANGenerator(4, 1, 4, conv_ch=8), VideoGANDiscriminator(1, 4, 2)


def make_updater(cls, models=tgan, batch=3, **kwargs):
    np.random.seed(0)
    models = models()
    examples = np.random.uniform(-1, 1, (7, 16, 1, 64, 64))
    if models[2].__class__ is ConditionalVideoDiscriminator:
        examples = [(video, np.int32(i % 3)) for i, video in enumerate(examples)]
    optimizer = {name: chainer.optimizers.RMSprop(lr=5e-5).setup(model)
                 for name, model in zip(('fsgen', 'vgen', 'vdis'), models, strict=True) if model}
    return cls(models=models, iterator=SerialIterator(examples, batch, shuffle=False),
               optimizer=optimizer, device=-1, **kwargs)


def update(updater):
    reporter, observation = chainer.Reporter(), {}
    for name, optimizer in updater.get_all_optimizers().items():
        reporter.add_observer(name, optimizer.target)
    with reporter.scope(observation):
        updater.update()
    return {key: float(value.array) for key, value in observation.items()}


def gradients(updater):
    return {(type(model).__name__, name): param.grad.copy()
            for model in (updater.fsgen, updater.vgen, updater.vdis) if model
            for name, param in model.namedparams() if param.grad is not None}


def test_one_backward_pass_of_wgan_gives_the_gradients_of_two():
    updater = make_updater(TGANUpdaterWGAN)
    update(updater)
    ours = gradients(updater)

    other = make_updater(TGANUpdaterWGAN)
    real, fake, d_fake, d_real = other.forward()
    for model in (other.fsgen, other.vgen, other.vdis):
        model.cleargrads()
    (-chainer.functions.sum(d_fake) / len(real)).backward()
    expected = {key: grad for key, grad in gradients(other).items() if 'Dis' not in key[0]}
    fake.unchain_backward()
    other.vdis.cleargrads()
    (chainer.functions.sum(d_fake) / 3 - chainer.functions.sum(d_real) / 3).backward()
    expected.update({key: grad for key, grad in gradients(other).items() if 'Dis' in key[0]})
    assert len(expected) > 30
    for key, grad in expected.items():
        # 1e-12 of the scale: the two sum the same float64 terms in another order.
        np.testing.assert_allclose(ours[key], grad, rtol=0, atol=1e-12 * abs(grad).max() + 1e-15,
                                   err_msg=str(key))


def test_lsgan_keeps_the_generators_gradient_in_the_critic():
    updater = make_updater(TGANUpdaterLSGAN)
    update(updater)
    kept = gradients(updater)

    other = make_updater(TGANUpdaterLSGAN)
    _, _, d_fake, d_real = other.forward()
    expected = {}
    for losses in ([(d_fake, 0), (d_fake, -1), (d_real, 1)], [(d_fake, -1), (d_real, 1)]):
        other.vdis.cleargrads()
        sum(chainer.functions.mean(chainer.functions.square(scores - target))
            for scores, target in losses).backward()
        expected[len(losses)] = other.vdis.c0.W.grad.copy()
    ours = kept['VideoDiscriminatorNoBetaInitUniform', '/c0/W']
    np.testing.assert_allclose(ours, expected[3], atol=1e-12 * abs(expected[3]).max())
    assert abs(ours - expected[2]).max() > 1e-3 * abs(expected[2]).max()


def test_vanilla_labels():
    _, _, d_fake, d_real = make_updater(TGANUpdaterVanilla).forward()
    losses = update(make_updater(TGANUpdaterVanilla))
    softplus = np.logaddexp(0, [-d_fake.array.ravel(), d_real.array.ravel()]).mean(axis=1)
    assert losses['vdis/loss_dis_fake'] == pytest.approx(softplus[0], rel=1e-12)
    assert losses['vdis/loss_dis_real'] == pytest.approx(softplus[1], rel=1e-12)


@pytest.mark.parametrize('cls', [TGANUpdaterWGANSVC, TGANUpdaterWGANParallelSVC])
def test_singular_values_are_clipped_every_freq_updates(cls):
    updater = make_updater(
        cls, lambda: tgan(VideoDiscriminatorNoBetaInitUniform(1, 4, 2, wscale=1)), freq=2)
    largest = []
    for _ in range(3):
        update(updater)
        largest.append(np.linalg.norm(updater.vdis.c2.W.array.reshape(8, -1), 2))
    assert largest[0] > 1.01
    assert largest[1] <= 1 + 1e-12


def video_and_frame():
    """Networks whose D is a pair, all of its parameters drawn."""
    vdis = VideoAndFrameDiscriminator(1, 4, 2)
    vdis(np.zeros((1, 1, 16, 64, 64)))
    return tgan(vdis)


def test_the_losses_of_a_pair_add_both_means():
    _, _, d_fake, d_real = make_updater(TGANUpdaterWGANVideoFrameDis, video_and_frame).forward()
    fake, real = (sum(score.array.sum() for score in pair) / 3 for pair in (d_fake, d_real))
    losses = update(make_updater(TGANUpdaterWGANVideoFrameDis, video_and_frame))
    assert losses['vdis/loss_gen'] == pytest.approx(-fake, rel=1e-12)    # sums in another order
    assert losses['vdis/loss_dis'] == pytest.approx(fake - real, rel=1e-12)


def test_both_critics_of_a_pair_are_trained_and_clipped():
    updater = make_updater(TGANUpdaterWGANVideoFrameDis, video_and_frame)
    for critic in (updater.vdis.video_dis, updater.vdis.frame_dis):
        critic.c1.W.array *= 100
    last = updater.vdis.video_dis.c4.W, updater.vdis.frame_dis.l4l.W
    before = [param.array.copy() for param in last]
    update(updater)
    for param, array in zip(last, before, strict=True):
        assert (param.array != array).any()
    for critic in (updater.vdis.video_dis, updater.vdis.frame_dis):
        # 1 but for the rounding of float64; without clipping it is about 100.
        assert np.linalg.norm(critic.c1.W.array.reshape(4, -1), 2) <= 1 + 1e-12


@pytest.mark.parametrize('cls, models, message', [
    (TGANUpdaterWGANVideoFrameDis, lambda: tgan(), 'returns one score, .* take TGANUpdaterWGANSVC'),
    *((cls, video_and_frame, f'returns a pair of scores, {cls.__name__} takes one score; take '
       'TGANUpdaterWGANVideoFrameDis')
      for cls in (TGANUpdaterVanilla, TGANUpdaterLSGAN, TGANUpdaterWGANSVC))])
def test_an_updater_for_another_critic_is_refused(cls, models, message):
    with pytest.raises(ValueError, match=message):
        make_updater(cls, models)


def test_steps_can_be_overridden():
    class Black(TGANUpdaterWGANSVC):
        def _get_real_video(self):
            return chainer.Variable(np.zeros((2, 1, 16, 64, 64)))

    real, fake, d_fake, d_real = make_updater(Black).forward()
    assert not real.array.any()
    assert fake.shape == (2, 1, 16, 64, 64)
    assert d_fake.shape == d_real.shape == (2, 1, 1, 1)


@pytest.mark.parametrize('p, shuffled', [(None, 0), (1.0, 0), (0.0, 20), (0.25, 15)])
def test_time_is_shuffled_with_probability_one_minus_p(p, shuffled):
    updater = make_updater(TGANUpdaterWGAN, shuffle_time_order=p)
    np.random.seed(1)
    # 20 draws: the binomial of 0.75 lies in 10..20 for this seed and nearly every other.
    assert sum(updater._shuffles_time() for _ in range(20)) == pytest.approx(shuffled, abs=5 * (
        p == 0.25))


def test_without_shuffling_no_random_number_is_drawn():
    updater = make_updater(TGANUpdaterWGAN)
    state = np.random.get_state()[1].copy()
    updater._shuffles_time()
    np.testing.assert_array_equal(np.random.get_state()[1], state)


def test_one_permutation_of_time_for_the_whole_batch():
    video = np.broadcast_to(np.arange(16.0)[:, None, None], (2, 3, 16, 4, 4))
    permuted = tgan_updater_base.permute_time(chainer.Variable(video.copy())).array
    order = permuted[0, 0, :, 0, 0]
    assert sorted(order) == list(range(16)) and list(order) != list(range(16))
    np.testing.assert_array_equal(permuted, np.broadcast_to(order[:, None, None], permuted.shape))


@pytest.mark.parametrize('p', [-0.1, 1.1])
def test_shuffle_time_order_is_a_probability(p):
    with pytest.raises(ValueError, match='shuffle_time_order'):
        make_updater(TGANUpdaterWGAN, shuffle_time_order=p)


# -- every system ----------------------------------------------------------------------------------

SYSTEMS = [tgan, conditional_tgan, z1_only, model_3d, video_gan]


@pytest.mark.parametrize('cls', EVERY)
@pytest.mark.parametrize('models', SYSTEMS)
def test_every_updater_trains_every_system(cls, models):
    updater = make_updater(cls, models)
    networks = {name: optimizer.target for name, optimizer in updater.get_all_optimizers().items()}
    assert list(networks) == (['vgen', 'vdis'] if updater.fsgen is None
                              else ['fsgen', 'vgen', 'vdis'])
    before = {name: network.copy(mode='copy') for name, network in networks.items()}
    losses = update(updater)
    penalty = {'vgen/penalty'} if models is video_gan else set()
    assert losses.keys() == {f'vdis/{name}' for name in cls.losses} | penalty
    assert all(np.isfinite(loss) for loss in losses.values())
    assert updater.iteration == 1
    for name, network in networks.items():
        old = dict(before[name].namedparams())
        for path, param in network.namedparams():
            if path.endswith('/W'):
                assert (param.array != old[path].array).any(), f'{name}{path}'


def test_fakes_are_of_the_categories_of_the_reals():
    updater = make_updater(TGANUpdaterWGAN, conditional_tgan)
    calls = []
    for network in (updater.fsgen, updater.vgen, updater.vdis):
        network.forward = (lambda *args, forward=network.forward: (
            calls.append(args[-1].tolist()), forward(*args))[1])
    updater.forward()
    frames = [label for label in [0, 1, 2] for _ in range(16)]
    assert calls == [[0, 1, 2], frames, [0, 1, 2], [0, 1, 2]]    # G0, G1, D(fake), D(real)


def gradient_of_the_sum(updater):
    """Gradients of the generator of Video GAN from the sum of its losses; and the penalty."""
    masks = []
    with mock.patch.object(video_gan_module, 'penalize',
                           lambda mask, weight: masks.append(mask) or mask):
        _, _, d_fake, _ = updater.forward()
    loss_gen = {TGANUpdaterWGAN: lambda: -chainer.functions.sum(d_fake) / 3,
                TGANUpdaterVanilla: lambda: chainer.functions.mean(
                    chainer.functions.softplus(d_fake)),
                TGANUpdaterLSGAN: lambda: chainer.functions.mean(d_fake ** 2)}[type(updater)]()
    updater.vgen.cleargrads()
    penalty = updater.vgen.mask_penalty * chainer.functions.mean(masks[0])
    (loss_gen + penalty).backward()
    return {path: param.grad for path, param in updater.vgen.namedparams()}, float(penalty.array)


@pytest.mark.parametrize('cls', [TGANUpdaterWGAN, TGANUpdaterVanilla, TGANUpdaterLSGAN])
def test_the_penalty_of_a_generator_is_part_of_its_loss(cls):
    def heavy():
        generator = VideoGANGenerator(4, 1, 4, conv_ch=8, mask_penalty=5)
        return None, generator, VideoGANDiscriminator(1, 4, 2)

    expected, penalty = gradient_of_the_sum(make_updater(cls, heavy))
    without, _ = gradient_of_the_sum(make_updater(cls, video_gan))
    updater = make_updater(cls, heavy)
    losses = update(updater)
    assert losses['vgen/penalty'] == pytest.approx(penalty, rel=1e-12)
    for path, param in updater.vgen.namedparams():
        scale = abs(expected[path]).max()
        # 1e-12 of the scale: the same float64 terms in another order; a bias before a batch
        # normalisation has a gradient of rounding.
        np.testing.assert_allclose(param.grad, expected[path], rtol=0, atol=1e-12 * scale + 1e-14,
                                   err_msg=path)
    assert abs(expected['/m4/b'] - without['/m4/b']).max() > 0.1 * abs(expected['/m4/b']).max()


def test_clipping_reaches_every_critic():
    for models in SYSTEMS:
        updater = make_updater(TGANUpdaterWGANSVC, models)
        for param in updater.vdis.params():
            param.array *= 300
        update(updater)
        for path, param in updater.vdis.namedparams():
            if param.ndim >= 4:
                # 1e-10: values of some hundred were brought down to 1.
                largest = np.linalg.norm(param.array.reshape(len(param.array), -1), 2)
                assert largest <= 1 + 1e-10, path
        updater = make_updater(TGANUpdaterWGANClip, models)
        update(updater)
        assert all(abs(param.array).max() <= 0.01 for param in updater.vdis.params())


@pytest.mark.parametrize('kernels, threads', [('tgan', 1), ('chainer', 2)])
def test_blas_has_one_thread_where_the_kernels_have_theirs(kernels, threads):
    updater = make_updater(TGANUpdaterWGANClip)
    seen = []

    def look(optimizer):
        seen.append({library['num_threads'] for library in threadpoolctl.threadpool_info()
                     if library['user_api'] == 'blas'})

    look.timing = 'pre'
    updater.get_optimizer('vdis').add_hook(look, name='look')
    with (threadpoolctl.threadpool_limits(2, user_api='blas'),
          chainer.using_config('tgan_cpu_kernels', kernels)):
        updater.update()
        look(None)
    assert seen == [{threads}, {2}]
