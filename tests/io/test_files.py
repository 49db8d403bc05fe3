"""Atomicity of tgan_chainer.io.files: the old file, the new file, and never anything else."""
import hashlib
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import full_disk
from tgan_chainer.errors import DataError
from tgan_chainer.io import files


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


def test_temporary_is_hidden_beside_its_place_with_its_suffix(tmp_path):
    with files.atomic_path(tmp_path / 'x' / 'y' / 'a.tar.npz') as temporary:
        assert temporary.name.startswith('.a.tar-') and temporary.suffix == '.npz'
        assert names(tmp_path / 'x' / 'y') == [temporary.name]
        assert temporary.read_bytes() == b''


@pytest.fixture
def path(tmp_path):
    """A file that must be left as it is, alone in its folder."""
    path = tmp_path / 'log'
    path.write_text('old')
    yield path
    assert names(tmp_path) == ['log'] and path.read_text() == 'old'


@pytest.mark.parametrize('error', [
    RuntimeError(), KeyboardInterrupt(), SystemExit(),
    FileNotFoundError(2, 'No such file or directory', 'other.yml'),
    ConnectionResetError(104, 'Connection reset by peer')])
def test_an_exception_of_the_body_passes_unchanged(path, error):
    with pytest.raises(type(error)) as caught, files.atomic_path(path) as temporary:
        temporary.write_text('half')
        raise error
    assert caught.value is error


def test_full_disk_is_an_error_of_the_user(path):
    with pytest.raises(DataError) as caught, full_disk(1000):
        files.write_bytes(path, bytes(5000))
    assert str(caught.value) == (
        f'cannot write {path}: File too large. Check that its folder can be written to and that '
        'the disk has space.')
    assert isinstance(caught.value.__cause__, OSError)
    # numpy.ndarray.tofile raises an OSError without an errno.
    with pytest.raises(DataError, match='5000 requested and [0-9]+ written'), full_disk(1000), \
            files.atomic_path(path) as temporary:
        np.zeros(5000).tofile(temporary)


@pytest.mark.parametrize('place, message', [
    ('file/log', 'cannot write .*log: (File exists|Not a directory)'),
    ('file/folder/log', 'cannot write .*log: (File exists|Not a directory)'),
    ('.', 'it exists and is not a file'), (os.devnull, 'it exists and is not a file')])
def test_a_place_that_cannot_be_is_noticed_before_the_work(tmp_path, place, message):
    (tmp_path / 'file').write_text('not a folder')
    with pytest.raises(DataError, match=message), files.atomic_path(tmp_path / place):
        pytest.fail('the body must not start')


def test_symbolic_link_stays(tmp_path):
    target, link = tmp_path / 'disk' / 'data.txt', tmp_path / 'link.txt'
    files.write_text(target, 'old')
    link.symlink_to(target)
    files.write_text(link, 'σ_B² ≤ 1\r\n')
    assert link.is_symlink() and target.read_bytes() == 'σ_B² ≤ 1\r\n'.encode()
    assert names(tmp_path / 'disk') == ['data.txt']


def test_json(tmp_path):
    (tmp_path / 'plain').touch()
    files.write_json(tmp_path / 'j', {'name': 'σ', 'losses': [0.1, -2.5e-8]})
    assert (tmp_path / 'j').read_bytes().decode() == (
        '{\n  "name": "σ",\n  "losses": [\n    0.1,\n    -2.5e-08\n  ]\n}\n')
    assert (tmp_path / 'j').stat().st_mode == (tmp_path / 'plain').stat().st_mode
    for no_json, error in (({'loss': float('nan')}, ValueError), ({'x': np.zeros(2)}, TypeError)):
        with pytest.raises(error):
            files.write_json(tmp_path / 'no', no_json)
    assert names(tmp_path) == ['j', 'plain']


def test_sha256(tmp_path):
    data = bytes(range(256)) * 5000    # more than one chunk
    (tmp_path / 'data').write_bytes(data)
    assert files.sha256(tmp_path / 'data') == hashlib.sha256(data).hexdigest()
    with pytest.raises(DataError, match='cannot read .*none: No such file or directory. Check'):
        files.sha256(tmp_path / 'none')


def test_leftovers_of_a_killed_process_are_removed_and_nothing_else(tmp_path):
    script = ('import os, signal, sys; from tgan_chainer.io import files\n'
              'with files.atomic_path(sys.argv[1]): os.kill(os.getpid(), signal.SIGKILL)')
    for name in ('a.npz', 'log', 'preview/b.png'):
        ended = subprocess.run([sys.executable, '-c', script, str(tmp_path / name)])
        assert ended.returncode == -signal.SIGKILL
    kept = ['.hidden', '.x-0123456.npz', 'y-01234567.npz']
    for name in kept:
        (tmp_path / name).touch()
    assert len(names(tmp_path)) == 6 and len(names(tmp_path / 'preview')) == 1
    with files.atomic_path(tmp_path / 'in_use.npz') as temporary:
        files.remove_leftovers(tmp_path)
        assert temporary.exists()
        assert names(tmp_path) == sorted([*kept, temporary.name, 'preview'])
        assert names(tmp_path / 'preview') == []
        temporary.write_bytes(b'whole')
    assert (tmp_path / 'in_use.npz').read_bytes() == b'whole'
