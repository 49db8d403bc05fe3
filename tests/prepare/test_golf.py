import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tgan_chainer.datasets.golf_dataset import GolfDataset
from tgan_chainer.errors import DataError
from tgan_chainer.prepare.golf import main, make_golf


def write(path, n_frames=16):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new('RGB', (128, 128 * n_frames), (100, 100, 100)).save(path)


@pytest.fixture
def root(tmp_path):
    root = tmp_path / 'golf'
    for number in (1, 2, 3):
        write(root / 'b' / 'clip.mp4' / f'{number:04d}.jpg')
    for number in (7, 8, 10000):
        write(root / 'a' / f'{number:04d}.jpg')
    return root


def make(root, **arguments):
    path = root.parent / 'golf_pd.csv'
    found = make_golf(path, root, **{'workers': 1, **arguments})
    return found, pd.read_csv(path).to_numpy().tolist()


def test_a_row_for_each_run_of_pictures(root):
    (root / 'a' / 'readme.txt').write_bytes(b'')
    for name in ('00009.jpg', '9.jpg', '0009.jpeg', 'x0009.jpg'):
        write(root / 'a' / name)
    write(root / 'c' / '0004.jpg')
    found, rows = make(root)
    assert rows == [['a', 7, 8], ['a', 10000, 10000], ['b/clip.mp4', 1, 3], ['c', 4, 4]]
    assert found == (4, 7, [])


def test_the_data_set_reads_it_under_the_authors_name_of_the_table(root):
    make(root)
    dataset = GolfDataset(16, str(root), str(root.parent / 'golf_pd.pkl'))
    np.testing.assert_allclose(dataset[0] * 128 + 128, 100, atol=1)   # JPEG


def test_longer_clips_need_longer_pictures_and_they_may_lie_in_the_folder_itself(root):
    write(root / '0003.jpg', n_frames=20)
    assert make(root, n_frames=20)[1] == [['.', 3, 3]]


def test_a_bad_picture_is_left_out_and_reported_by_any_number_of_workers(root):
    path = root / 'b' / 'clip.mp4' / '0002.jpg'
    path.write_bytes(path.read_bytes()[:-500])    # which shows when its pixels are read
    (n_rows, n_pictures, (reason,)), rows = alone = make(root)
    assert rows == [['a', 7, 8], ['a', 10000, 10000], ['b/clip.mp4', 1, 1], ['b/clip.mp4', 3, 3]]
    assert (n_rows, n_pictures) == (4, 5)
    assert reason.startswith(f"'{path}' is damaged or not an image")
    assert make(root, workers=2, overwrite=True) == alone


def test_no_picture_or_none_that_can_be_used(root):
    for path in root.rglob('*.jpg'):
        path.write_bytes(b'')
    with pytest.raises(DataError, match="has no image that can be used of 6, the first: '.*dama"):
        make(root)
    assert os.listdir(root.parent) == ['golf']
    with pytest.raises(DataError, match='has no images of the golf data set.*--root'):
        make(root.parent / 'nowhere')


def test_the_command(root, here, capsys, refused):
    assert 'expected a name that ends in .csv' in refused(main, '--out', 'golf.pkl')    # at once
    os.mkdir('data')
    root.rename('data/golf')
    write(here / 'data' / 'golf' / 'a' / '0007.jpg', n_frames=3)
    assert main(['--workers', '1']) == 0
    out = capsys.readouterr()
    lines = out.out.splitlines()
    assert lines[0] == 'left out 1 images:'
    assert lines[1].startswith("  'data/golf/a/0007.jpg' is 128 x 384 pixels")
    assert lines[2] == 'wrote 3 rows for 5 images to data/golf_pd.csv'
    assert out.err == ''
    Path('data/golf_pd.csv').write_bytes(b'precious')
    assert "'data/golf_pd.csv' exists" in refused(main)
    assert Path('data/golf_pd.csv').read_bytes() == b'precious'
    assert main(['--workers', '1', '--overwrite']) == 0
