import inspect
import multiprocessing
import os
import pickle
import re
import subprocess
import sys

import chainer
import h5py
import numpy as np
import pandas as pd
import pytest
from chainer.iterators import MultiprocessIterator, SerialIterator

from tgan_chainer.datasets import ucf_dataset
from tgan_chainer.datasets.tables import write_table
from tgan_chainer.datasets.ucf_dataset import (
    UCFDataset,
    UCFDatasetAugmented,
    UCFDatasetAugmentedLabelled,
    UCFDatasetLabelled,
)
from tgan_chainer.errors import DataError
from tgan_chainer.training.iterators import PrefetchIterator

SPANS = [(0, 16), (16, 36), (36, 69), (69, 85)]


def make_h5(path, array, name='image'):
    with h5py.File(path, 'w') as file:
        file[name] = array
    return str(path)


def make_table(path, spans=SPANS):
    write_table(path, pd.DataFrame(spans, columns=['start', 'end']))
    return str(path)


def refused(h5path, config_path, message, **arguments):
    with pytest.raises(DataError, match=message):
        UCFDataset(h5path=str(h5path), config_path=str(config_path), **arguments)


def test_example_is_the_centre_of_its_video(ucf_paths, inputs):
    dataset = UCFDataset(16, *ucf_paths)
    assert len(dataset) == 4
    example = dataset[3]
    assert (example.dtype, example.shape) == (np.float32, (16, 3, 64, 64))
    np.testing.assert_array_equal(example * 128 + 128, inputs.ucf_image[69:, :, :, 10:74])


def test_augmented_examples_are_crops_of_the_video_or_their_mirror_images(ucf_paths, inputs):
    dataset = UCFDatasetAugmented(16, *ucf_paths)
    video = inputs.ucf_image[:16]
    crops = [video[..., left:left + 64].tobytes() for left in range(21)]
    mirrored = [video[..., left:left + 64][..., ::-1].tobytes() for left in range(21)]
    np.random.seed(0)
    seen = {(dataset[0] * 128 + 128).astype(np.uint8).tobytes() for _ in range(400)}
    assert seen <= {*crops, *mirrored}
    assert len(seen) > 35


def test_a_smaller_picture(tmp_path):
    h5path = make_h5(tmp_path / 'a.h5', np.zeros((85, 3, 32, 42), np.uint8))
    table = make_table(tmp_path / 't.csv')
    assert UCFDatasetAugmented(8, h5path, table, img_size=32)[0].shape == (8, 3, 32, 32)


def test_index_out_of_range(ucf_paths):
    with pytest.raises(IndexError):
        UCFDataset(16, *ucf_paths)[4]


def test_no_file_is_open_until_the_first_example(ucf_paths):
    dataset = UCFDataset(16, *ucf_paths)
    assert dataset._file is None
    dataset[0]
    assert dataset._file is not None


def test_pickled_without_its_handle(ucf_paths):
    dataset = UCFDataset(16, *ucf_paths)
    expected = dataset[0]
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset))[0], expected)


def test_a_fork_opens_a_file_of_its_own(ucf_paths):
    dataset = UCFDataset(16, *ucf_paths)
    expected = dataset[0]
    descriptor = dataset._file.id.get_vfd_handle()
    parent = os.stat(descriptor), os.lseek(descriptor, 0, os.SEEK_CUR)

    def child(pipe):
        inherited = dataset._file
        pipe.send((dataset[0], bool(inherited), dataset._pid == os.getpid()))

    context = multiprocessing.get_context('fork')
    ours, theirs = context.Pipe()
    process = context.Process(target=child, args=(theirs,))
    process.start()
    assert ours.poll(60), 'the forked process did not answer'
    example, inherited_is_open, reopened = ours.recv()
    process.join()
    np.testing.assert_array_equal(example, expected)
    assert not inherited_is_open
    assert reopened
    assert os.stat(descriptor).st_ino == parent[0].st_ino
    assert os.lseek(descriptor, 0, os.SEEK_CUR) == parent[1]
    np.testing.assert_array_equal(dataset[0], expected)


def test_missing_files(tmp_path, ucf_paths):
    h5path, config_path = ucf_paths
    refused(tmp_path / 'none.h5', config_path, "found no file '.*none.h5'; .*tgan make-ucf101")
    refused(h5path, tmp_path / 'none.pkl', "found no file '.*none.pkl'; expected a table")


def test_damaged_h5(tmp_path, ucf_paths):
    h5path, config_path = ucf_paths
    path = tmp_path / 'a.h5'
    with open(h5path, 'rb') as file:
        content = file.read()
    for damaged in (b'', b'no h5 file', content[:len(content) // 2]):
        path.write_bytes(damaged)
        refused(path, config_path, "a.h5' is damaged or no h5 file")


def test_file_that_is_damaged_later(tmp_path, ucf_paths):
    path = tmp_path / 'a.h5'
    with h5py.File(path, 'w') as file:
        file.create_dataset('image', data=np.zeros((16, 3, 64, 85), np.uint8), compression='gzip')
        chunk = file['image'].id.get_chunk_info(0)
    table = make_table(tmp_path / 't.csv', [(0, 16)])
    dataset = UCFDataset(16, str(path), table)
    with open(path, 'rb+') as file:
        file.seek(chunk.byte_offset)
        file.write(b'\xff' * chunk.size)
    with pytest.raises(DataError, match="cannot read frames 0 to 16 of '.*a.h5'.*damaged"):
        dataset[0]


def test_h5_that_another_program_holds_open(tmp_path):
    path = make_h5(tmp_path / 'a.h5', np.zeros((85, 3, 64, 85), np.uint8))
    table = make_table(tmp_path / 't.csv')
    later = UCFDataset(16, path, table)
    script = "import h5py, sys; file = h5py.File(sys.argv[1], 'r+'); print(flush=True); input()"
    with subprocess.Popen([sys.executable, '-c', script, path], stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as writer:
        assert writer.stdout.readline() == b'\n'
        message = 'a.h5. is held open by another program.*unable to lock file.*; close it there'
        refused(path, table, message)
        with pytest.raises(DataError, match=message) as caught:
            later[0]
        assert 'damaged' not in str(caught.value)
        writer.communicate(b'\n')
    assert later[0].shape == (16, 3, 64, 64)


@pytest.mark.parametrize('array, found', [
    (np.zeros((85, 3, 64, 85), np.float32), r'float32 \(85, 3, 64, 85\), expected uint8'),
    (np.zeros((85, 64, 85), np.uint8), r'uint8 \(85, 64, 85\), expected uint8'),
    (np.zeros((85, 1, 64, 85), np.uint8), r'\(85, 1, 64, 85\), expected .*\(frames, 3, 64, 74 or'),
    (np.zeros((85, 3, 60, 85), np.uint8), r'\(85, 3, 60, 85\), expected .* for img_size=64'),
    (np.zeros((85, 3, 64, 73), np.uint8), r'\(85, 3, 64, 73\), expected .* 74 or more'),
])
def test_wrong_image(tmp_path, array, found):
    refused(make_h5(tmp_path / 'a.h5', array), make_table(tmp_path / 't.csv'), found)


def test_no_image(tmp_path):
    table = make_table(tmp_path / 't.csv')
    path = make_h5(tmp_path / 'a.h5', np.zeros(3), name='video')
    refused(path, table, re.escape("has ['video'], expected the h5 dataset 'image'"))
    path = make_h5(tmp_path / 'b.h5', np.zeros(3), name='image/video')
    refused(path, table, re.escape("has ['image'], expected the h5 dataset 'image'"))


@pytest.mark.parametrize('kind', ['link', 'soft link', 'external', 'virtual'])
def test_an_image_in_another_file_is_not_read(tmp_path, ucf_paths, kind):
    shape, other = (85, 3, 64, 85), tmp_path / 'secret'
    other.write_bytes(bytes(np.prod(shape)))
    with h5py.File(tmp_path / 'a.h5', 'w') as file:
        if kind == 'link':
            file['image'] = h5py.ExternalLink(ucf_paths[0], 'image')
        elif kind == 'soft link':
            file['image'] = h5py.SoftLink('/other')
            file['other'] = h5py.ExternalLink(ucf_paths[0], 'image')
        elif kind == 'external':
            file.create_dataset('image', shape, np.uint8, external=[(str(other), 0, 10 ** 7)])
        else:
            layout = h5py.VirtualLayout(shape, np.uint8)
            layout[:] = h5py.VirtualSource(ucf_paths[0], 'image', shape)
            file.create_virtual_dataset('image', layout)
    refused(str(tmp_path / 'a.h5'), make_table(tmp_path / 't.csv'),
            "expected (an array in the file itself|the h5 dataset 'image')")


def test_sizes_that_no_video_has(tmp_path):
    with h5py.File(tmp_path / 'a.h5', 'w') as file:    # nothing is stored: 6 KB
        file.create_dataset('image', (85, 3, 64, 10 ** 9), np.uint8, chunks=(1, 3, 64, 85))
    with h5py.File(tmp_path / 'b.h5', 'w') as file:
        file.create_dataset('image', (10 ** 6, 3, 64, 85), np.uint8, chunks=(10 ** 5, 3, 64, 85))
    table = make_table(tmp_path / 't.csv')
    refused(str(tmp_path / 'a.h5'), table, '74 or more, at most 4096')
    refused(str(tmp_path / 'b.h5'), table, 'in chunks of more than')


@pytest.mark.parametrize('probe, found', [
    ('import os, signal; os.kill(os.getpid(), signal.SIGSEGV)', 'crashes'),
    ('import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 1))\nwhile True: pass',
     'does not end'),
])
def test_a_file_that_ends_or_blocks_hdf5(tmp_path, monkeypatch, probe, found):
    monkeypatch.setattr(ucf_dataset, '_PROBE', probe)
    path = make_h5(tmp_path / 'a.h5', np.zeros((85, 3, 64, 85), np.uint8))
    refused(path, make_table(tmp_path / 't.csv'), f'is damaged so that HDF5 {found}')


@pytest.mark.parametrize('span, message', [
    ((-1, 20), r'row 1 .* has start=-1, end=20, expected 0 <= start < end <= 85'),
    ((20, 20), r'row 1 .* has start=20, end=20, expected 0 <= start < end'),
    ((30, 20), r'row 1 .* has start=30, end=20, expected 0 <= start < end'),
    ((60, 86), r'row 1 .* has start=60, end=86, expected .* <= 85, the number of frames'),
    ((60, 75), r'row 1 .* has start=60, end=75, expected at least n_frames=16 frames'),
])
def test_wrong_span(tmp_path, ucf_paths, span, message):
    refused(ucf_paths[0], make_table(tmp_path / 't.csv', [(0, 16), span]), message)


def test_other_columns_are_missing(tmp_path, ucf_paths):
    write_table(tmp_path / 't.csv', pd.DataFrame({'start': [0], 'stop': [16]}))
    refused(ucf_paths[0], tmp_path / 't.csv', r"\['start', 'stop'\], expected also \['end'\]")


# -- labels ----------------------------------------------------------------------------------------

LABELLED = {UCFDatasetLabelled: UCFDataset, UCFDatasetAugmentedLabelled: UCFDatasetAugmented}


def labelled_table(path, categories):
    start, end = zip(*SPANS, strict=True)
    write_table(path, pd.DataFrame({'category': categories, 'start': start, 'end': end}))
    return str(path)


@pytest.mark.parametrize('cls', LABELLED)
def test_labelled_example_is_the_plain_one_and_its_category(ucf_paths, cls):
    dataset = cls(16, *ucf_paths)
    plain = LABELLED[cls](16, *ucf_paths)
    assert dataset.category_names == ['Archery', 'YoYo']
    assert dataset.n_categories == 2
    for i, expected in enumerate([0, 0, 1, 1]):
        np.random.seed(i)
        example = dataset[i]
        assert type(example) is tuple
        video, label = example
        assert (type(label), label) == (np.int32, expected)
        np.random.seed(i)
        np.testing.assert_array_equal(video, plain[i])


def test_prior_is_the_share_of_each_category(tmp_path, ucf_paths):
    table = labelled_table(tmp_path / 't.csv', ['YoYo', 'Archery', 'YoYo', 'YoYo'])
    prior = UCFDatasetLabelled(16, ucf_paths[0], table).category_prior
    assert prior.dtype == np.float64
    assert prior.tolist() == [0.25, 0.75]


def test_categories_are_in_the_order_of_classind(tmp_path, ucf_paths):
    """Lines 35, 36 and 47, 48 of classInd.txt, which str's own order turns around."""
    table = labelled_table(tmp_path / 't.csv',
                           ['JumpRope', 'HammerThrow', 'JumpingJack', 'Hammering'])
    dataset = UCFDatasetLabelled(16, ucf_paths[0], table)
    assert dataset.category_names == ['Hammering', 'HammerThrow', 'JumpingJack', 'JumpRope']
    assert [int(dataset[i][1]) for i in range(4)] == [3, 1, 2, 0]


def test_a_batch_of_labelled_examples_is_two_arrays(ucf_paths):
    dataset = UCFDatasetLabelled(16, *ucf_paths)
    videos, labels = chainer.dataset.concat_examples([dataset[1], dataset[2]])
    assert (videos.dtype, videos.shape) == (np.float32, (2, 16, 3, 64, 64))
    assert (labels.dtype, labels.tolist()) == (np.int32, [0, 1])


def test_no_categories(tmp_path, ucf_paths):
    with pytest.raises(DataError, match=r"\['start', 'end'\], expected also \['category'\]"):
        UCFDatasetLabelled(16, ucf_paths[0], make_table(tmp_path / 't.csv'))


@pytest.mark.parametrize('cls', LABELLED)
def test_an_experiment_can_name_it(cls):
    signature = inspect.signature(cls)
    assert signature == inspect.signature(UCFDataset)


# -- several processes and threads -----------------------------------------------------------------

@pytest.mark.filterwarnings('ignore:setDaemon:DeprecationWarning')  # Chainer's
def test_worker_processes_draw_different_crops(tmp_path):
    """64 times the same video: four workers that drew alike would show 16 clips four times."""
    r = np.random.RandomState(0)
    h5path = make_h5(tmp_path / 'a.h5', r.randint(0, 256, (400, 3, 8, 1000)).astype(np.uint8))
    table = make_table(tmp_path / 't.csv', [(0, 400)] * 64)
    dataset = UCFDatasetAugmented(16, h5path, table, img_size=8)
    iterator = MultiprocessIterator(dataset, 16, n_processes=4)
    clips = {clip.tobytes() for _ in range(4) for clip in iterator.next()}
    iterator.finalize()
    assert len(clips) == 64


def test_read_by_threads(ucf_paths):
    dataset = UCFDatasetAugmentedLabelled(16, *ucf_paths)
    histories = []
    for cls in (SerialIterator, PrefetchIterator):
        np.random.seed(0)
        iterator = cls(dataset, 3)
        histories.append([example for _ in range(12) for example in iterator.next()])
        iterator.finalize()
    for (video, label), (expected_video, expected_label) in zip(*histories, strict=True):
        np.testing.assert_array_equal(video, expected_video)
        assert label == expected_label
