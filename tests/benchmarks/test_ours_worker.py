"""The works of our side, in this process."""
import chainer
import numpy as np
import pytest

from benchmarks import ours_worker, recipe
from benchmarks.protocol import UnavailableError
from benchmarks.race import TOLERANCE
from tgan_chainer.updaters.tgan_updater_wgan import TGANUpdaterWGANSVC

CPU = chainer.get_device('@numpy')
SIZE = dict(recipe.QUICK, z=4)


@pytest.mark.parametrize('updater, after', [('svc', 2), ('lsgan', 1)])
def test_a_repetition_of_training(updater, after):
    work = ours_worker.Step(CPU, updater, 'ours', 2, SIZE)
    first = work.run()
    # Two updates to warm up, whose losses are compared.
    assert len(first['seconds']) == 2 and first['counts'] == {}
    assert first['found'].keys() == first['found after update'].keys() == {'loss_gen', 'loss_dis'}
    assert first['found'] != first['found after update']
    assert len(work.run()['seconds']) == after


def test_a_training_begins_the_same_whatever_came_before():
    found = [ours_worker.Step(CPU, 'clip', 'ours', 2, SIZE) for _ in range(2)]
    first = found[0].run()['found']
    np.random.rand(5)
    assert found[1].run()['found'] == first


def test_classes():
    ours = ours_worker.build_updater('svc', 'ours', 2, SIZE)
    assert type(ours) is TGANUpdaterWGANSVC
    theirs = ours_worker.build_updater('svc', 'authors', 2, SIZE, freq=7)
    assert type(theirs).__module__ == 'benchmarks.authors' and theirs.freq == 7


def test_sampling_makes_the_videos_of_the_recipe():
    with chainer.using_config('tgan_cpu_kernels', 'chainer'):
        theirs = ours_worker.Sampling(CPU, 3, SIZE).run()
    ours = ours_worker.Sampling(CPU, 3, SIZE).run()
    assert ours['found'] == pytest.approx(theirs['found'], rel=TOLERANCE)
    assert ours['found']['root mean square'] > 0


def test_product():
    work = ours_worker.Product(CPU, 8)
    assert work.run()['seconds'][0] > 0
    np.testing.assert_allclose(work._product, work._factors[0] @ work._factors[1], rtol=1e-6)


@pytest.mark.parametrize('method', ['ours', 'numpy'])
def test_singular_values(method, monkeypatch):
    weight = np.random.RandomState(0).randn(4, 2, 4, 4, 4).astype('f')
    monkeypatch.setattr(ours_worker, 'critic_weights', lambda size: {'c1': weight})
    ours_worker.clipped_in_float64.cache_clear()
    work = ours_worker.SingularValues(CPU, 'c1', method, SIZE)
    assert work.facts['shape'] == [4, 2, 4, 4, 4]
    assert work.facts['singular values above the bound'] == 4
    assert 0 < work.facts['error'] < 1e-5
    before = weight.copy()
    work.run()
    np.testing.assert_array_equal(work._weight, before)    # each repetition clips a copy
    ours_worker.clipped_in_float64.cache_clear()


def test_singular_values_without_scipy(monkeypatch):
    monkeypatch.setattr(ours_worker.importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(UnavailableError, match='SciPy is not installed for .*pip install scipy'):
        ours_worker.SingularValues(CPU, 'c1', 'scipy', SIZE)


def test_weights_of_the_critic_are_trained_and_not_clipped(monkeypatch):
    monkeypatch.delattr(ours_worker.SingularValueClipping, 'clip')
    ours_worker.critic_weights.cache_clear()
    weights = ours_worker.critic_weights(tuple(SIZE.items()))
    initial = ours_worker.build_networks(SIZE)[2]
    assert list(weights) == ['c0', 'c1', 'c2', 'c3', 'c4']
    # RMSprop's first step is 10 times the learning rate, and the later ones are not much smaller.
    assert all(abs(weights[layer] - initial[layer].W.array).max() > 5e-4 for layer in weights)


@pytest.mark.parametrize('dataset, shape', [('moving_mnist', (3, 16, 1, 64, 64)),
                                            ('ucf101', (3, 16, 3, 64, 64))])
def test_loaders(dataset, shape, monkeypatch):
    batches = []
    convert = ours_worker.concat_examples
    monkeypatch.setattr(ours_worker, 'concat_examples',
                        lambda *args: batches.append(convert(*args)))
    work = ours_worker.Loader(CPU, dataset, 3, 4)
    assert work.run()['seconds'][0] > 0
    assert [batch.shape for batch in batches] == [shape] * work.BATCHES
    assert -1 <= min(batch.min() for batch in batches) < -0.9
