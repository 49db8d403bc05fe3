"""The authors' algorithm, as we time it, makes the update that ours makes."""
import chainer
import numpy as np
import pytest

from benchmarks import authors, ours_worker, recipe
from reference.recordings import ROUNDING_NOISE

SIZE = dict(recipe.QUICK, z=4)


@pytest.fixture(autouse=True)
def float64():
    with chainer.using_config('dtype', np.float64):
        yield


def trained(name, algorithm, kernels, updates=2):
    """Parameters after some updates, and the losses of all of them, from one state."""
    with chainer.using_config('tgan_cpu_kernels', kernels):
        updater = ours_worker.build_updater(name, algorithm, 3, SIZE)
        updater.get_iterator('main').dataset = updater.get_iterator('main').dataset.astype('d')
        # So that singular values exceed 1, and gammas lie on both sides of their interval.
        for param in updater.vdis.params():
            if param.ndim >= 4:
                param.array *= 60
        updater.vdis.bn2.gamma.array[::2] = -1
        np.random.seed(recipe.TRAINING_SEED)
        losses = [float(loss) for _ in range(updates)
                  for loss in ours_worker.update(updater).values()]
    networks = dict(zip(('fsgen', 'vgen', 'vdis'), (updater.fsgen, updater.vgen, updater.vdis),
                        strict=True))
    return losses, {f'{role}{path.replace("/", ".")}': param.array
                    for role, network in networks.items() for path, param in network.namedparams()}


@pytest.mark.parametrize('name', recipe.UPDATERS)
def test_same_update_from_the_same_state(name):
    our_losses, ours = trained(name, 'ours', 'tgan')
    their_losses, theirs = trained(name, 'authors', 'chainer')
    assert our_losses == pytest.approx(their_losses, rel=1e-9)
    assert ours.keys() == theirs.keys()
    for key in ours.keys() - ROUNDING_NOISE:
        # RMSprop divides by roots of sums that start at zero, which makes steps of rounding where
        # a gradient is small: as in parity's trajectories.
        np.testing.assert_allclose(ours[key], theirs[key], rtol=0,
                                   atol=1e-9 * abs(theirs[key]).max(), err_msg=key)


def test_the_second_update_clips_and_the_first_does_not():
    largest = [np.linalg.norm(trained('svc', 'authors', 'chainer', n)[1]['vdis.c2.W'].reshape(
        8, -1), 2) for n in (1, 2)]
    assert largest[0] > 1.1
    assert largest[1] == pytest.approx(1, abs=1e-12)


def test_a_weight_is_clipped_as_a_matrix():
    weight = np.random.RandomState(0).randn(3, 2, 2, 2)
    u, s, vt = np.linalg.svd(weight.reshape(3, 8), full_matrices=False)
    assert s[0] > 1
    clipped = authors.clip_singular_values(weight)
    assert clipped.shape == weight.shape
    np.testing.assert_allclose(np.linalg.svd(clipped.reshape(3, 8), compute_uv=False),
                               np.minimum(s, 1), rtol=1e-12)
