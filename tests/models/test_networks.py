"""Shapes, errors, variants and snapshots of the networks; their numbers are tests/parity/."""
import chainer
import numpy as np
import pytest

from tgan_chainer.io import snapshots
from tgan_chainer.models import frame_seed_generator as g0
from tgan_chainer.models import video_discriminator as d
from tgan_chainer.models import video_generator as g1


def variants(module, base):
    return [cls for cls in vars(module).values()
            if isinstance(cls, type) and issubclass(cls, base) and cls is not base]


G0 = variants(g0, g0.FrameSeedGenerator)
G1 = variants(g1, g1.VideoGenerator)
D = [cls for cls in variants(d, d.VideoDiscriminator) if not cls.__name__.endswith('Noise')]


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
@pytest.mark.parametrize('classes, args, inputs, shape', [
    (G0, (16, 5, 7), [(3, 5)], (3, 7, 16)),
    (G1, (5, 7, 3, 4, 16), [(2, 5), (2, 7)], (2, 3, 64, 64)),
    (D, (1, 4, 2), [(2, 1, 16, 64, 64)], (2, 1, 1, 1)),
], ids=['G0', 'G1', 'D'])
def test_shape_type_and_range(classes, args, inputs, shape, dtype):
    for cls in classes:
        with chainer.using_config('dtype', np.dtype(dtype)):
            y = cls(*args)(*(np.random.randn(*each).astype(dtype) for each in inputs))
        assert (y.shape, y.dtype) == (shape, dtype)
        assert classes is D or np.abs(y.array).max() <= 1


@pytest.mark.parametrize('cls', [*G0, *D])
def test_beta_is_where_the_name_says(cls):
    model = cls() if cls in G0 else cls(1, 4, 2)
    assert (model.bn1.beta is None) == ('NoBeta' in cls.__name__)


def test_wscale_bounds_uniform_weights():
    model = g1.VideoGeneratorInitUniform(5, 7, 1, 4, conv_ch=16, wscale=0.03)
    weights = np.concatenate([p.array.ravel() for n, p in model.namedparams() if n.endswith('/W')])
    assert 0.029 < np.abs(weights).max() <= 0.03


def test_noise_disturbs_train_mode_only():
    model = d.VideoDiscriminatorNoBetaInitDefaultWithNoise(1, 4, 2, sigma=0.3)
    video = np.random.randn(2, 1, 16, 64, 64).astype('f')
    with chainer.using_config('train', False):
        np.testing.assert_array_equal(model(video).array, model(video).array)
    with chainer.using_config('train', True):
        assert (model(video).array != model(video).array).any()


def test_critic_of_stacked_frames():
    model = d.FrameDiscriminator(mid_ch=2)
    late = {path for path, param in model.namedparams() if not param.is_initialized}
    assert late == {'/c0/W', '/l4l/W'}    # the authors draw the others when they build it
    assert model(np.zeros((2, 48, 64, 64), 'f')).shape == (2, 1)
    assert model.c0.W.shape == (2, 48, 4, 4)


def test_both_critics_score_and_load_before_their_first_call(tmp_path):
    np.random.seed(0)
    model = d.VideoAndFrameDiscriminator(3, 1, 2)
    video = np.random.randn(2, 3, 16, 16, 16).astype('f')
    stacked = video.reshape(2, 48, 16, 16)    # channel by channel, the frames of each in order
    path = tmp_path / 'vdis_iter_1.npz'
    with chainer.using_config('train', False):
        scores = model(video)
        snapshots.save(path, model)
        loaded = d.VideoAndFrameDiscriminator(3, 1, 2)
        snapshots.load(path, loaded)
        for pair in (scores, loaded(video)):
            assert [score.shape for score in pair] == [(2, 1, 1, 1), (2, 1)]
            np.testing.assert_array_equal(pair[0].array, model.video_dis(video).array)
            np.testing.assert_array_equal(pair[1].array, model.frame_dis(stacked).array)
    with np.load(path) as npz:
        assert {'frame_dis/l4l/W', 'frame_dis/bn0/gamma', 'video_dis/c4/b'} <= set(npz)


def test_both_critics_are_drawn_in_the_authors_order():
    np.random.seed(0)
    model = d.VideoAndFrameDiscriminator(3, 1, 2)
    np.random.seed(0)
    frame_dis, video_dis = d.FrameDiscriminator(2), d.VideoDiscriminator(3, 1, 2)
    np.testing.assert_array_equal(model.frame_dis.c3.W.array, frame_dis.c3.W.array)
    np.testing.assert_array_equal(model.video_dis.c4.W.array, video_dis.c4.W.array)


def test_what_the_layers_cannot_do_is_an_error():
    with pytest.raises(ValueError, match='n_frames is 8.*make 16 frames'):
        g0.FrameSeedGenerator(n_frames=8)
    with pytest.raises(ValueError, match='conv_ch is 24.*multiple of 16'):
        g1.VideoGenerator(5, 7, 1, 4, conv_ch=24)
    with pytest.raises(ValueError, match=r'\(32, 64, 64\), expected \(16, 64, 64\)'):
        d.VideoDiscriminator(1, 4, 2)(np.zeros((1, 1, 32, 64, 64), 'f'))


def test_a_snapshot_of_another_network_is_refused(tmp_path):
    path = tmp_path / 'gen_iter_1.npz'
    snapshots.save(path, g0.FrameSeedGeneratorInitUniform(z_slow_dim=4))
    for other in (g0.FrameSeedGeneratorInitUniform(z_slow_dim=5), d.FrameDiscriminator(2)):
        with pytest.raises(snapshots.SnapshotError, match='gen_iter_1.npz.*another network'):
            snapshots.load(path, other)
