import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tgan_chainer.datasets.golf_dataset import GolfDataset
from tgan_chainer.datasets.tables import write_table
from tgan_chainer.errors import DataError


def make(root, *rows, size=(128, 128 * 16)):
    """Two images of grey, stored losslessly, and a table of them, and of further rows."""
    for name in ('0001.jpg', '0002.jpg'):
        Image.new('L', size, 7).save(root / name, format='png')
    write_table(root / 'golf.csv', pd.DataFrame(
        [('.', 1, 2), *rows], columns=['path', 'start', 'end']))
    return GolfDataset(16, str(root), str(root / 'golf.csv'))


@pytest.mark.parametrize('row, found', [
    (('.', 1, 3), "found no file '.*0003.jpg', which row 1 of '.*golf.csv' names"),
    (('.', 0, 1), "found no file '.*0000.jpg', which row 1"),
    (('none', 1, 1), "found no file '.*none/0001.jpg', .*see that root_path is right"),
    (('.', 1, 10**15), "found no file '.*0003.jpg'"),
    (('.', -1, 1), "has path='.', start=-1, end=1, expected 0 <= start <= end"),
    (('.', 2, 1), "has path='.', start=2, end=1, expected 0 <= start <= end"),
])
def test_what_is_wrong_with_a_row_is_noticed_at_once(tmp_path, row, found):
    with pytest.raises(DataError, match=found):
        make(tmp_path, row)


@pytest.mark.parametrize('keep, found', [
    (None, "found no file '.*000..jpg'; restore it"),
    *((keep, "000..jpg' is damaged or not an image .*; restore it") for keep in (0, 20, 200))])
def test_grey_picture_is_read_as_rgb_until_it_is_removed_or_damaged(tmp_path, keep, found):
    dataset = make(tmp_path)
    np.testing.assert_array_equal(dataset[0] * 128 + 128, np.full((16, 3, 64, 64), 7))
    for path in tmp_path.glob('*.jpg'):
        if keep is None:
            path.unlink()
        else:
            path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=found):
        dataset[0]


@pytest.mark.parametrize('size', [(128, 1920), (64, 2048), (128, 2175)])
def test_picture_of_another_size(tmp_path, size):
    dataset = make(tmp_path, size=size)
    found = f'is {size[0]} x {size[1]} pixels, expected a strip of at least n_frames=16'
    with pytest.raises(DataError, match=found):
        dataset[0]
