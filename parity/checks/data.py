"""Layer 6: examples of every data set, byte for byte as the authors' code served them."""
import contextlib
import hashlib
import random
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from PIL import Image

from parity.registry import Check
from parity.result import Result, match
from reference import recordings
from tgan_chainer.datasets import golf_dataset, mnist_dataset, ucf_dataset


@contextlib.contextmanager
def _mnist():
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, 'mnist_test_seq.npy')
        np.save(path, recordings.dataset_inputs().moving_mnist)
        yield (path,)


@contextlib.contextmanager
def _ucf():
    inputs = recordings.dataset_inputs()
    start, end = zip(*inputs.ucf_spans, strict=True)
    with tempfile.TemporaryDirectory() as folder:
        h5path, table = Path(folder, 'ucf101_train.h5'), Path(folder, 'ucf101_train_pd.pkl')
        with h5py.File(h5path, 'w') as file:
            file['image'] = inputs.ucf_image
        pd.DataFrame({'start': start, 'end': end}).to_pickle(table)
        yield str(h5path), str(table)


@contextlib.contextmanager
def _golf():
    inputs = recordings.dataset_inputs()
    start, end = inputs.golf_span
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / 'strips').mkdir()
        for number, strip in enumerate(inputs.golf_strips, start=1):
            # Lossless under the authors' name: a loader goes by content, not by ending.
            Image.fromarray(strip).save(Path(folder, 'strips', f'{number:04d}.jpg'), format='png')
        table = Path(folder, 'golf.pkl')
        pd.DataFrame([['strips', start, end]], columns=['path', 'start', 'end']).to_pickle(table)
        yield folder, str(table)


# Module, files, examples and seed of each class; the key of its recording where it is another.
_DATASETS = {
    'MovingMNISTDataset': (mnist_dataset, _mnist, 12, 1),
    'UCFDataset': (ucf_dataset, _ucf, 16, 2),
    'UCFDatasetAugmented': (ucf_dataset, _ucf, 16, 2),
    'GolfDataset': (golf_dataset, _golf, 8, 3),
    'GolfDatasetAugmented': (golf_dataset, _golf, 8, 3),
}
_RECORDED_NAMES = {'MovingMNISTDataset': 'mnist'}


def examples(cls, version):
    """The recorded examples of one class, drawn with the recorded seed."""
    module, files, count, seed = _DATASETS[cls]
    recorded = recordings.load('datasets-seed0', version).meta['sha256_of_examples']
    comparisons = []
    with files() as paths:
        dataset = getattr(module, cls)(16, *paths)
        np.random.seed(seed)
        random.seed(seed)
        for i, theirs in zip(range(count), recorded[_RECORDED_NAMES.get(cls, cls)], strict=True):
            example = dataset[i % len(dataset)]
            comparisons.append(match(
                cls, f'example {i} (index {i % len(dataset)})',
                hashlib.sha256(np.ascontiguousarray(example)).hexdigest(), theirs,
                'offset, crop, mirroring and scaling are exact',
                f'recording datasets-seed0 (Chainer {version})', example.shape))
    return Result(comparisons=tuple(comparisons))


CHECKS = tuple(Check(f'data/{cls}/chainer-{version}', examples, (cls, version), cost=0.2)
               for version in recordings.CHAINERS for cls in _DATASETS)
