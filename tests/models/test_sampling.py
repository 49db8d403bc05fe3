"""From latent vectors to videos."""
import chainer
import numpy as np
import pytest
from chainer.serializers import npz
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import systems
from tgan_chainer.models.frame_seed_generator import FrameSeedGeneratorInitUniform
from tgan_chainer.models.model_3d import VideoGenerator3D
from tgan_chainer.models.sampling import (
    draw_labels,
    draw_z_slow,
    first_generator,
    interpolate_z_fast,
    make_interpolated_video,
    make_video,
)


@pytest.fixture(scope='module')
def generators():
    np.random.seed(0)
    return systems.tgan(wscale=0.5)[:2]


@pytest.fixture(scope='module')
def conditional():
    np.random.seed(0)
    fsgen, vgen, _ = systems.conditional_tgan(wscale=0.5)
    fsgen.category_prior[...] = [0.7, 0, 0.3]
    return fsgen, vgen


@pytest.mark.parametrize('system, labels', [('generators', None), ('conditional', [2, 0])])
def test_every_frame_is_g1_of_its_own_z_fast(system, labels, request):
    fsgen, vgen = request.getfixturevalue(system)
    z_slow = np.random.RandomState(0).uniform(-1, 1, (2, 4)).astype('f')
    given = [np.array(labels, 'i')] if labels else []
    video, _, z_fast = make_video(fsgen, vgen, 2, z_slow=z_slow, labels=given[0] if given else None)
    with chainer.using_config('train', False):
        np.testing.assert_array_equal(z_fast, fsgen(z_slow, *given).array)
        for t in range(16):
            # 1e-5: the batch decides how BLAS sums float32.
            np.testing.assert_allclose(
                video[:, :, t], vgen(z_slow, z_fast[:, :, t], *given).array, atol=1e-5)


@pytest.mark.parametrize('make', [systems.tgan, systems.model_3d, systems.video_gan])
def test_make_video_keeps_given_latent_vectors_and_statistics(make):
    np.random.seed(0)
    with chainer.using_config('dtype', np.float64):
        fsgen, vgen, _ = make()
        before = {key: array.copy() for key, array in npz.serialize(vgen).items()}
        video, z_slow, z_fast = make_video(fsgen, vgen, 11)    # more than one chunk
        again, _, _ = make_video(fsgen, vgen, 11, z_slow=z_slow)
        third, _, _ = make_video(fsgen, vgen, 11, z_slow=z_slow, z_fast=z_fast)
    assert video.shape == (11, 1, 16, 64, 64)
    np.testing.assert_array_equal(video, again)
    np.testing.assert_array_equal(video, third)
    np.testing.assert_equal(npz.serialize(vgen), before)
    with pytest.raises(ValueError, match='z_slow holds 11 vectors, expected n = 3'):
        make_video(fsgen, vgen, 3, z_slow=z_slow)
    if fsgen is None:
        assert z_fast is None
        with chainer.using_config('train', False):
            # 1e-9: statistics that were never moved (0) make each normalisation multiply by 220.
            np.testing.assert_allclose(video[7:9], vgen(z_slow[7:9]).array, atol=1e-9)


@given(st.integers(2, 17), st.integers(0, 6))
@settings(max_examples=30, deadline=None, derandomize=True, database=None)
def test_interpolation_is_linear_and_keeps_its_points(frames, between):
    z_fast = np.random.RandomState(frames).randn(2, 3, frames)
    dense = interpolate_z_fast(z_fast, between)
    np.testing.assert_array_equal(dense[:, :, ::between + 1], z_fast)
    places = np.arange(dense.shape[2]) / (between + 1)
    assert places[-1] == frames - 1
    for vector, found in zip(z_fast.reshape(6, -1), dense.reshape(6, -1), strict=True):
        # Two roundings of numbers of order 1.
        np.testing.assert_allclose(found, np.interp(places, np.arange(frames), vector), atol=1e-14)


def test_interpolated_frames_are_g1_of_the_points_between(generators):
    fsgen, vgen = generators
    np.random.seed(3)
    video = make_interpolated_video(fsgen, vgen, 2, 2)
    np.random.seed(3)
    _, z_slow, z_fast = make_video(fsgen, vgen, 2)
    assert video.shape == (2, 1, 46, 64, 64)
    third = (2 * z_fast[:, :, 4] + z_fast[:, :, 5]) / 3
    with chainer.using_config('train', False):
        # 1e-5: the batch decides how BLAS sums float32.
        for place, vector in ((12, z_fast[:, :, 4]), (13, third)):
            np.testing.assert_allclose(
                video[:, :, place], vgen(z_slow, vector).array, atol=1e-5)


def test_labels_are_drawn_from_the_prior(conditional, generators):
    np.random.seed(0)
    labels = draw_labels(conditional[0], 1000)
    assert labels.dtype == np.int32
    # Five standard deviations of the binomial of 0.7 are 0.072.
    np.testing.assert_allclose(np.bincount(labels) / 1000, [0.7, 0, 0.3], atol=0.073)
    assert draw_labels(generators[0], 1000) is None


def test_a_conditional_system_draws_labels_unless_they_are_given(conditional):
    np.random.seed(3)
    drawn, z_slow, _ = make_video(*conditional, 10)    # more than one chunk
    np.random.seed(3)
    np.testing.assert_array_equal(draw_z_slow(conditional[0], 10), z_slow)
    labels = draw_labels(conditional[0], 10)
    again, _, _ = make_video(*conditional, 10, z_slow=z_slow, labels=labels)
    np.testing.assert_array_equal(drawn, again)
    with pytest.raises(ValueError, match='labels holds 10 vectors, expected n = 9'):
        make_video(*conditional, 9, labels=labels)


@pytest.mark.parametrize('make', [
    lambda latent: (FrameSeedGeneratorInitUniform(z_slow_dim=50, latent=latent), None),
    lambda latent: (None, VideoGenerator3D(50, 1, 4, 8, latent=latent)),
])
def test_latent_distribution(make):
    for latent, std, largest in (('uniform', 3 ** -0.5, 1), ('normal', 1, 6)):
        np.random.seed(0)
        z = draw_z_slow(first_generator(*make(latent)), 200)
        assert (z.shape, z.dtype) == ((200, 50), np.float32)
        # 0.05: five standard errors of the mean and of the deviation of 10,000 numbers.
        assert abs(z.mean()) < 0.05
        assert abs(z.std() - std) < 0.05
        assert 0.99 * min(largest, 3.5) < np.abs(z).max() <= largest
