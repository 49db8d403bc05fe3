"""Layer 6: examples of every data set, byte for byte as the authors' code served them."""
import random
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from PIL import Image

from parity import driver, replay
from parity.check import Check
from reference import recordings

# The files of a class, from the contents that were recorded -> what its constructor takes of them,
# and rows of the table that it reads.

def _mnist(folder, inputs):
    np.save(folder / 'mnist_test_seq.npy', inputs.moving_mnist)
    return {'dataset_path': str(folder / 'mnist_test_seq.npy')}, None


def _ucf(folder, inputs):
    with h5py.File(folder / 'ucf101_train.h5', 'w') as file:
        file['image'] = inputs.ucf_image
    return ({'h5path': str(folder / 'ucf101_train.h5'), 'config_path': str(folder / 'table.pkl'),
             'img_size': 64},
            [{'start': start, 'end': end} for start, end in inputs.ucf_spans])


def _golf(folder, inputs):
    (folder / 'strips').mkdir()
    for number, strip in enumerate(inputs.golf_strips, start=1):
        # Lossless under the authors' name: a loader goes by content, not by ending.
        Image.fromarray(strip).save(folder / 'strips' / f'{number:04d}.jpg', format='png')
    start, end = inputs.golf_span
    return ({'root_path': str(folder), 'config_path': str(folder / 'table.pkl')},
            [{'path': 'strips', 'start': start, 'end': end}])


DATASETS = {
    'MovingMNISTDataset': (_mnist, 12, 1),
    'UCFDataset': (_ucf, 16, 2), 'UCFDatasetAugmented': (_ucf, 16, 2),
    'GolfDataset': (_golf, 8, 3), 'GolfDatasetAugmented': (_golf, 8, 3),
}
"""Files, number of examples and seed of each class."""


def make(cls, folder, inputs):
    """A data set of a class, from files in a folder, which are written with these contents."""
    kwargs, table = DATASETS[cls][0](Path(folder), inputs)
    if table:
        pd.DataFrame(table).to_pickle(kwargs['config_path'])
    return replay.OURS.get(cls)(16, **kwargs)


def recorded_name(cls):
    """The key of a class in ``datasets-seed0``."""
    return 'mnist' if cls == 'MovingMNISTDataset' else cls


def examples(cls, version):
    """The recorded examples of one class, drawn with the recorded seed."""
    _, count, seed = DATASETS[cls]
    recorded = recordings.load('datasets-seed0', version).meta['sha256_of_examples']
    found = replay.against('datasets-seed0', version)
    with tempfile.TemporaryDirectory() as folder:
        dataset = make(cls, folder, recordings.dataset_inputs())
        np.random.seed(seed)
        random.seed(seed)
        for i, theirs in zip(range(count), recorded[recorded_name(cls)], strict=True):
            example = dataset[i % len(dataset)]
            found.equal(cls, f'example {i} (index {i % len(dataset)})', driver.sha256(example),
                        theirs, 'offset, crop, mirroring and scaling are exact', example.shape)
    return found


CHECKS = tuple(Check(f'data/{cls}/chainer-{version}', examples, (cls, version), cost=0.2)
               for version in recordings.CHAINERS for cls in DATASETS)
