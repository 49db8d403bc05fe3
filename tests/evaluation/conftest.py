"""A small system of colour videos with its result folder, and a classifier that is quick."""
import re
import shutil

import chainer
import chainer.functions as F
import h5py
import numpy as np
import pandas as pd
import pytest

from tgan_chainer import config
from tgan_chainer.evaluation import scoring_flags
from tgan_chainer.evaluation.classifier import Classifier
from tgan_chainer.evaluation.protocols import MEAN_SHAPE
from tgan_chainer.io import snapshots

FILES = {'c3d': 'c' * 64, 'mean': 'd' * 64}

EXPERIMENT = """\
models:
  fsgen:
    fn: models/frame_seed_generator.py
    name: FrameSeedGeneratorNoBetaInitUniform
    args: {{n_frames: 16, z_slow_dim: 4, z_fast_dim: 4, wscale: 0.3}}
  vgen:
    fn: models/video_generator.py
    name: VideoGeneratorInitUniform
    args: {{z_slow_dim: 4, z_fast_dim: 4, out_channels: 3, bottom_width: 4, conv_ch: 16,
           wscale: 0.3}}
  vdis:
    fn: models/video_discriminator.py
    name: VideoDiscriminatorNoBetaInitUniform
    args: {{in_channels: 3, top_width: 4, mid_ch: 2, wscale: 0.3}}
dataset:
  fn: datasets/ucf_dataset.py
  name: UCFDatasetAugmented
  args: {{n_frames: 16, h5path: {folder}/ucf.h5, config_path: {folder}/ucf.csv}}
updater:
  fn: updaters/tgan_updater_wgan.py
  name: TGANUpdaterWGANClip
  args: {{}}
"""


class SmallNetwork(chainer.Link):
    """In place of C3D: class probabilities from 48 pixels of a clip, with dropout of two layers."""

    def draw_masks(self, n):
        return tuple(np.random.rand(n, size) >= 0.5 for size in (48, 7))

    def forward(self, x, masks=()):
        h = x[:, :, ::4, ::56, ::56].reshape(len(x), -1)
        first, second = masks or (1, 1)
        weights = np.random.RandomState(5).randn(48, 7).astype(x.dtype)
        return F.softmax(h * first @ weights / 50 * second)


@pytest.fixture(scope='session')
def ucf_folder(tmp_path_factory):
    """Folder with ucf.h5 and ucf.csv, five videos of noise."""
    folder = tmp_path_factory.mktemp('ucf')
    lengths = [16, 20, 17, 30, 18]
    ends = np.cumsum(lengths)
    with h5py.File(folder / 'ucf.h5', 'w') as file:
        file['image'] = np.random.RandomState(3).randint(
            0, 256, (ends[-1], 3, 64, 85)).astype(np.uint8)
    pd.DataFrame({'category': list('aabbc'), 'start': ends - lengths, 'end': ends}).to_csv(
        folder / 'ucf.csv', index=False)
    return folder


@pytest.fixture
def colour_experiment(tmp_path, ucf_folder):
    """Path of an experiment of colour videos."""
    path = tmp_path / 'colour.yml'
    path.write_text(EXPERIMENT.format(folder=ucf_folder))
    return path


@pytest.fixture(scope='session')
def write_networks(tmp_path_factory):
    """Function that makes a result folder of untrained networks, in the authors' form.

    Its arguments: the folder, the path of the experiment, iterations, and a seed.
    """
    made = {}

    def write(folder, experiment_path, iterations=(5,), seed=0):
        key = experiment_path.read_bytes(), iterations, seed
        if key not in made:
            made[key] = tmp_path_factory.mktemp('result')
            _write_networks(made[key], experiment_path, iterations, seed)
        shutil.copytree(made[key], folder)
        return folder
    return write


def _write_networks(folder, experiment_path, iterations, seed):
    (folder / 'experiment.yml').write_bytes(experiment_path.read_bytes())
    np.random.seed(seed)
    networks = zip(config.NETWORKS, config.load(experiment_path).build_models(), strict=True)
    for name, network in ((name, network) for name, network in networks if network is not None):
        for link in network.links(skipself=True):
            if hasattr(link, 'avg_var'):    # at 0, where it starts, all videos come out alike
                link.avg_var[...] = 1
        for iteration in iterations:
            snapshots.save(folder / snapshots.NETWORKS[name].format(iteration), network)


@pytest.fixture
def result(tmp_path, colour_experiment, write_networks):
    """A result folder of an untrained system of colour videos."""
    return write_networks(tmp_path / 'results' / 'colour_0', colour_experiment)


@pytest.fixture
def conditional():
    """Function from an experiment's file to one of a conditional system of two categories."""
    def change(path):
        text = path.read_text()
        for network, args in (('FrameSeedGenerator', 'n_frames: 16, z'),
                              ('VideoGenerator', 'z_slow'), ('VideoDiscriminator', 'in_channels')):
            text = re.sub(rf'models/.*\n    name: {network}.*',
                          f'models/conditional_tgan.py\n    name: Conditional{network}', text)
            text = text.replace(f'{{{args}', f'{{n_categories: 2, {args}')
        changed = path.with_name(f'conditional_{path.name}')
        changed.write_text(text)
        return changed
    return change


@pytest.fixture
def mean():
    """A mean clip, (3, 16, 128, 171)."""
    return np.random.RandomState(0).uniform(80, 130, MEAN_SHAPE).astype(np.float32)


@pytest.fixture
def small_classifier(mean):
    """Function from a protocol and more of the classifier's attributes to a classifier."""
    return lambda protocol='tgan-v1', **more: Classifier(
        SmallNetwork(), mean, protocol, **{'files': FILES, **more})


@pytest.fixture
def commands_classify(monkeypatch, small_classifier):
    """Let the commands use the small classifier; returns the arguments of what was loaded."""
    calls = []

    def load_classifier(c3d, mean, protocol, device):
        calls.append((c3d, mean, protocol))
        return small_classifier(protocol, chunk=2)

    def rehearsal_classifier(protocol, device):
        return small_classifier(protocol, files={}, mean_path='stand-in', is_rehearsal=True)

    monkeypatch.setattr(scoring_flags, 'load_classifier', load_classifier)
    monkeypatch.setattr(scoring_flags, 'rehearsal_classifier', rehearsal_classifier)
    return calls
