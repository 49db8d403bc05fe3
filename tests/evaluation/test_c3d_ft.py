"""C3D against the recordings of the authors' network."""
import hashlib

import chainer
import numpy as np
import pytest

from reference import recordings
from tgan_chainer.evaluation.c3d_ft import C3D

# Both sides are float32 and sum up to 27 * 512 (8192 in fc6) products in an order of their own:
# 6e-8 * sqrt(depth) of the largest activation, since roundings are independent; 1e-6 was seen.
FLOAT32_TOLERANCE = 5e-6


@pytest.fixture(scope='module')
def c3d():
    np.random.seed(0)
    return C3D()


@pytest.fixture(scope='module')
def activations(c3d):
    x = np.random.RandomState(1).uniform(0, 255, (1, 3, 16, 112, 112)) - 100
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        return {name: h.array for name, h in c3d.stages(x.astype(np.float32))}


@pytest.mark.slow
@pytest.mark.parametrize('version', recordings.CHAINERS)
def test_initial_weights_are_the_authors_byte_for_byte(c3d, version):
    recorded = recordings.load('c3d-seed0', version).meta['params']
    ours = {path[1:]: param.array for path, param in c3d.namedparams()}
    assert {key: (list(array.shape), hashlib.sha256(array).hexdigest())
            for key, array in ours.items()} == {
                key: (entry['shape'], entry['sha256']) for key, entry in recorded.items()}


@pytest.mark.slow
@pytest.mark.parametrize('version', recordings.CHAINERS)
def test_every_activation(activations, version):
    recorded = recordings.stages(recordings.load('c3d-seed0', version))
    assert list(activations) == [stage.name for stage in recorded]
    for stage in recorded:
        found = activations[stage.name]
        assert (found.shape, found.dtype) == (stage.shape, np.float32)
        error = recordings.deviation(recordings.sample(found, 4096), stage.values)
        assert error <= FLOAT32_TOLERANCE, (stage.name, error)
        norm = np.linalg.norm(found.astype(np.float64))
        assert recordings.deviation(norm, stage.l2) <= FLOAT32_TOLERANCE, stage.name


@pytest.mark.slow
def test_forward_is_the_last_stage_and_dropout_acts_in_training(c3d, activations):
    clip = np.random.RandomState(1).uniform(0, 255, (1, 3, 16, 112, 112)) - 100
    with chainer.no_backprop_mode():
        with chainer.using_config('train', False):
            tested = c3d(clip.astype(np.float32)).array
        with chainer.using_config('train', True):
            trained = c3d(clip.astype(np.float32)).array
    np.testing.assert_array_equal(tested, activations['prob'])
    assert np.abs(trained - tested).max() > 1e-6
    assert tested.sum() == pytest.approx(1, abs=1e-6)


@pytest.mark.slow
def test_clips_of_another_shape_are_refused(c3d):
    with pytest.raises(ValueError, match=r'\(1, 3, 16, 128, 128\), expected \(B, 3, 16, 112, 112'):
        c3d(np.zeros((1, 3, 16, 128, 128), np.float32))
