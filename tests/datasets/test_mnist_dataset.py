import pickle
import re

import numpy as np
import pytest

from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.errors import DataError


def refused(path, n_frames=16):
    with pytest.raises(DataError, match=re.escape(str(path))) as caught:
        MovingMNISTDataset(n_frames, str(path))
    return str(caught.value)


def saved(path, array):
    np.save(path, array)
    return path


def test_example(mnist_path, inputs):
    dataset = MovingMNISTDataset(16, mnist_path)
    assert len(dataset) == 6
    example = dataset[5]
    assert type(example) is np.ndarray
    assert (example.dtype, example.shape) == (np.float32, (16, 1, 64, 64))
    windows = [inputs.moving_mnist[k:k + 16, 5] for k in range(4)]
    assert any(np.array_equal(example[:, 0] * 128 + 128, window) for window in windows)


def test_whole_videos_when_n_frames_is_their_length(mnist_path, inputs):
    example = MovingMNISTDataset(20, mnist_path)[0]
    np.testing.assert_array_equal(example[:, 0] * 128 + 128, inputs.moving_mnist[:, 0])


def test_index_out_of_range(mnist_path):
    with pytest.raises(IndexError):
        MovingMNISTDataset(16, mnist_path)[6]


def test_pickled_by_its_path(mnist_path):
    dataset = MovingMNISTDataset(20, mnist_path)
    content = pickle.dumps(dataset)
    assert len(content) < 1000
    np.testing.assert_array_equal(pickle.loads(content)[2], dataset[2])


def test_fortran_order_is_read(tmp_path, inputs):
    path = saved(tmp_path / 'f.npy', np.asfortranarray(inputs.moving_mnist))
    example = MovingMNISTDataset(20, str(path))[1]
    np.testing.assert_array_equal(example[:, 0] * 128 + 128, inputs.moving_mnist[:, 1])


def test_missing_file_names_the_published_one_and_the_command(tmp_path):
    message = refused(tmp_path / 'none.npy')
    assert 'found no file' in message
    assert 'mnist_test_seq.npy' in message
    assert 'python -m tgan_chainer.make_moving_mnist' in message


@pytest.mark.parametrize('array, found', [
    (np.zeros((20, 2, 8, 8), np.float32), r'float32 \(20, 2, 8, 8\), expected'),
    (np.zeros((20, 8, 8), np.uint8), r'uint8 \(20, 8, 8\), expected'),
    (np.zeros((20, 0, 8, 8), np.uint8), r'uint8 \(20, 0, 8, 8\), expected'),
    (np.zeros((15, 2, 8, 8), np.uint8), 'has 15 frames a video, expected at least n_frames=16'),
    (np.array([{}]), 'damaged or no .npy file .*object.*expected'),
])
def test_wrong_array(tmp_path, array, found):
    assert re.search(found, refused(saved(tmp_path / 'a.npy', array)))


@pytest.mark.parametrize('keep', [0, 3, 8, 60, 128, 128 + 20 * 2 * 64 - 1])
def test_truncated_file(tmp_path, keep):
    path = saved(tmp_path / 'a.npy', np.zeros((20, 2, 8, 8), np.uint8))
    path.write_bytes(path.read_bytes()[:keep])
    assert 'damaged or no .npy file' in refused(path)


def test_damaged_header(tmp_path):
    path = saved(tmp_path / 'a.npy', np.zeros((20, 2, 8, 8), np.uint8))
    content = path.read_bytes()
    for garbage in (b'(((', b'{' * 40, b'\xff\xfe', b"{'descr': 0}"):
        path.write_bytes(content[:10] + garbage + content[10 + len(garbage):])
        assert 'damaged or no .npy file' in refused(path)


def test_an_archive_or_a_pickle_is_not_opened(tmp_path):
    np.savez(tmp_path / 'a.npz', np.zeros((20, 2, 8, 8), np.uint8))
    (tmp_path / 'a.pkl').write_bytes(pickle.dumps(np.zeros((20, 2, 8, 8), np.uint8)))
    for name in ('a.npz', 'a.pkl'):
        assert 'damaged or no .npy file' in refused(tmp_path / name)


def test_a_folder_is_no_file(tmp_path):
    assert 'found no file' in refused(tmp_path)
