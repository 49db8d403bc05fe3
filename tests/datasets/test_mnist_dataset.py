import pickle

import numpy as np
import pytest

from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset, MovingMNISTDatasetLabelled
from tgan_chainer.datasets.tables import write_table
from tgan_chainer.errors import DataError


def refused(path, message):
    with pytest.raises(DataError, match=f"'{path}'.*{message}"):
        MovingMNISTDataset(16, str(path))


def test_whole_videos_of_fortran_order_pickled_by_their_path(tmp_path, inputs):
    np.save(tmp_path / 'f.npy', np.asfortranarray(inputs.moving_mnist))
    content = pickle.dumps(MovingMNISTDataset(20, str(tmp_path / 'f.npy')))
    assert len(content) < 1000
    dataset = pickle.loads(content)
    assert len(dataset) == 6
    example = dataset[2]
    assert (type(example), example.dtype, example.shape) == (
        np.ndarray, np.float32, (20, 1, 64, 64))
    np.testing.assert_array_equal(example[:, 0] * 128 + 128, inputs.moving_mnist[:, 2])


@pytest.mark.parametrize('shape, dtype, found', [
    ((20, 2, 8, 8), 'f4', r'float32 \(20, 2, 8, 8\), expected'),
    ((20, 8, 8), 'u1', r'uint8 \(20, 8, 8\), expected'),
    ((20, 0, 8, 8), 'u1', r'uint8 \(20, 0, 8, 8\), expected'),
    ((15, 2, 8, 8), 'u1', 'has 15 frames a video, expected at least n_frames=16'),
    ((2,), object, 'damaged or no .npy file .*object.*expected'),
    *(((n, 20, 2, 2), 'u1', rf'has uint8 \({n}, 20, 2, 2\), which is Moving MNIST with its first '
       rf'two axes swapped, expected .* \(20, {n}, 2, 2\); save .*swapaxes') for n in (21, 10000)),
])
def test_wrong_array(tmp_path, shape, dtype, found):
    np.save(tmp_path / 'a.npy', np.zeros(shape, dtype))
    refused(tmp_path / 'a.npy', found)


def test_files_that_are_missing_archives_or_pickles(tmp_path):
    path, videos = tmp_path / 'a.npy', np.zeros((20, 20, 8, 8), np.uint8)
    refused(path, 'mnist_test_seq.npy.*tgan make-moving-mnist')
    for save in (np.savez, lambda file, array: file.write(pickle.dumps(array))):
        with path.open('wb') as file:
            save(file, videos)
        refused(path, 'damaged or no .npy file')
    np.save(path, videos)
    assert len(MovingMNISTDataset(16, str(path))) == 20    # as many as frames: not swapped


def labelled(tmp_path, moving_mnist, categories):
    write_table(tmp_path / 't.csv', {'category': categories})
    return MovingMNISTDatasetLabelled(20, moving_mnist, str(tmp_path / 't.csv'))


def test_labelled_example(tmp_path, moving_mnist):
    dataset = labelled(tmp_path, moving_mnist, ['up', 'down', 'left', 'up', 'up', 'down'])
    assert dataset.category_names == ['down', 'left', 'up']
    assert dataset.n_categories == 3
    np.testing.assert_allclose(dataset.category_prior, [2 / 6, 1 / 6, 3 / 6], rtol=1e-15)
    plain = MovingMNISTDataset(20, moving_mnist)
    for i, expected in enumerate([2, 0, 1, 2, 2, 0]):
        video, label = pickle.loads(pickle.dumps(dataset))[i]
        np.testing.assert_array_equal(video, plain[i])
        assert (label.dtype, label) == (np.int32, expected)


def test_labels_of_another_file(tmp_path, moving_mnist):
    with pytest.raises(DataError, match='has 5 rows, expected one for each of the 6 videos in'):
        labelled(tmp_path, moving_mnist, ['up'] * 5)
