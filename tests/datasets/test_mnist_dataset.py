import pickle
import re

import numpy as np
import pandas as pd
import pytest

from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset, MovingMNISTDatasetLabelled
from tgan_chainer.errors import DataError


def refused(path, n_frames=16):
    with pytest.raises(DataError, match=re.escape(str(path))) as caught:
        MovingMNISTDataset(n_frames, str(path))
    return str(caught.value)


def saved(path, array):
    np.save(path, array)
    return path


def test_whole_videos_of_fortran_order_pickled_by_their_path(tmp_path, inputs):
    path = saved(tmp_path / 'f.npy', np.asfortranarray(inputs.moving_mnist))
    content = pickle.dumps(MovingMNISTDataset(20, str(path)))
    assert len(content) < 1000
    dataset = pickle.loads(content)
    assert len(dataset) == 6
    example = dataset[2]
    assert type(example) is np.ndarray
    assert (example.dtype, example.shape) == (np.float32, (20, 1, 64, 64))
    np.testing.assert_array_equal(example[:, 0] * 128 + 128, inputs.moving_mnist[:, 2])


def test_missing_file_names_the_published_one_and_the_command(tmp_path):
    for path in (tmp_path / 'none.npy', tmp_path):
        assert re.search('found no file .*mnist_test_seq.npy.*tgan make-moving-mnist',
                         refused(path))


@pytest.mark.parametrize('array, found', [
    (np.zeros((20, 2, 8, 8), np.float32), r'float32 \(20, 2, 8, 8\), expected'),
    (np.zeros((20, 8, 8), np.uint8), r'uint8 \(20, 8, 8\), expected'),
    (np.zeros((20, 0, 8, 8), np.uint8), r'uint8 \(20, 0, 8, 8\), expected'),
    (np.zeros((15, 2, 8, 8), np.uint8), 'has 15 frames a video, expected at least n_frames=16'),
    (np.array([{}]), 'damaged or no .npy file .*object.*expected'),
])
def test_wrong_array(tmp_path, array, found):
    assert re.search(found, refused(saved(tmp_path / 'a.npy', array)))


@pytest.mark.parametrize('n_videos', [21, 10000])
def test_swapped_axes(tmp_path, n_videos):
    path = tmp_path / 'a.npy'
    np.lib.format.open_memmap(path, 'w+', np.uint8, (n_videos, 20, 64, 64))    # takes no disk
    assert re.search(
        rf'has uint8 \({n_videos}, 20, 64, 64\), which is Moving MNIST with its first two axes '
        rf'swapped, expected .* \(20, {n_videos}, 64, 64\); save .*swapaxes', refused(path))
    assert len(MovingMNISTDataset(16, str(saved(path, np.zeros((20, 20, 8, 8), np.uint8))))) == 20


@pytest.mark.parametrize('save', [np.savez, lambda file, array: file.write(pickle.dumps(array))])
def test_archives_and_pickles(tmp_path, save):
    path = tmp_path / 'a.npy'
    with path.open('wb') as file:
        save(file, np.zeros((20, 2, 8, 8), np.uint8))
    assert 'damaged or no .npy file' in refused(path)


def labelled(tmp_path, mnist_path, categories):
    pd.DataFrame({'category': categories}).to_csv(tmp_path / 't.csv', index=False)
    return MovingMNISTDatasetLabelled(20, mnist_path, str(tmp_path / 't.csv'))


def test_labelled_example(tmp_path, mnist_path):
    dataset = labelled(tmp_path, mnist_path, ['up', 'down', 'left', 'up', 'up', 'down'])
    assert dataset.category_names == ['down', 'left', 'up']
    assert dataset.n_categories == 3
    np.testing.assert_allclose(dataset.category_prior, [2 / 6, 1 / 6, 3 / 6], rtol=1e-15)
    plain = MovingMNISTDataset(20, mnist_path)
    for i, expected in enumerate([2, 0, 1, 2, 2, 0]):
        video, label = pickle.loads(pickle.dumps(dataset))[i]
        np.testing.assert_array_equal(video, plain[i])
        assert (label.dtype, label) == (np.int32, expected)


def test_labels_of_another_file(tmp_path, mnist_path):
    with pytest.raises(DataError, match='has 5 rows, expected one for each of the 6 videos in'):
        labelled(tmp_path, mnist_path, ['up'] * 5)
