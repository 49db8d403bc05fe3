"""5,000 digits of MNIST, which come with the package; `SOURCE.md` says where from."""
from pathlib import Path

import numpy as np

from tgan_chainer.datasets.checks import require_file
from tgan_chainer.errors import DataError
from tgan_chainer.io.files import sha256

FILE = Path(__file__).with_name('mnist_5k.npz')
SHA256 = '246e0c30eeea57c8d0037d3f38c8e00651ec204cc61b8022563e9aeeb9d756f4'
SPLITS = ('train', 'heldout')


def load_digits(split):
    """The digits of one split, 'train' (4,000 images) or 'heldout' (1,000), none of them in both.

    Returns:
        images: uint8 (N, 28, 28), 0 the background, 255 the ink.
        labels: uint8 (N,), 0..9; sorted.
    """
    if split not in SPLITS:
        raise DataError(f'found the split {split!r}, expected one of {", ".join(SPLITS)}')
    require_file(FILE, 'which is part of tgan_chainer; install the package again')
    if (found := sha256(FILE)) != SHA256:
        raise DataError(
            f"'{FILE}' has sha256 {found}, expected {SHA256}; install the package again")
    with np.load(FILE) as npz:
        images, labels = npz['images'], npz['labels']
    # Of each class there are 500, one after another; the first 400 are for training.
    chosen = (np.arange(len(labels)) % 500 < 400) == (split == 'train')
    return images[chosen], labels[chosen]
