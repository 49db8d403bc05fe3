"""The algebra of the updates; their numbers against the authors' are tests/parity/."""
import itertools

import chainer
import chainer.functions as F
import numpy as np
import pytest
import threadpoolctl
from chainer.iterators import SerialIterator

from tests import systems
from tgan_chainer import config
from tgan_chainer.updaters import tgan_updater_base as base
from tgan_chainer.updaters import tgan_updater_pulling_away as away
from tgan_chainer.updaters import tgan_updater_wgan as wgan
from tgan_chainer.updaters.tgan_updater_lsgan import TGANUpdaterLSGAN
from tgan_chainer.updaters.tgan_updater_vanilla import TGANUpdaterVanilla

EVERY = [TGANUpdaterVanilla, TGANUpdaterLSGAN, wgan.TGANUpdaterWGANClip, wgan.TGANUpdaterWGANSVC,
         wgan.TGANUpdaterWGANParallelSVC, away.TGANUpdaterWGANPullingAway]
SYSTEMS = [systems.tgan, systems.conditional_tgan, systems.z1_only, systems.model_3d,
           systems.video_gan]


def pair():
    """Networks whose D is a pair, all of its parameters drawn."""
    models = systems.video_and_frame()
    models[2](np.zeros((1, 1, 16, 64, 64)))
    return models


OF_PAIR = wgan.TGANUpdaterWGANVideoFrameDis, pair


@pytest.fixture(autouse=True)
def float64():
    with chainer.using_config('dtype', np.float64):
        yield


def make_updater(cls, models=systems.tgan, batch=3, **kwargs):
    np.random.seed(0)
    models = models()
    examples = np.random.uniform(-1, 1, (7, 16, 1, 64, 64))
    if models[2].n_categories:
        examples = systems.labelled(examples)
    optimizer = {name: chainer.optimizers.RMSprop(lr=5e-5).setup(model)
                 for name, model in zip(config.NETWORKS, models, strict=True) if model}
    return cls(models=models, iterator=SerialIterator(examples, batch, shuffle=False),
               optimizer=optimizer, device=-1, **kwargs)


def update(updater):
    reporter, observation = chainer.Reporter(), {}
    for name, optimizer in updater.get_all_optimizers().items():
        reporter.add_observer(name, optimizer.target)
    with reporter.scope(observation):
        updater.update()
    return {key: float(value.array) for key, value in observation.items()}


def test_pulling_away_is_the_gradient_of_squared_cosines():
    videos = np.random.RandomState(0).uniform(-1, 1, (4, 1, 2, 3, 3))
    x = chainer.Variable(videos.reshape(4, -1) + 1)
    length = F.sqrt(F.sum(x ** 2, axis=1, keepdims=True))
    cosines = F.matmul(*2 * [x / F.broadcast_to(length, x.shape)], transb=True)
    (F.sum(cosines ** 2) / 4).backward()
    apart, alike = away.pulling_away(videos)
    # Lengths of about 5 have 1e-6 added to them.
    np.testing.assert_allclose(apart.reshape(4, -1), x.grad * length.array, rtol=0, atol=1e-5)
    of_pairs = cosines.array[~np.eye(4, dtype=bool)]
    assert alike == pytest.approx(np.sqrt((of_pairs ** 2).mean()), rel=1e-5)


def test_black_videos_have_no_direction_to_pull_away_from():
    bright = np.array([[0., 1.], [1., 0.]])    # of cosine 0.8
    apart, alike = away.pulling_away(np.concatenate([bright, np.full((2, 2), -1.)]))
    np.testing.assert_allclose(    # of the same sums
        apart[:2], away.pulling_away(bright)[0], rtol=1e-12)
    assert not apart[2:].any()
    # Of six pairs one is alike. Lengths of about 2 have 1e-6 added to them.
    assert alike == pytest.approx(np.sqrt(0.8 ** 2 / 6), rel=1e-5)


@pytest.mark.parametrize('fades_below, share', [(0.15, 0.25), (2, 0.125)])
def test_pulling_away_adds_its_share_to_the_critics_gradient(monkeypatch, fades_below, share):
    of_critic, at_videos = [], []
    updater = make_updater(away.TGANUpdaterWGANPullingAway, pull=0.25, fades_below=fades_below)
    backward_critic = updater._backward_critic
    monkeypatch.setattr(updater, '_backward_critic', lambda *args: of_critic.append(
        backward_critic(*args)) or of_critic[0])
    monkeypatch.setattr(base.TGANUpdaterBase, '_update_generators',
                        lambda self, *args: at_videos.extend(args))
    monkeypatch.setattr(away, 'pulling_away', lambda videos: (
        videos, np.float64(1)))
    update(updater)
    fake, grad = at_videos
    size = np.linalg.norm(of_critic[0])
    np.testing.assert_allclose(
        grad + of_critic[0], share * size * fake.array / np.linalg.norm(fake.array), rtol=0,
        atol=1e-6 * size)    # 1e-8 is added to a norm


def test_the_losses_of_a_pair_add_both_means():
    _, _, d_fake, d_real = make_updater(*OF_PAIR).forward()
    fake, real = (sum(score.array.sum() for score in pair) / 3 for pair in (d_fake, d_real))
    losses = update(make_updater(*OF_PAIR))
    assert losses['vdis/loss_gen'] == pytest.approx(-fake, rel=1e-12)    # sums in another order
    assert losses['vdis/loss_dis'] == pytest.approx(fake - real, rel=1e-12)


@pytest.mark.parametrize('cls, models, kwargs, message', [
    (OF_PAIR[0], systems.tgan, {}, 'returns one score, .* take TGANUpdaterWGANSVC'),
    *((cls, pair, {}, f'returns a pair of scores, {cls.__name__} takes one score; take '
       'TGANUpdaterWGANVideoFrameDis')
      for cls in (TGANUpdaterVanilla, TGANUpdaterLSGAN, wgan.TGANUpdaterWGANSVC)),
    *((wgan.TGANUpdaterWGAN, systems.tgan, {'shuffle_time_order': p}, f'shuffle_time_order is {p}')
      for p in (-0.1, 1.1)),
    *((away.TGANUpdaterWGANPullingAway, systems.tgan, {key: value}, f'{key} is|{key} {value}:')
      for key, value in (('pull', -0.5), ('pull', np.inf), ('fades_below', 0)))])
def test_what_an_updater_cannot_do_is_refused(cls, models, kwargs, message):
    with pytest.raises(ValueError, match=message):
        make_updater(cls, models, **kwargs)


def test_where_the_scores_of_every_critic_lie():
    assert [cls.critic_scale for cls in EVERY] == [(-1, 0), (1, 0), *4 * [(1, None)]]


@pytest.mark.parametrize('p, shuffled', [(None, 0), (1.0, 0), (0.0, 20), (0.25, 15)])
def test_time_is_shuffled_with_probability_one_minus_p(p, shuffled):
    updater = make_updater(wgan.TGANUpdaterWGAN, shuffle_time_order=p)
    np.random.seed(1)
    # 20 draws: the binomial of 0.75 lies in 10..20 for this seed and nearly every other.
    assert sum(updater._shuffles_time() for _ in range(20)) == pytest.approx(shuffled, abs=5 * (
        p == 0.25))
    draws = 0 if p is None else 20
    assert np.random.rand() == np.random.RandomState(1).rand(draws + 1)[-1]


@pytest.mark.parametrize('cls, models', [*itertools.product(EVERY, SYSTEMS), OF_PAIR])
def test_every_updater_trains_every_system(cls, models):
    updater = make_updater(cls, models)
    networks = {name: optimizer.target for name, optimizer in updater.get_all_optimizers().items()}
    assert list(networks) == (['vgen', 'vdis'] if updater.fsgen is None
                              else ['fsgen', 'vgen', 'vdis'])
    before = {name: network.copy(mode='copy') for name, network in networks.items()}
    losses = update(updater)
    penalty = {'vgen/penalty'} if models is systems.video_gan else set()
    assert losses.keys() == {f'vdis/{name}' for name in cls.losses} | penalty
    assert all(np.isfinite(loss) for loss in losses.values())
    assert updater.iteration == 1
    for name, network in networks.items():
        old = dict(before[name].namedparams())
        for path, param in network.namedparams():
            if path.endswith('/W'):
                assert (param.array != old[path].array).any(), f'{name}{path}'


def test_fakes_are_of_the_categories_of_the_reals():
    updater = make_updater(wgan.TGANUpdaterWGAN, systems.conditional_tgan)
    calls = []
    for network in (updater.fsgen, updater.vgen, updater.vdis):
        network.forward = (lambda *args, forward=network.forward: (
            calls.append(args[-1].tolist()), forward(*args))[1])
    updater.forward()
    frames = [label for label in [0, 1, 2] for _ in range(16)]
    assert calls == [[0, 1, 2], frames, [0, 1, 2], [0, 1, 2]]    # G0, G1, D(fake), D(real)


@pytest.mark.parametrize('cls', [wgan.TGANUpdaterWGAN, TGANUpdaterVanilla, TGANUpdaterLSGAN])
def test_the_penalty_of_a_generator_is_part_of_its_loss(cls):
    # All three begin from one seed: with the same parameters, batch and latent vectors.
    alone = make_updater(cls, systems.video_gan)
    mask = F.sigmoid(alone.vgen.m4(alone.vgen._features('f', alone._get_seeds(3)[0])))
    penalty = 5 * F.mean(mask)
    alone.vgen.cleargrads()
    penalty.backward()
    grads = []
    for weight in (5, 0):
        updater = make_updater(cls, lambda weight=weight: systems.video_gan(mask_penalty=weight))
        losses = update(updater)
        grads.append({path: param.grad for path, param in updater.vgen.namedparams()})
        assert losses.get('vgen/penalty', 0) == pytest.approx(
            weight / 5 * float(penalty.array), rel=1e-12)
    for path, param in alone.vgen.namedparams():
        expected = np.zeros_like(param.array) if param.grad is None else param.grad
        # 1e-12 of the scale: float64 sums of the same terms in another order; a bias before a
        # batch normalisation has a gradient of rounding.
        np.testing.assert_allclose(grads[0][path] - grads[1][path], expected, err_msg=path, rtol=0,
                                   atol=1e-12 * abs(grads[0][path]).max() + 1e-14)
    assert abs(alone.vgen.m4.b.grad).max() > 1e-3


@pytest.mark.parametrize('cls, models', [
    *itertools.product([wgan.TGANUpdaterWGANSVC], SYSTEMS), OF_PAIR])
def test_clipping_reaches_every_critic(cls, models):
    updater = make_updater(cls, models)
    for param in updater.vdis.params():
        param.array *= 300
    update(updater)
    for path, param in updater.vdis.namedparams():
        if param.ndim >= 4:
            # 1e-10: values of some hundred were brought down to 1.
            largest = np.linalg.norm(param.array.reshape(len(param.array), -1), 2)
            assert largest <= 1 + 1e-10, path
    for link in updater.vdis.links():
        if hasattr(link, 'gamma') and link.name != 'bn0':    # which nothing uses
            assert (link.gamma.array <= np.sqrt(link.avg_var) + 1e-12).all(), link.name
    if cls is wgan.TGANUpdaterWGANSVC:
        updater = make_updater(wgan.TGANUpdaterWGANClip, models)
        update(updater)
        assert all(abs(param.array).max() <= 0.01 for param in updater.vdis.params())


@pytest.mark.parametrize('kernels, threads', [('tgan', 1), ('chainer', 2)])
def test_blas_has_one_thread_where_the_kernels_have_theirs(kernels, threads):
    updater = make_updater(wgan.TGANUpdaterWGANClip)
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
