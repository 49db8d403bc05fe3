"""Shapes, gradients and snapshots of all networks; layouts of those that were never released."""
import chainer
import chainer.functions as F
import numpy as np
import pytest

from tgan_chainer.io import snapshots
from tgan_chainer.links import BatchNormalization
from tgan_chainer.models.conditional_tgan import (
    ConditionalFrameSeedGenerator,
    ConditionalVideoDiscriminator,
    ConditionalVideoGenerator,
)
from tgan_chainer.models.frame_seed_generator import FrameSeedGeneratorInitUniform
from tgan_chainer.models.model_3d import VideoGenerator3D
from tgan_chainer.models.video_discriminator import VideoDiscriminatorNoBetaInitUniform
from tgan_chainer.models.video_gan import VideoGANDiscriminator, VideoGANGenerator
from tgan_chainer.models.video_generator import VideoGeneratorInitUniform
from tgan_chainer.models.z1_only import VideoGeneratorZ1Only

LABELS = np.array([2, 0], 'i')

# name -> (network for frames of 16 w pixels, inputs, shape of the output), s being 16 w
NETWORKS = {
    'G0': (lambda w: FrameSeedGeneratorInitUniform(16, 4, 5, wscale=0.1), [(2, 4)], (2, 5, 16)),
    'G1': (lambda w: VideoGeneratorInitUniform(4, 5, 2, w, 16, wscale=0.1),
           [(2, 4), (2, 5)], (2, 2, 's', 's')),
    'D': (lambda w: VideoDiscriminatorNoBetaInitUniform(2, w, 2, wscale=0.1),
          [(2, 2, 16, 's', 's')], (2, 1, 1, 1)),
    'conditional G0': (lambda w: ConditionalFrameSeedGenerator(3, 16, 4, 5, wscale=0.1),
                       [(2, 4), LABELS], (2, 5, 16)),
    'conditional G1': (lambda w: ConditionalVideoGenerator(3, 4, 5, 2, w, 16, wscale=0.1),
                       [(2, 4), (2, 5), LABELS], (2, 2, 's', 's')),
    'G1(z1)': (lambda w: VideoGeneratorZ1Only(5, 2, w, 16, wscale=0.1),
               [(2, 4), (2, 5)], (2, 2, 's', 's')),
    '3D model': (lambda w: VideoGenerator3D(4, 2, w, 8, wscale=0.1),
                 [(2, 4)], (2, 2, 16, 's', 's')),
    'Video GAN': (lambda w: VideoGANGenerator(4, 2, w, 8, mask_penalty=0),
                  [(2, 4)], (2, 2, 16, 's', 's')),
    'conditional D': (lambda w: ConditionalVideoDiscriminator(3, 2, w, 2, wscale=0.1),
                      [(2, 2, 16, 's', 's'), LABELS], (2, 1, 1, 1)),
    'Video GAN D': (lambda w: VideoGANDiscriminator(2, w, 2),
                    [(2, 2, 16, 's', 's')], (2, 1, 1, 1)),
}


def sized(shape, width):
    return tuple(16 * width if n == 's' else n for n in shape)


def build(name, width, dtype=np.float64):
    """The network, and random inputs for it."""
    np.random.seed(0)
    make, inputs, _ = NETWORKS[name]
    with chainer.using_config('dtype', np.dtype(dtype)):
        network = make(width)
    rs = np.random.RandomState(1)
    return network, [each if each is LABELS else
                     rs.uniform(-1, 1, sized(each, width)).astype(dtype) for each in inputs]


@pytest.mark.parametrize('dtype', ['float32', 'float64'])
@pytest.mark.parametrize('width', [1, 4])
@pytest.mark.parametrize('name', NETWORKS)
def test_shape_type_and_range(name, width, dtype):
    network, inputs = build(name, width, dtype)
    y = network(*inputs)
    assert (y.shape, y.dtype) == (sized(NETWORKS[name][2], width), dtype)
    assert name.endswith('D') or np.abs(y.array).max() <= 1


@pytest.mark.parametrize('name', NETWORKS)
def test_gradients_are_the_slopes_of_the_function(name):
    network, inputs = build(name, 1)
    n_inputs = sum(x.dtype.kind == 'f' for x in inputs)
    rs = np.random.RandomState(2)
    for param in network.params():    # away from fresh biases of zero, where a ReLU has its kink
        param.array[...] += rs.uniform(-0.1, 0.1, param.shape)
    leaves = [*map(chainer.Variable, inputs[:n_inputs]), *network.params()]
    weights = rs.uniform(-1, 1, network(*inputs).shape)

    def loss():
        return F.sum(network(*leaves[:n_inputs], *inputs[n_inputs:]) * weights)

    network.cleargrads()
    loss().backward()
    step = 1e-6
    for leaf in leaves:
        direction = rs.uniform(-1, 1, leaf.shape)
        values = leaf.array
        ends = []
        for sign in (1, -1):
            leaf.array = values + sign * step * direction
            ends.append(float(loss().array))
        leaf.array = values
        slope = (ends[0] - ends[1]) / (2 * step)
        expected = 0.0 if leaf.grad is None else float((leaf.grad * direction).sum())
        # The losses round at 1e-14, the quotient at 1e-8; where the step takes a ReLU over its
        # kink, the error is of the order of the step.
        assert expected == pytest.approx(slope, rel=1e-5, abs=1e-7), leaf.name


@pytest.mark.parametrize('name', NETWORKS)
def test_snapshot_round_trip(name, tmp_path):
    network, inputs = build(name, 1, np.float32)
    network(*inputs)    # moves the running statistics
    if name == 'conditional G0':
        network.category_prior[...] = [0.5, 0.2, 0.3]
    snapshots.save(tmp_path / 'network.npz', network)
    np.random.seed(7)
    other = NETWORKS[name][0](1)
    snapshots.load(tmp_path / 'network.npz', other)
    ours, theirs = map(chainer.serializers.npz.serialize, (network, other))
    assert ours.keys() == theirs.keys()
    for key in ours:
        np.testing.assert_array_equal(ours[key], theirs[key], err_msg=key)
    with chainer.using_config('train', False):
        np.testing.assert_array_equal(network(*inputs).array, other(*inputs).array)


def test_conditional_g0_is_g0_of_z_slow_and_v():
    network, (z_slow, labels) = build('conditional G0', 1)
    v = np.array([[0, 0, 1], [1, 0, 0]], float)
    plain = super(ConditionalFrameSeedGenerator, network).forward
    np.testing.assert_array_equal(network(z_slow, labels).array,
                                  plain(np.concatenate([z_slow, v], axis=1)).array)
    assert network.dc0.W.shape == (4 + 3, 512, 1)


def test_conditional_d_sees_v_as_a_voxel():
    network, (video, labels) = build('conditional D', 4)
    voxel = np.zeros((2, 3, 16, 64, 64))
    voxel[0, 2] = voxel[1, 0] = 1
    plain = super(ConditionalVideoDiscriminator, network).forward
    # 1e-13: the voxel's part of the first convolution is summed by itself.
    np.testing.assert_allclose(network(video, labels).array,
                               plain(np.concatenate([video, voxel], axis=1)).array, rtol=1e-13)


def test_conditional_g1_without_its_label_branch_is_g1():
    network, (z_slow, z_fast, labels) = build('conditional G1', 4)
    with chainer.using_config('dtype', np.float64):
        g1 = VideoGeneratorInitUniform(4, 5, 2, 4, 16)
    state = dict(network.namedparams())
    for path, param in g1.namedparams():
        param.array = state[path].array
    network.dc1.W.array[16:] = 0    # what follows the slow and the fast branch
    g1.dc1.W.array = network.dc1.W.array[:16]
    # 1e-13: the same sums, and zeros.
    np.testing.assert_allclose(network(z_slow, z_fast, labels).array, g1(z_slow, z_fast).array,
                               rtol=1e-13, atol=1e-15)


def test_a_label_matters_to_conditional_g1():
    network, inputs = build('conditional G1', 4)
    with chainer.using_config('train', False):
        one, other = (network(*inputs[:-1], np.array(labels, 'i')).array
                      for labels in ([2, 0], [1, 0]))
    assert np.abs(one[0] - other[0]).max() > 1e-9
    np.testing.assert_allclose(one[1], other[1], rtol=1e-12, atol=1e-15)


def test_g1_of_z1_does_not_look_at_z_slow():
    network, (z_slow, z_fast) = build('G1(z1)', 4)
    np.testing.assert_array_equal(network(z_slow, z_fast).array, network(None, z_fast).array)


def test_3d_model_doubles_time_and_space_four_times():
    network, _ = build('3D model', 4)
    layers = network.dc1, network.dc2, network.dc3, network.dc4
    assert [(*layer.W.shape[:2], layer.stride) for layer in layers] == [
        (8, 4, 2), (4, 2, 2), (2, 1, 2), (1, 2, 2)]


def test_video_gan_mixes_a_still_background_and_a_masked_foreground():
    network, inputs = build('Video GAN', 4)
    with chainer.using_config('train', False):
        background, foreground = (network._features(stream, *inputs) for stream in 'bf')
        background, foreground, mask = (
            function(layer(h)).array for function, layer, h in (
                (F.tanh, network.b4, background), (F.tanh, network.f4, foreground),
                (F.sigmoid, network.m4, foreground)))
        video = network(*inputs).array
    assert background.shape == (2, 2, 64, 64)
    assert foreground.shape == (2, 2, 16, 64, 64)
    assert mask.shape == (2, 1, 16, 64, 64)
    assert mask.min() >= 0 and mask.max() <= 1
    np.testing.assert_allclose(video, mask * foreground + (1 - mask) * background[:, :, None],
                               rtol=1e-14, atol=1e-16)


@pytest.mark.parametrize('cls, args, eps', [
    (VideoGANGenerator, (100, 3, 4, 64), 2e-5), (VideoGANDiscriminator, (3, 4, 64), 1e-3)])
def test_initial_values_and_eps_are_those_of_vondrick_et_al(cls, args, eps):
    np.random.seed(0)
    network = cls(*args)
    assert {link.eps for link in network.links()
            if isinstance(link, BatchNormalization) and link.name != 'bn0'} == {eps}
    for path, param in network.namedparams():
        centre, spread = {'W': (0, 0.01), 'gamma': (1, 0.02)}.get(path.rsplit('/', 1)[1], (0, 0))
        spread *= path != '/bn0/gamma'    # never called
        # Five standard errors of the estimates.
        error = 5 / np.sqrt(param.size)
        assert abs(param.array.mean() - centre) <= spread * error, path
        assert param.array.std() == pytest.approx(spread, rel=error), path


@pytest.mark.parametrize('network, width', [
    (ConditionalVideoGenerator(3, 4, 5, 1, 4, conv_ch=32), 48),
    (ConditionalVideoGenerator(3, 4, 5, 1, 4, conv_ch=32, label_ch=2), 34),
    (VideoGeneratorZ1Only(5, 1, 4, conv_ch=32), 16),
    (VideoGeneratorZ1Only(5, 1, 4, conv_ch=32, fast_ch=32), 32)], ids=str)
def test_width_of_branches(network, width):
    assert network.dc1.W.shape == (width, 16, 4, 4)


NO_CATEGORY = 'n_categories is {}: expected at least 1'
WIDTH = 'conv_ch is {}.*multiple'


@pytest.mark.parametrize('make, values, message', [
    (ConditionalFrameSeedGenerator, (0, -1), NO_CATEGORY),
    (lambda n: ConditionalVideoGenerator(n, 4, 5, 1, 4), (0, -1), NO_CATEGORY),
    (lambda n: ConditionalVideoDiscriminator(n, 1, 4, 2), (0, -1), NO_CATEGORY),
    (lambda ch: VideoDiscriminatorNoBetaInitUniform(1, 4, ch), (0, -2), 'mid_ch is {}: expected'),
    (lambda w: VideoGANGenerator(4, 1, 1, 8, mask_penalty=w), (-1,), 'mask_penalty is -1'),
    (FrameSeedGeneratorInitUniform, (8,), 'n_frames is {}.*make 16 frames'),
    (lambda ch: VideoGenerator3D(4, 1, 4, ch), (4, 12, 0, -8), f'{WIDTH} of 8'),
    (lambda ch: VideoGANGenerator(4, 1, 4, ch), (4, 12, 0, -8), f'{WIDTH} of 8'),
    (lambda ch: VideoGeneratorInitUniform(4, 5, 1, 4, ch), (8, 24, 0, -16), f'{WIDTH} of 16'),
])
def test_arguments_outside_their_range(make, values, message):
    for value in values:
        with pytest.raises(ValueError, match=message.format(value)):
            make(value)


@pytest.mark.parametrize('make, layers', [
    (lambda b: VideoGeneratorInitUniform(4, 5, 1, 2, 16, background=b), ['dc5']),
    (lambda b: VideoGeneratorZ1Only(5, 1, 2, 16, background=b), ['dc5']),
    (lambda b: ConditionalVideoGenerator(3, 4, 5, 1, 2, 16, background=b), ['dc5']),
    (lambda b: VideoGenerator3D(4, 1, 2, 8, background=b), ['dc4']),
    (lambda b: VideoGANGenerator(4, 1, 2, 8, background=b), ['b4', 'f4'])])
def test_videos_begin_around_the_background(make, layers):
    for background in (0, -0.9):
        for layer in layers:
            # 1e-6: one float32 rounding of the bias, and of its tanh.
            np.testing.assert_allclose(
                np.tanh(make(background)[layer].b.array), background, rtol=1e-6)
    with pytest.raises(ValueError, match='background is -1: expected a brightness'):
        make(-1)
