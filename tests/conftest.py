"""Fixtures for all tests: a small data set, a small experiment, an untouched configuration."""
import contextlib

import tgan_chainer.links  # noqa: F401 -- makes Chainer importable, sets its options

# isort: split
import chainer
import numpy as np
import pytest

SMALL_EXPERIMENT = """\
models:
  fsgen:
    fn: models/frame_seed_generator.py
    name: FrameSeedGeneratorNoBetaInitUniform
    args: {{n_frames: 16, z_slow_dim: 4, z_fast_dim: 4}}
  vgen:
    fn: models/video_generator.py
    name: VideoGeneratorInitUniform
    args: {{z_slow_dim: 4, z_fast_dim: 4, out_channels: 1, bottom_width: 4, conv_ch: 16}}
  vdis:
    fn: models/video_discriminator.py
    name: VideoDiscriminatorNoBetaInitUniform
    args: {{in_channels: 1, top_width: 4, mid_ch: 2}}
dataset:
  fn: datasets/mnist_dataset.py
  name: MovingMNISTDataset
  args: {{n_frames: 16, dataset_path: {data}}}
updater:
  fn: updaters/tgan_updater_wgan.py
  name: TGANUpdaterWGANSVC
  args: {{freq: 5}}
batchsize: 2
iterations: 8
snapshot_interval: 4
preview_interval: 8
preview_videos: 4
display_interval: 2
"""


@pytest.fixture(autouse=True)
def untouched_configuration():
    """Give every test Chainer's configuration and NumPy's random state back as they were."""
    state = np.random.get_state()
    with contextlib.ExitStack() as stack:
        for name in ('dtype', 'batch_norm_statistics', 'train'):
            stack.enter_context(chainer.using_config(name, getattr(chainer.config, name)))
        yield
    np.random.set_state(state)


@pytest.fixture(scope='session')
def moving_mnist(tmp_path_factory):
    """Path of a file in the format of mnist_test_seq.npy: 6 videos of a block that moves."""
    path = tmp_path_factory.mktemp('data') / 'moving.npy'
    videos = np.zeros((20, 6, 64, 64), np.uint8)
    for t in range(20):
        for i in range(6):
            videos[t, i, 2 * t:2 * t + 9, 3 * i:3 * i + 9] = 200
    np.save(path, videos)
    return path


@pytest.fixture
def small_experiment(tmp_path, moving_mnist):
    """Path of an experiment whose training takes seconds."""
    path = tmp_path / 'small.yml'
    path.write_text(SMALL_EXPERIMENT.format(data=moving_mnist))
    return path
