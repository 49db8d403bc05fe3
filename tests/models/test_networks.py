"""TGAN's critics. Its networks' arrays and numbers are parity's; what systems share is beside."""
import chainer
import numpy as np
import pytest

from tgan_chainer.io import snapshots
from tgan_chainer.models import video_discriminator as d


def test_critic_of_stacked_frames():
    model = d.FrameDiscriminator(mid_ch=2)
    late = {path for path, param in model.namedparams() if not param.is_initialized}
    assert late == {'/c0/W', '/l4l/W'}    # the authors draw the others when they build it
    assert model(np.zeros((2, 48, 64, 64), 'f')).shape == (2, 1)
    assert model.c0.W.shape == (2, 48, 4, 4)


def test_both_critics_are_drawn_in_the_authors_order_score_and_load_before_their_first_call(
        tmp_path):
    np.random.seed(0)
    model = d.VideoAndFrameDiscriminator(3, 1, 2)
    np.random.seed(0)
    for ours, drawn in ((model.frame_dis, d.FrameDiscriminator(2)),
                        (model.video_dis, d.VideoDiscriminator(3, 1, 2))):
        np.testing.assert_array_equal(ours.c3.W.array, drawn.c3.W.array)

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


def test_d_takes_no_other_video():
    with pytest.raises(ValueError, match=r'\(32, 64, 64\), expected \(16, 64, 64\)'):
        d.VideoDiscriminator(1, 4, 2)(np.zeros((1, 1, 32, 64, 64), 'f'))
