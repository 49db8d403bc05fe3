import errno
import json
import os
import re

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgan_chainer.errors import DataError
from tgan_chainer.prepare import unfinished_h5
from tgan_chainer.prepare.unfinished_h5 import HEADER_BYTES, UnfinishedH5

SHAPE = 3, 64, 85
SETTINGS = {'kind': 'avi', 'videos': 4}


def rows(n, value):
    return np.full((n, *SHAPE), value, np.uint8)


ENTRIES = [('a', rows(2, 1)), ('b', None), ('c', rows(3, 2)), ('d', rows(1, 3))]
WHOLE = np.concatenate([array for _, array in ENTRIES if array is not None])


def append(unfinished, entries):
    for name, array in entries:
        unfinished.append({'video': name}, array)


def make(path, **arguments):
    """Make the file of ENTRIES, going on with what is there."""
    with UnfinishedH5(path, SHAPE, SETTINGS, **arguments) as unfinished:
        done = len(unfinished.entries)
        append(unfinished, ENTRIES[done:])
        unfinished.finish()
    return done


def content(path):
    with h5py.File(path) as file:
        assert list(file) == ['image']
        return file['image'][...]


def folder(path):
    return path.with_name(path.name + '.unfinished')


def test_the_file_is_an_h5_file_of_the_same_bytes_each_time(tmp_path):
    path = tmp_path / 'new' / 'a.h5'
    make(path)
    with h5py.File(path) as file:
        image = file['image']
        assert (image.dtype, image.shape, image.chunks) == (np.uint8, (6, *SHAPE), None)
        assert image.id.get_offset() == HEADER_BYTES
        # With its time the same rows would make other bytes a second later.
        assert not image.id.get_create_plist().get_obj_track_times()
    np.testing.assert_array_equal(content(path), WHOLE)
    assert os.listdir(path.parent) == ['a.h5']
    make(tmp_path / 'b.h5')
    assert path.read_bytes() == (tmp_path / 'b.h5').read_bytes()


@pytest.mark.parametrize('n_rows', [1, 16, 2_500_000])
def test_the_header_is_for_any_number_of_rows(tmp_path, n_rows):
    """A sparse file, of 40 GB in the end, in place of the rows."""
    path = tmp_path / 'a.h5'
    path.write_bytes(unfinished_h5._header((n_rows, *SHAPE)))
    os.truncate(path, HEADER_BYTES + n_rows * int(np.prod(SHAPE)))
    with h5py.File(path) as file:
        assert file['image'].shape == (n_rows, *SHAPE)
        assert not file['image'][n_rows - 1].any()


@settings(max_examples=40, deadline=None)
@given(n_saved=st.integers(0, 4), n_lost=st.integers(0, 4), n_saved_next=st.integers(0, 4),
       torn=st.binary(max_size=30), garbage=st.integers(0, 20000))
def test_goes_on_after_being_killed_anywhere_twice(
        tmp_path_factory, n_saved, n_lost, n_saved_next, torn, garbage):
    """Killed after some entries were saved and others written: of these nothing counts."""
    path = tmp_path_factory.mktemp('killed') / 'a.h5'
    for n in (n_saved, n_saved_next):
        with UnfinishedH5(path, SHAPE, SETTINGS) as unfinished:
            done = len(unfinished.entries)
            append(unfinished, ENTRIES[done:done + n])
        with (folder(path) / 'image').open('ab') as array:
            for _, lost in ENTRIES[done + n:done + n + n_lost]:
                array.write(b'' if lost is None else lost.tobytes())
            array.write(bytes(garbage))
        with (folder(path) / 'journal').open('ab') as journal:
            journal.write(torn.replace(b'\n', b''))
    assert make(path) == min(n_saved + n_saved_next, 4)
    np.testing.assert_array_equal(content(path), WHOLE)
    assert os.listdir(path.parent) == ['a.h5']


def test_the_array_is_on_the_disk_before_the_journal_says_so(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, 'fsync', lambda file: synced.append(
        (os.readlink(f'/proc/self/fd/{file}').rpartition('/')[2], len(journal.read_bytes()))))
    path = tmp_path / 'a.h5'
    journal = folder(path) / 'journal'
    with UnfinishedH5(path, SHAPE, SETTINGS) as unfinished:
        before = len(journal.read_bytes())
        append(unfinished, ENTRIES[:1])
        unfinished.save()
        assert synced == [('image', before), ('journal', len(journal.read_bytes()))]
        assert len(journal.read_bytes()) > before


@pytest.mark.parametrize('bytes_', [1, 2 * 16320, 10**9])
def test_the_journal_is_never_ahead_of_the_array(tmp_path, monkeypatch, bytes_):
    monkeypatch.setattr(unfinished_h5, 'CHECKPOINT_BYTES', bytes_)
    path = tmp_path / 'a.h5'
    with UnfinishedH5(path, SHAPE, SETTINGS) as unfinished:
        for k, (name, array) in enumerate(ENTRIES):
            unfinished.append({'video': name}, array)
            lines = (folder(path) / 'journal').read_text().splitlines()
            vouched = sum(json.loads(line)['rows'] for line in lines[1:])
            written = (folder(path) / 'image').stat().st_size - HEADER_BYTES
            assert vouched * 16320 <= written
            # Every time, at the first and the third entry, never.
            assert len(lines) - 1 == {1: k + (k != 1), 2 * 16320: (1, 1, 3, 3)[k], 10**9: 0}[bytes_]


def test_an_exception_keeps_what_there_is_and_the_old_file_behind_its_link(tmp_path):
    (tmp_path / 'disk').mkdir()
    path, place = tmp_path / 'a.h5', tmp_path / 'disk' / 'b.h5'
    place.write_bytes(b'old')
    path.symlink_to(place)
    with pytest.raises(KeyboardInterrupt), UnfinishedH5(path, SHAPE, SETTINGS) as unfinished:
        append(unfinished, ENTRIES[:3])
        raise KeyboardInterrupt
    assert place.read_bytes() == b'old'
    assert make(path) == 3
    assert path.is_symlink()
    assert os.listdir(tmp_path / 'disk') == ['b.h5']
    np.testing.assert_array_equal(content(path), WHOLE)


def test_other_settings_and_a_start_over(tmp_path):
    path = tmp_path / 'a.h5'
    with UnfinishedH5(path, SHAPE, {'kind': 'png', 'videos': 4}) as unfinished:
        append(unfinished, [('z', rows(4, 9))])
    found = re.escape("is unfinished with kind='png' (expected 'avi'); give the same")
    with pytest.raises(DataError, match=found):
        make(path)
    with UnfinishedH5(path, SHAPE, SETTINGS, start_over=True) as unfinished:
        assert not unfinished.entries
        append(unfinished, ENTRIES[:2])
    assert make(path, start_over=True) == 2    # of the same settings
    np.testing.assert_array_equal(content(path), WHOLE)


def test_two_at_a_time(tmp_path):
    path = tmp_path / 'a.h5'
    with UnfinishedH5(path, SHAPE, SETTINGS) as unfinished:
        append(unfinished, ENTRIES[:2])
        with pytest.raises(DataError, match='is in use by another process that makes'):
            make(path, start_over=True)
    assert make(path) == 2


@pytest.mark.parametrize('journal', [
    b'no json\n', b'[]\n', b'{"kind": "avi"}\n3\n', b'{"kind": "avi"}\n{"video": "a"}\n',
    *(b'{"kind": "avi"}\n{"rows": %s}\n' % rows
      for rows in (b'"many"', b'1.5', b'1e999', b'-1', b'1' + b'0' * 30)),
    pytest.param(b'[' * 100_000 + b'\n', id='nested'),
])
def test_damaged_journal(tmp_path, journal):
    path = tmp_path / 'a.h5'
    with UnfinishedH5(path, SHAPE, SETTINGS):
        pass
    (folder(path) / 'journal').write_bytes(journal)
    with pytest.raises(DataError, match='is damaged: its journal cannot be read; remove it'):
        make(path)


def test_damaged_array(tmp_path):
    path = tmp_path / 'a.h5'
    with UnfinishedH5(path, SHAPE, SETTINGS) as unfinished:
        append(unfinished, ENTRIES[:2])
    os.truncate(folder(path) / 'image', HEADER_BYTES + 16320)
    with pytest.raises(DataError, match='its array has 20416 bytes, expected 36736 or more'):
        make(path)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / 'file').write_bytes(b'')
    with pytest.raises(DataError, match='cannot write .*check that the folder can be written'):
        make(tmp_path / 'file' / 'a.h5')


def test_a_disk_that_is_full_for_a_while(tmp_path, monkeypatch):
    """What was saved before counts, and the rest is written by the next run."""
    path = tmp_path / 'a.h5'

    class Full:
        def __init__(self, file):
            self.file = file

        def write(self, data):
            self.file.write(bytes(data)[:100])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        def __getattr__(self, name):
            return getattr(self.file, name)

    with pytest.raises(DataError, match='No space left on device; check .*goes on where it'), \
            UnfinishedH5(path, SHAPE, SETTINGS) as unfinished:
        append(unfinished, ENTRIES[:2])
        unfinished._array = Full(unfinished._array)
        append(unfinished, ENTRIES[2:])
    assert unfinished.entries == [{'video': 'a', 'rows': 2}, {'video': 'b', 'rows': 0}]
    assert make(path) == 2
    np.testing.assert_array_equal(content(path), WHOLE)


def test_another_layout_of_hdf5_is_noticed(monkeypatch):
    monkeypatch.setattr(unfinished_h5, 'HEADER_BYTES', 256)
    with pytest.raises(RuntimeError, match='puts the array at byte'):
        unfinished_h5._header((16, *SHAPE))
