"""A small system of colour videos with its result folder, and a classifier that is quick."""
import chainer
import chainer.functions as F
import h5py
import numpy as np
import pandas as pd
import pytest
import yaml

from tgan_chainer.evaluation import scoring_flags
from tgan_chainer.evaluation.classifier import Classifier
from tgan_chainer.evaluation.protocols import MEAN_SHAPE, PROTOCOLS

FILES = {'c3d': 'c' * 64, 'mean': 'd' * 64}


class SmallNetwork(chainer.Link):
    """In place of C3D: class probabilities from 48 pixels of a clip, with dropout of two layers."""

    def draw_masks(self, n):
        return tuple(np.random.rand(n, size) >= 0.5 for size in (48, 7))

    def forward(self, x, masks=()):
        assert not chainer.config.train and not chainer.config.enable_backprop
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
def colour_experiment(tmp_path, small_experiment, ucf_folder):
    """Path of an experiment of colour videos."""
    document = yaml.safe_load(small_experiment.read_text())
    for part in document['models'].values():
        part['args'] |= {'wscale': 0.3} | {
            key: 3 for key in ('in_channels', 'out_channels') if key in part['args']}
    document['dataset'] = {'fn': 'datasets/ucf_dataset.py', 'name': 'UCFDatasetAugmented', 'args': {
        'n_frames': 16, 'h5path': f'{ucf_folder}/ucf.h5', 'config_path': f'{ucf_folder}/ucf.csv'}}
    document['updater'] |= {'name': 'TGANUpdaterWGANClip', 'args': {}}
    path = tmp_path / 'colour.yml'
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture
def result(make_result, colour_experiment):
    """A result folder of an untrained system of colour videos."""
    return make_result('colour_0', colour_experiment)


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
def usual_number(monkeypatch):
    """Function that makes a number of videos that of every protocol."""
    def change(n):
        for name, protocol in PROTOCOLS.items():
            monkeypatch.setitem(PROTOCOLS, name, protocol._replace(
                settings=protocol.settings._replace(samples=n)))
    return change


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
