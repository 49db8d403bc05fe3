import errno
import hashlib
import os
import signal
from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from tgan_chainer.datasets.mnist_dataset import MovingMNISTDatasetLabelled
from tgan_chainer.errors import DataError
from tgan_chainer.prepare import moving_mnist as module
from tgan_chainer.prepare.digits import load_digits
from tgan_chainer.prepare.moving_mnist import draw_videos, main, make_moving_mnist, render


def made(path, n_videos, **arguments):
    make_moving_mnist(path, n_videos, **arguments)
    return np.load(path)


@pytest.mark.parametrize('split, seed, sha256', [
    ('train', 0, 'aeeedf9e0387cf5e448ec3444a733aa5859b391466c5744840b4ce577a09ee84'),
    ('train', 1, '88ae81b223a4ada7b66cb8a8a28662eda951f15f5309a686f5f35a643e6d2e56'),
    ('heldout', 0, '4d885646ebd5a31e4a679380d07b861cb10f9317dd1dac896c4f82525ff95a23'),
])
def test_a_seed_means_the_same_videos_for_ever(tmp_path, split, seed, sha256):
    videos = made(tmp_path / 'm.npy', 8, split=split, seed=seed)
    assert (videos.dtype, videos.shape) == (np.uint8, (20, 8, 64, 64))
    assert hashlib.sha256(videos.tobytes()).hexdigest() == sha256


@pytest.mark.parametrize('chunk', [1, 7])
def test_chunks_do_not_matter_and_a_shorter_file_begins_a_longer_one(tmp_path, monkeypatch, chunk):
    whole = made(tmp_path / 'whole.npy', 20)
    monkeypatch.setattr(module, 'CHUNK', chunk)
    np.testing.assert_array_equal(made(tmp_path / 'a.npy', 20), whole)
    np.testing.assert_array_equal(made(tmp_path / 'b.npy', 13), whole[:, :13])


@pytest.mark.parametrize('name', ['m.npy', 'm_pd.csv'])
def test_what_exists_is_replaced_only_when_asked(refused, name):
    Path(name).write_bytes(b'precious')
    flags = ['--n', '1', '--labels', '--out', 'm.npy']
    assert f"{name}' exists, expected a new name; " in refused(main, *flags)
    assert Path(name).read_bytes() == b'precious'
    assert main([*flags, '--overwrite']) == 0
    assert np.load('m.npy').shape[1] == 1 and Path('m_pd.csv').read_text().startswith('category')
    with pytest.raises(DataError, match='exists.*--overwrite'):
        make_moving_mnist('.', 1, overwrite=True)    # a folder


@pytest.mark.parametrize('size, digits', [(32, 1), (32, 2), (64, 2)])
def test_videos_and_labels_show_the_digits_that_were_drawn(here, size, digits):
    assert main(['--n', '20', '--size', str(size), '--digits', str(digits), '--labels',
                 '--out', 'm.npy']) == 0
    dataset = MovingMNISTDatasetLabelled(16, 'm.npy', 'm_pd.csv')
    images, labels = load_digits('train')
    shown, position = draw_videos(np.random.RandomState([0, 0]), 20, len(images), digits)
    assert (shown.shape, position.shape) == ((20, digits), (20, 20, digits, 2))
    for i in range(20):
        assert dataset.category_names[dataset[i][1]] == '-'.join(
            sorted(str(labels[number]) for number in shown[i]))
    for t, i in np.ndindex(20, 20):
        frame = np.zeros((64, 64), np.uint8)
        for number, (y, x) in zip(shown[i], (36 * position[t, i]).astype(int), strict=True):
            part = frame[y:y + 28, x:x + 28]
            np.maximum(part, images[number], out=part)
        expected = np.rint(frame.reshape(size, 64 // size, size, 64 // size).mean((1, 3)))
        np.testing.assert_array_equal(np.load('m.npy', mmap_mode='r')[t, i], expected)


def test_a_full_disk_is_noticed_first(tmp_path):
    def full(descriptor, offset, length):
        assert (offset, length) == (0, 20 * 2 * 64 ** 2 + 128)    # the array and its header
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with mock.patch('os.posix_fallocate', full), \
            pytest.raises(DataError, match='m.npy: No space left on device. Check'):
        made(tmp_path / 'm.npy', 2)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_leaves_nothing(here, monkeypatch, capsys, number):
    def interrupted(*args):
        os.kill(os.getpid(), number)
        return render(*args)

    monkeypatch.setattr(module, 'render', interrupted)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)    # as it is, unless a test before broke it
    # A shell without job control has its background jobs ignore SIGINT, and tests inherit that.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(['--out', 'm.npy', '--n', '3', '--labels']) == 130
    finally:
        signal.signal(signal.SIGINT, inherited)
    assert 'interrupted' in capsys.readouterr().err
    assert os.listdir() == []
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize('split', ['train', 'heldout'])
def test_the_command(here, capsys, split):
    assert main(['--n', '2', '--split', split, '--seed', '3']) == 0
    path = f'data/moving_mnist_{split}.npy'    # not the published file's name
    assert os.listdir('data') == [os.path.basename(path)]
    captured = capsys.readouterr()
    assert captured.out == f'wrote 2 videos to {path}\n'
    assert captured.err == ''  # no progress bar where there is no terminal
    np.testing.assert_array_equal(np.load(path), made('api.npy', 2, split=split, seed=3))
