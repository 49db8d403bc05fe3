import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tgan_chainer.datasets.golf_dataset import GolfDataset
from tgan_chainer.datasets.tables import write_table
from tgan_chainer.errors import DataError


def make(root, strips, rows=None):
    """Pictures 0001.jpg, 0002.jpg, ... (stored losslessly) and a table for all of them."""
    for number, strip in enumerate(strips, start=1):
        Image.fromarray(strip).save(root / f'{number:04d}.jpg', format='png')
    rows = [('.', 1, len(strips))] if rows is None else rows
    write_table(root / 'golf.csv', pd.DataFrame(rows, columns=['path', 'start', 'end']))
    return str(root), str(root / 'golf.csv')


def strip(n_frames, width=128):
    return np.zeros((128 * n_frames, width, 3), np.uint8)


def test_grey_picture_is_read_as_rgb(tmp_path):
    Image.new('L', (128, 128 * 16), 7).save(tmp_path / '0001.jpg', format='png')
    example = GolfDataset(16, *make(tmp_path, [], [('.', 1, 1)]))[0]
    assert (example * 128 + 128 == 7).all()


@pytest.mark.parametrize('row, found', [
    (('.', 1, 3), "found no file '.*0003.jpg', which row 1 of '.*golf.csv' names"),
    (('.', 0, 1), "found no file '.*0000.jpg', which row 1"),
    (('none', 1, 1), "found no file '.*none/0001.jpg', .*see that root_path is right"),
    (('.', 1, 10**15), "found no file '.*0003.jpg'"),
    (('.', -1, 1), "has path='.', start=-1, end=1, expected 0 <= start <= end"),
    (('.', 2, 1), "has path='.', start=2, end=1, expected 0 <= start <= end"),
])
def test_what_is_wrong_with_a_row_is_noticed_at_once(tmp_path, row, found):
    paths = make(tmp_path, [strip(16), strip(16)], [('.', 1, 2), row])
    with pytest.raises(DataError, match=found):
        GolfDataset(16, *paths)


@pytest.mark.parametrize('keep, found', [
    (None, "found no file '.*0001.jpg'; restore it"),
    *((keep, "0001.jpg' is damaged or not an image .*; restore it") for keep in (0, 20, 200))])
def test_picture_that_is_removed_or_damaged_later(tmp_path, keep, found):
    dataset = GolfDataset(16, *make(tmp_path, [strip(16)]))
    path = tmp_path / '0001.jpg'
    content = path.read_bytes()
    path.unlink()
    if keep is not None:
        path.write_bytes(content[:keep])
    with pytest.raises(DataError, match=found):
        dataset[0]


@pytest.mark.parametrize('picture, found', [
    (strip(15), '128 x 1920 pixels'), (strip(16, width=64), '64 x 2048 pixels'),
    (strip(17)[:-1], '128 x 2175 pixels'),
])
def test_picture_of_another_size(tmp_path, picture, found):
    dataset = GolfDataset(16, *make(tmp_path, [picture]))
    with pytest.raises(DataError, match=f'is {found}, expected a strip of at least n_frames=16'):
        dataset[0]
