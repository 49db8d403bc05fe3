"""Every example of every class, byte for byte as the authors' code served it."""
import hashlib
import random

import numpy as np
import pytest

from reference import recordings
from tgan_chainer.datasets.golf_dataset import GolfDataset, GolfDatasetAugmented
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.datasets.ucf_dataset import UCFDataset, UCFDatasetAugmented


@pytest.fixture(params=recordings.CHAINERS)
def recorded(request):
    return recordings.load('datasets-seed0', request.param).meta['sha256_of_examples']


def hashes(dataset, n_examples, seed):
    np.random.seed(seed)
    random.seed(seed)
    return [hashlib.sha256(dataset[i % len(dataset)].tobytes()).hexdigest()
            for i in range(n_examples)]


def test_moving_mnist(recorded, mnist_path):
    assert hashes(MovingMNISTDataset(16, mnist_path), 12, seed=1) == recorded['mnist']


@pytest.mark.parametrize('cls', [UCFDataset, UCFDatasetAugmented])
def test_ucf(recorded, cls, ucf_paths):
    assert hashes(cls(16, *ucf_paths, 64), 16, seed=2) == recorded[cls.__name__]


@pytest.mark.parametrize('cls', [GolfDataset, GolfDatasetAugmented])
def test_golf(recorded, cls, golf_paths):
    assert hashes(cls(16, *golf_paths), 8, seed=3) == recorded[cls.__name__]
