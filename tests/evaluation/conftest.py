"""A small system of colour videos with its result folder, and a classifier that is quick."""
import chainer
import chainer.functions as F
import h5py
import numpy as np
import pytest
import yaml

from tgan_chainer.evaluation import scoring_flags
from tgan_chainer.evaluation.classifier import Classifier
from tgan_chainer.evaluation.protocols import MEAN_SHAPE


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


def write_ucf101(folder, categories, length=20):
    """Make ucf.h5 and ucf.csv, a video of noise for each category -> arguments of the data set."""
    with h5py.File(folder / 'ucf.h5', 'w') as file:
        file['image'] = np.random.RandomState(3).randint(
            256, size=(length * len(categories), 3, 64, 85), dtype=np.uint8)
    rows = [f'{name},{length * i},{length * (i + 1)}\n' for i, name in enumerate(categories)]
    (folder / 'ucf.csv').write_text(''.join(['category,start,end\n', *rows]))
    return {'h5path': f'{folder}/ucf.h5', 'config_path': f'{folder}/ucf.csv'}


@pytest.fixture(scope='session')
def ucf101(tmp_path_factory):
    return write_ucf101(tmp_path_factory.mktemp('ucf'), 'aabbc')


@pytest.fixture
def colour_experiment(tmp_path, shrunk, ucf101):
    """Path of an experiment of colour videos."""
    document = shrunk('configs/ucf101/ucf101_wgan_clip_zdim-100_no-beta-all_init-uniform-all.yml',
                      wscale=0.3)
    document['batchsize'] = 2
    document['models']['vgen']['args']['conv_ch'] = 16
    document['dataset']['args'] |= ucf101
    path = tmp_path / 'colour.yml'
    path.write_text(yaml.safe_dump(document))
    return path


@pytest.fixture
def result(make_result, colour_experiment):
    """A result folder of an untrained system of colour videos."""
    return make_result('colour_0', colour_experiment)


@pytest.fixture(scope='session')
def mean():
    """A mean clip, (3, 16, 128, 171)."""
    return np.random.RandomState(0).uniform(80, 130, MEAN_SHAPE)


@pytest.fixture
def small_classifier(mean):
    """Function from a protocol and more of the classifier's attributes to a classifier."""
    return lambda protocol='tgan-v1', **more: Classifier(
        SmallNetwork(), mean, protocol, **{'files': {'c3d': 'c' * 64, 'mean': 'd' * 64}, **more})


@pytest.fixture
def commands_classify(monkeypatch, small_classifier):
    """Let the commands use the small classifier; returns the arguments of what was loaded."""
    calls = []

    def load_classifier(c3d, mean, protocol, device):
        calls.append((c3d, mean, protocol))
        return small_classifier(protocol, chunk=2)

    monkeypatch.setattr(scoring_flags, 'load_classifier', load_classifier)
    monkeypatch.setattr(scoring_flags, 'rehearsal_classifier', lambda protocol, _: small_classifier(
        protocol, files={}, mean_path='stand-in', is_rehearsal=True))
    return calls
