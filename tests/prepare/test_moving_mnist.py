import hashlib
import os
import signal
from collections import namedtuple

import numpy as np
import pytest

from tgan_chainer.datasets.mnist_dataset import MovingMNISTDatasetLabelled
from tgan_chainer.errors import DataError
from tgan_chainer.prepare import moving_mnist as module
from tgan_chainer.prepare.digits import load_digits
from tgan_chainer.prepare.moving_mnist import draw_videos, main, make_moving_mnist, render

DIGITS = load_digits('heldout')[0]


def made(path, n_videos, **arguments):
    make_moving_mnist(path, n_videos, **arguments)
    return np.load(path)


def test_videos_show_the_digits_that_were_drawn():
    digit, position = draw_videos(np.random.RandomState(0), 7, len(DIGITS))
    assert (digit.shape, position.shape) == ((7, 2), (20, 7, 2, 2))
    videos = render(DIGITS, digit, position)
    for n in range(7):
        for t in range(20):
            frame = np.zeros((64, 64), np.uint8)
            for k in range(2):
                y, x = (36 * position[t, n, k]).astype(int)
                part = frame[y:y + 28, x:x + 28]
                np.maximum(part, DIGITS[digit[n, k]], out=part)
            np.testing.assert_array_equal(videos[t, n], frame)


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


def test_a_table_that_exists_is_replaced_only_when_asked(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    table = tmp_path / 'm_pd.csv'
    table.write_text('precious')
    flags = ['--n', '1', '--labels', '--out', 'm.npy']
    assert main(flags) == 2
    assert "m_pd.csv' exists" in capsys.readouterr().err
    assert table.read_text() == 'precious' and not (tmp_path / 'm.npy').exists()
    assert main([*flags, '--overwrite']) == 0
    assert table.read_text().startswith('category')


@pytest.mark.parametrize('digits', [1, 2])
def test_labels_are_the_digits_that_are_shown(tmp_path, monkeypatch, digits):
    monkeypatch.chdir(tmp_path)
    assert main(['--n', '20', '--size', '32', '--digits', str(digits), '--labels',
                 '--out', 'm.npy']) == 0
    dataset = MovingMNISTDatasetLabelled(16, 'm.npy', 'm_pd.csv')
    images, labels = load_digits('train')
    shown, position = draw_videos(np.random.RandomState([0, 0]), 20, len(images), digits)
    for i in range(20):
        assert dataset.category_names[dataset[i][1]] == '-'.join(
            sorted(str(labels[number]) for number in shown[i]))
    frame = np.zeros((64, 64))
    for number, (y, x) in zip(shown[7], (36 * position[4, 7]).astype(int), strict=True):
        part = frame[y:y + 28, x:x + 28]
        np.maximum(part, images[number], out=part)
    expected = np.rint(frame.reshape(32, 2, 32, 2).mean((1, 3)))
    np.testing.assert_array_equal(np.load('m.npy')[4, 7], expected)


def test_an_existing_file_is_replaced_only_by_force(tmp_path):
    path = tmp_path / 'm.npy'
    path.write_bytes(b'precious')
    with pytest.raises(DataError, match="m.npy' exists, expected a new name.*--overwrite"):
        made(path, 2)
    assert path.read_bytes() == b'precious'
    assert made(path, 2, overwrite=True).shape[1] == 2
    with pytest.raises(DataError, match='exists'):
        made(tmp_path, 2, overwrite=True)


def test_a_full_disk_is_noticed_first(tmp_path, monkeypatch):
    usage = namedtuple('usage', 'free')
    monkeypatch.setattr(module.shutil, 'disk_usage', lambda folder: usage(163839))
    with pytest.raises(DataError, match='free space, expected the 0 MB of 2 videos; free some'):
        made(tmp_path / 'm.npy', 2)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_leaves_nothing(tmp_path, monkeypatch, capsys, number):
    def interrupted(*args):
        os.kill(os.getpid(), number)
        return render(*args)

    monkeypatch.setattr(module, 'render', interrupted)
    before = signal.getsignal(signal.SIGTERM)
    # A shell without job control has its background jobs ignore SIGINT, and tests inherit that.
    inherited = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        assert main(['--out', str(tmp_path / 'm.npy'), '--n', '3']) == 130
    finally:
        signal.signal(signal.SIGINT, inherited)
    assert 'interrupted' in capsys.readouterr().err
    assert os.listdir(tmp_path) == []
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize('split', ['train', 'heldout'])
def test_the_command(tmp_path, monkeypatch, capsys, split):
    monkeypatch.chdir(tmp_path)
    flags = ['--n', '2', '--split', split, '--seed', '3']
    assert main(flags) == 0
    path = f'data/moving_mnist_{split}.npy'    # not the published file's name
    assert os.listdir('data') == [os.path.basename(path)]
    captured = capsys.readouterr()
    assert captured.out == f'wrote 2 videos to {path}\n'
    assert captured.err == ''  # no progress bar where there is no terminal
    np.testing.assert_array_equal(np.load(path), made('api.npy', 2, split=split, seed=3))
    assert main(flags) == 2
    error = capsys.readouterr().err
    assert error.startswith('error: ') and error.count('\n') == 1
    assert main([*flags, '--overwrite']) == 0
