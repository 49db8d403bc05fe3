import contextlib
import errno
import json
import os
import re
from pathlib import Path
from unittest import mock

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgan_chainer.errors import DataError
from tgan_chainer.prepare import unfinished_h5
from tgan_chainer.prepare.unfinished_h5 import HEADER_BYTES, UnfinishedH5

pytestmark = pytest.mark.usefixtures('here')

SHAPE = 3, 64, 85
SETTINGS = {'kind': 'avi', 'videos': 4}
PATH = Path('a.h5')
FOLDER = Path('a.h5.unfinished')
ENTRIES = [(name, n and np.full((n, *SHAPE), n, np.uint8))
           for name, n in (('a', 2), ('b', None), ('c', 3), ('d', 1))]


@contextlib.contextmanager
def begun(n, settings=SETTINGS, path=PATH, **arguments):
    """Append n of the ENTRIES that are left -> the file, with which the body may do more."""
    with UnfinishedH5(path, SHAPE, settings, **arguments).opened() as unfinished:
        unfinished.done = len(unfinished.entries)
        for name, array in ENTRIES[unfinished.done:][:n]:
            unfinished.append({'video': name}, array)
        yield unfinished


def begin(*arguments, **settings):
    with begun(*arguments, **settings):
        pass


def finish(done, path=PATH):
    """Go on with the entries that are done, to the whole file, which is then alone."""
    with begun(len(ENTRIES), path=path) as unfinished:
        assert unfinished.done == done
        unfinished.finish()
    with h5py.File(path) as file:
        assert list(file) == ['image']
        np.testing.assert_array_equal(
            file['image'], np.concatenate([array for _, array in ENTRIES if array is not None]))
    place = path.resolve()
    assert os.listdir(place.parent) == [place.name]


def test_the_file_is_an_h5_file_of_the_same_bytes_each_time():
    paths = Path('new', 'a.h5'), Path('other', 'b.h5')
    for path in paths:
        finish(0, path)
    with h5py.File(path) as file:
        image = file['image']
        assert (image.dtype, image.shape, image.chunks) == (np.uint8, (6, *SHAPE), None)
        assert image.id.get_offset() == HEADER_BYTES
        # With its time the same rows would make other bytes a second later.
        assert not image.id.get_create_plist().get_obj_track_times()
    assert paths[0].read_bytes() == paths[1].read_bytes()


@pytest.mark.parametrize('n_rows', [1, 16, 2_500_000])
def test_the_header_is_for_any_number_of_rows(n_rows):
    """A sparse file, of 40 GB in the end, in place of the rows."""
    PATH.write_bytes(unfinished_h5._header((n_rows, *SHAPE)))
    os.truncate(PATH, HEADER_BYTES + n_rows * int(np.prod(SHAPE)))
    with h5py.File(PATH) as file:
        assert file['image'].shape == (n_rows, *SHAPE)
        assert not file['image'][n_rows - 1].any()


@settings(max_examples=40, deadline=None)
@given(n_saved=st.integers(0, 4), n_saved_next=st.integers(0, 4), n_lost=st.integers(0, 80_000))
def test_goes_on_after_being_killed_anywhere_twice(n_saved, n_saved_next, n_lost):
    """Killed after some entries were saved and other bytes written: of these nothing counts."""
    for n in (n_saved, n_saved_next):
        begin(n)
        with (FOLDER / 'image').open('ab') as array:
            array.write(bytes(n_lost))
    finish(min(n_saved + n_saved_next, 4))


def test_the_array_is_on_the_disk_before_the_state_says_so(monkeypatch):
    state, synced = FOLDER / 'state.json', []
    with begun(1) as unfinished:
        before = state.read_bytes()
        monkeypatch.setattr(os, 'fsync', lambda file: synced.append(
            (os.readlink(f'/proc/self/fd/{file}').rpartition('/')[2][:6], state.read_bytes())))
        unfinished.save()
        assert synced == [('image', before), ('.state', before)]
        assert state.read_bytes() != before


def test_it_is_saved_after_so_many_bytes(monkeypatch):
    monkeypatch.setattr(unfinished_h5, 'CHECKPOINT_BYTES', 2 * 16320)
    with begun(0) as unfinished:
        for (name, array), n_saved in zip(ENTRIES, (1, 1, 3, 3), strict=True):
            unfinished.append({'video': name}, array)
            assert len(json.loads((FOLDER / 'state.json').read_bytes())) - 1 == n_saved


def test_an_exception_keeps_what_there_is_and_the_old_file_behind_its_link():
    place = Path('disk', 'b.h5')
    place.parent.mkdir()
    place.write_bytes(b'old')
    PATH.symlink_to(place)
    with pytest.raises(KeyboardInterrupt), begun(3):
        raise KeyboardInterrupt
    assert place.read_bytes() == b'old'
    finish(3)
    assert PATH.is_symlink()


def test_other_settings_and_a_start_over():
    begin(3, {'kind': 'png', 'videos': 4})
    found = re.escape("is unfinished with kind='png' (expected 'avi'); give the same")
    with pytest.raises(DataError, match=found):
        begin(0)
    for done in (0, 1):    # the second time it is of the same settings
        with begun(1, start_over=True) as unfinished:
            assert unfinished.done == done
            with pytest.raises(DataError, match='is in use by another process that makes'):
                begin(0, start_over=True)
    finish(2)


@pytest.mark.parametrize('state', [
    b'', b'no json', b'3', b'[]', b'[{}]', b'[{"kind": "avi"}, 3]',
    b'[{"kind": "avi"}, {"video": "a"}]', *(b'[{"kind": "avi"}, {"rows": %s}]' % rows
      for rows in (b'"many"', b'1.5', b'1e999', b'-1', b'1' + b'0' * 30)),
    pytest.param(b'[' * 100_000, id='nested'),
])
def test_damaged_state(state):
    begin(0)
    (FOLDER / 'state.json').write_bytes(state)
    with pytest.raises(DataError, match='is damaged: its state.json cannot be read; remove it'):
        begin(0)


def test_damaged_array_or_a_place_that_cannot_be_written():
    begin(2)
    os.truncate(FOLDER / 'image', HEADER_BYTES + 16320)
    with pytest.raises(DataError, match='its array has 20416 bytes, expected 36736 or more'):
        begin(0)
    PATH.write_bytes(b'')
    with pytest.raises(DataError, match='cannot write .*Check that its folder can be written'):
        begin(0, path=PATH / 'a.h5')


def test_a_disk_that_is_full_for_a_while():
    """What was saved before counts, and the rest is written by the next run."""
    with pytest.raises(DataError, match='No space left on device. Check that its folder'), \
            begun(2) as unfinished, \
            mock.patch.object(unfinished, '_array', wraps=unfinished._array) as array:
        array.write(bytes(100))    # as far as it goes
        array.write.side_effect = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        unfinished.append({'video': 'c'}, ENTRIES[2][1])
    assert unfinished.entries == [{'video': 'a', 'rows': 2}, {'video': 'b', 'rows': 0}]
    finish(2)


def test_another_layout_of_hdf5_is_noticed(monkeypatch):
    monkeypatch.setattr(unfinished_h5, 'HEADER_BYTES', 256)
    with pytest.raises(RuntimeError, match='puts the array at byte'):
        unfinished_h5._header((16, *SHAPE))
