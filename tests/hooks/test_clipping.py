"""Singular value clipping: its result, what it leaves alone, and when it acts; and arguments."""
import chainer
import numpy as np
import pytest
import threadpoolctl
from hypothesis import given, settings
from hypothesis import strategies as st

from tgan_chainer.errors import DivergedError
from tgan_chainer.hooks.singular_value_clipping import METHODS, SingularValueClipping
from tgan_chainer.hooks.weight_clipping import WeightClipping
from tgan_chainer.models.video_discriminator import VideoDiscriminatorNoBetaInitUniform


def reference(matrix, bound):
    u, s, vt = np.linalg.svd(matrix.astype(np.float64), full_matrices=False)
    return u @ (np.minimum(s, bound)[:, None] * vt)


def tolerance(matrix):
    """Rounding of the products that a factorisation takes: a modest multiple of eps * size * norm.

    64 covers the accumulation over at most 48 columns and both methods' three products.
    """
    return 64 * np.finfo(matrix.dtype).eps * max(1.0, np.linalg.norm(matrix, 2))


@st.composite
def matrices(draw):
    """Wide, tall, 1 x n, rank-deficient, zero, with singular values around and off the bound."""
    m, n = draw(st.integers(1, 12)), draw(st.integers(1, 48))
    rank = draw(st.integers(0, min(m, n)))
    rs = np.random.RandomState(draw(st.integers(0, 2 ** 16)))
    u = np.linalg.qr(rs.randn(m, m))[0][:, :rank]
    v = np.linalg.qr(rs.randn(n, n))[0][:, :rank]
    s = np.array(draw(st.lists(st.sampled_from([0, 1e-6, 0.3, 0.999, 1.0, 1.001, 2.0, 50.0]),
                               min_size=rank, max_size=rank)))
    return ((u * s) @ v.T).astype(draw(st.sampled_from(['float32', 'float64'])))


@pytest.mark.parametrize('method', METHODS)
@settings(deadline=None, max_examples=200, derandomize=True)
@given(matrix=matrices(), bound=st.sampled_from([0.5, 1.0, 3.0]))
def test_result_is_the_definitions(method, matrix, bound):
    clipped = matrix.copy()
    METHODS[method](clipped, bound)
    assert clipped.dtype == matrix.dtype
    assert np.linalg.norm(clipped, 2) <= bound + tolerance(matrix)
    np.testing.assert_allclose(clipped, reference(matrix, bound), atol=tolerance(matrix), rtol=0)
    if method == 'eigh' and np.linalg.norm(matrix.astype('d'), 2) < bound * (1 - 1e-5):
        assert clipped.tobytes() == matrix.tobytes()


def test_eigh_is_at_least_as_accurate_as_a_float32_svd():
    rs = np.random.RandomState(0)
    for shape, scale in (((64, 512), 0.06), ((128, 4096), 0.02), ((256, 1024), 0.05)):
        matrix = (rs.randn(*shape) * scale).astype('f')
        exact = reference(matrix, 1.0)
        errors = {}
        for method, clip in METHODS.items():
            clipped = matrix.copy()
            clip(clipped, 1.0)
            errors[method] = np.linalg.norm(clipped - exact)
        assert errors['eigh'] <= errors['svd'], (shape, errors)


@pytest.fixture
def critic():
    model = VideoDiscriminatorNoBetaInitUniform(1, 4, 4, wscale=0.3)
    rs = np.random.RandomState(0)
    for bn in (model.bn1, model.bn2, model.bn3):
        bn.avg_var[:] = rs.uniform(0.1, 4, bn.avg_var.shape)
        bn.gamma.array[:] = rs.uniform(-0.5, 3, bn.gamma.shape)
    model.c1.W.array = np.asfortranarray(model.c1.W.array)    # clipped as the others are
    return model


@pytest.mark.parametrize('method', METHODS)
def test_gammas_and_all_convolutions_are_clipped(critic, method):
    gamma, s = critic.bn2.gamma.array.copy(), np.sqrt(critic.bn2.avg_var)
    before = {name: param.array.copy() for name, param in critic.namedparams()}
    SingularValueClipping(bound=0.8, floor=0.05, method=method).clip(critic)
    for name in ('c0', 'c1', 'c2', 'c3', 'c4'):
        weight, old = getattr(critic, name).W.array, before[f'/{name}/W']
        matrix = old.reshape(len(old), -1)
        np.testing.assert_allclose(weight.reshape(matrix.shape), reference(matrix, 0.8),
                                   atol=tolerance(matrix), rtol=0)
        np.testing.assert_array_equal(getattr(critic, name).b.array, before[f'/{name}/b'])
    # 1e-6: one float32 rounding of the square root.
    np.testing.assert_allclose(
        critic.bn2.gamma.array, np.clip(gamma, 0.05 * 0.8 * s, 0.8 * s), rtol=1e-6)


@pytest.mark.parametrize('method', METHODS)
def test_weights_that_are_no_numbers_end_the_training(critic, method):
    critic.c1.W.array[0, 0] = np.nan
    with pytest.raises(DivergedError, match='weight of the critic is not finite'):
        SingularValueClipping(method=method).clip(critic)


def test_blas_does_not_share_out_a_factorisation(critic, monkeypatch):
    def threads():
        return {library['num_threads'] for library in threadpoolctl.threadpool_info()
                if library['user_api'] == 'blas'}

    seen = []
    eigh = np.linalg.eigh
    monkeypatch.setattr(np.linalg, 'eigh', lambda gram: (seen.append(threads()), eigh(gram))[1])
    with threadpoolctl.threadpool_limits(2, user_api='blas'):
        assert threads() == {2}
        SingularValueClipping(bound=0.1).clip(critic)
        assert threads() == {2}
    assert len(seen) == 5
    assert seen == [{1}] * 5


def test_acts_every_freq_updates_by_the_optimizers_count(critic):
    optimizer = chainer.optimizers.SGD(lr=0).setup(critic)
    optimizer.add_hook(SingularValueClipping(freq=5))
    optimizer.t = 7    # as a resumed training begins
    clipped_at = []
    for _ in range(9):
        critic.c0.W.array[:] = 1
        for param in critic.params():
            param.grad = np.zeros_like(param.array)
        optimizer.update()
        if critic.c0.W.array.max() < 1:
            clipped_at.append(optimizer.t)
    assert clipped_at == [10, 15]


@pytest.mark.parametrize('cls, name, value', [
    (SingularValueClipping, 'freq', 0), (SingularValueClipping, 'freq', 1.5),
    (SingularValueClipping, 'bound', 0), (SingularValueClipping, 'floor', 2),
    (SingularValueClipping, 'method', 'qr'), (WeightClipping, 'c', 0)])
def test_arguments_outside_their_range(cls, name, value):
    with pytest.raises(ValueError, match=rf'{name} (is )?{value!r}: expected'):
        cls(**{name: value})
