import inspect
import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from chainer.iterators import SerialIterator

from tgan_chainer.datasets import ucf_dataset
from tgan_chainer.datasets.tables import write_table
from tgan_chainer.datasets.ucf_dataset import (
    UCFDataset,
    UCFDatasetAugmented,
    UCFDatasetAugmentedLabelled,
    UCFDatasetLabelled,
)
from tgan_chainer.errors import DataError
from tgan_chainer.random_streams import Streams
from tgan_chainer.training.iterators import PrefetchIterator


def image(shape=(85, 3, 64, 85), dtype='u1', name='image', **settings):
    """Function that makes a dataset in an h5 file; without values these are not stored."""
    return lambda file: file.create_dataset(name, shape, dtype, **settings)


@pytest.fixture
def make(tmp_path):
    """Function that writes an h5 file and a table of spans -> their paths."""
    def make(write=None, spans=((0, 16), (16, 36), (36, 69), (69, 85))):
        with h5py.File(tmp_path / 'a.h5', 'w') as file:
            (write or image())(file)
        write_table(tmp_path / 't.csv', pd.DataFrame(spans, columns=['start', 'end']))
        return str(tmp_path / 'a.h5'), str(tmp_path / 't.csv')
    return make


def refused(paths, message):
    with pytest.raises(DataError, match=message):
        UCFDataset(16, *map(str, paths))


def test_augmented_crops_are_at_any_column_but_the_last(make):
    """Of 32 pixels; those of 64 are compared with the authors' by parity/checks/data.py."""
    dataset = UCFDatasetAugmented(16, *make(image((85, 3, 32, 85))), 32)
    np.random.seed(0)
    drawn = {dataset.draw(0, Streams())[1:] for _ in range(2000)}
    assert drawn == {(left, mirrored) for left in range(85 - 32) for mirrored in (False, True)}
    assert dataset[0].shape == (16, 3, 32, 32)


def test_a_fork_and_a_pickle_open_a_file_of_their_own(ucf_paths):
    dataset = UCFDataset(16, *ucf_paths)
    assert dataset._file is None
    expected = dataset[0]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset))[0], expected)
    descriptor = dataset._file.id.get_vfd_handle()
    place = os.lseek(descriptor, 0, os.SEEK_CUR)
    inherited = dataset._file
    context = multiprocessing.get_context('fork')
    ours, theirs = context.Pipe()
    process = context.Process(target=lambda: theirs.send((dataset[0], bool(inherited))))
    process.start()
    assert ours.poll(60), 'the forked process did not answer'
    example, inherited_is_open = ours.recv()
    process.join()
    np.testing.assert_array_equal(example, expected)
    assert not inherited_is_open
    assert os.lseek(descriptor, 0, os.SEEK_CUR) == place
    np.testing.assert_array_equal(dataset[0], expected)


def test_missing_and_damaged_files(tmp_path, ucf_paths):
    h5path, config_path = ucf_paths
    refused((h5path, tmp_path / 'none.pkl'), "found no file '.*none.pkl'; expected a table")
    path = tmp_path / 'a.h5'
    refused((path, config_path), "found no file '.*a.h5'; .*tgan make-ucf101")
    content = Path(h5path).read_bytes()
    for damaged in (b'', b'no h5 file', content[:len(content) // 2]):
        path.write_bytes(damaged)
        refused((path, config_path), "a.h5' is damaged or no h5 file")


def test_file_that_is_damaged_later(make):
    paths = make(image(data=np.zeros((85, 3, 64, 85)), compression='gzip'))
    dataset = UCFDataset(16, *paths)
    with h5py.File(paths[0]) as file:
        chunk = file['image'].id.get_chunk_info(0)
    with open(paths[0], 'rb+') as file:
        file.seek(chunk.byte_offset)
        file.write(b'\xff' * chunk.size)
    with pytest.raises(DataError, match="cannot read frames 0 to 16 of '.*a.h5'.*damaged"):
        dataset[0]


def test_h5_that_another_program_holds_open(make):
    paths = make()
    later = UCFDataset(16, *paths)
    script = "import h5py, sys; file = h5py.File(sys.argv[1], 'r+'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, '-c', script, paths[0]], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b'\n'
        message = 'a.h5. is held open by another program.*unable to lock file.*; close it there'
        refused(paths, message)
        with pytest.raises(DataError, match=message) as caught:
            later[0]
        assert 'damaged' not in str(caught.value)
        writer.communicate(b'\n')
    assert later[0].shape == (16, 3, 64, 64)


def links(file):
    file['image'] = h5py.SoftLink('/other')
    file['other'] = h5py.ExternalLink('whole.h5', 'image')


@pytest.mark.parametrize('write, found', [
    (image(dtype='f'), r'float32 \(85, 3, 64, 85\), expected uint8'),
    (image((85, 64, 85)), r'uint8 \(85, 64, 85\), expected uint8'),
    (image((85, 1, 64, 85)), r'\(85, 1, 64, 85\), .*\(frames, 3, 64, 74 or more, at most 4096\)'),
    (image((85, 3, 60, 85)), r'\(85, 3, 60, 85\), expected .* for img_size=64'),
    (image((85, 3, 64, 73)), r'\(85, 3, 64, 73\), expected .* 74 or more'),
    (image((85, 3, 64, 10 ** 9), chunks=(1, 3, 64, 85)), '74 or more, at most 4096'),
    (image((10 ** 6, 3, 64, 85), chunks=(10 ** 5, 3, 64, 85)), 'chunks of at most'),
    (image(name='video'), r"has \['video'\], expected the h5 dataset 'image'"),
    (image(name='image/video'), r"has \['image'\], expected the h5 dataset 'image'"),
    # In another file. More of these in tests/robustness/targets.py.
    (lambda file: file.update(image=h5py.ExternalLink('whole.h5', 'image')),
     "expected the h5 dataset 'image'"),
    (links, "expected the h5 dataset 'image'"),
])
def test_wrong_image(tmp_path, ucf_paths, make, write, found):
    shutil.copy(ucf_paths[0], tmp_path / 'whole.h5')
    refused(make(write), found)


@pytest.mark.parametrize('probe, found', [
    ('import os, signal; os.kill(os.getpid(), signal.SIGSEGV)', 'crashes'),
    ('import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass',
     'does not end'),
])
def test_a_file_that_ends_or_blocks_hdf5(make, monkeypatch, probe, found):
    monkeypatch.setattr(ucf_dataset, '_PROBE', probe)
    refused(make(), f'is damaged so that HDF5 {found}')


@pytest.mark.parametrize('start, end, expected', [
    (-1, 20, '0 <= start < end <= 85'), (20, 20, '0 <= start < end'), (30, 20, '0 <= start < end'),
    (60, 86, '.* <= 85, the number of frames'), (60, 75, 'at least n_frames=16 frames')])
def test_wrong_span(make, start, end, expected):
    refused(make(spans=[(0, 16), (start, end)]),
            f'row 1 .* has start={start}, end={end}, expected {expected}')


LABELLED = {UCFDatasetLabelled: UCFDataset, UCFDatasetAugmentedLabelled: UCFDatasetAugmented}


@pytest.mark.parametrize('cls', LABELLED)
def test_labelled_example_is_the_plain_one_and_its_category(ucf_paths, cls):
    dataset, plain = cls(16, *ucf_paths), LABELLED[cls](16, *ucf_paths)
    assert inspect.signature(cls) == inspect.signature(UCFDataset)    # which an experiment reads
    assert (dataset.category_names, dataset.n_categories) == (['Archery', 'YoYo'], 2)
    for i, expected in enumerate([0, 0, 1, 1]):
        np.random.seed(i)
        example = dataset[i]
        assert type(example) is tuple
        video, label = example
        assert (type(label), label, video.flags.c_contiguous) == (np.int32, expected, True)
        np.random.seed(i)
        np.testing.assert_array_equal(video, plain[i])


def test_categories_are_in_the_order_of_classind(tmp_path, ucf_paths):
    """Lines 35, 36 and 47, 48 of classInd.txt, which str's own order turns around."""
    write_table(tmp_path / 't.csv', {
        'category': ['JumpRope', 'HammerThrow', 'JumpingJack', 'Hammering'],
        'start': [0] * 4, 'end': [16] * 4})
    dataset = UCFDatasetLabelled(16, ucf_paths[0], str(tmp_path / 't.csv'))
    assert dataset.category_names == ['Hammering', 'HammerThrow', 'JumpingJack', 'JumpRope']
    assert [int(dataset[i][1]) for i in range(4)] == [3, 1, 2, 0]


def test_read_by_threads(ucf_paths):
    dataset = UCFDatasetAugmentedLabelled(16, *ucf_paths)
    histories = []
    for cls in (SerialIterator, PrefetchIterator):
        np.random.seed(0)
        iterator = cls(dataset, 3)
        histories.append([(video.tobytes(), label) for _ in range(12)
                          for video, label in iterator.next()])
        iterator.finalize()
    assert histories[0] == histories[1]
