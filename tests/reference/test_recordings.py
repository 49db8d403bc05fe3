import shutil

import pytest

from reference import recordings

EVERYTHING = [(chainer, name) for chainer in recordings.CHAINERS
              for name in recordings.names(chainer)]


@pytest.fixture
def golden_copy(tmp_path, monkeypatch):
    """A small copy of golden/ that may be damaged."""
    for chainer in recordings.CHAINERS:
        folder = tmp_path / f'chainer-{chainer}'
        folder.mkdir()
        for ending in 'json', 'npz':
            shutil.copy(recordings.GOLDEN / folder.name / f'infer-small-seed0.{ending}', folder)
    monkeypatch.setattr(recordings, 'GOLDEN', tmp_path)
    recordings.write_manifest()
    return tmp_path


def test_every_file_is_as_recorded_and_holds_plain_numbers():
    files = {path.relative_to(recordings.GOLDEN).as_posix()
             for path in recordings.GOLDEN.glob('chainer-*/*')}
    assert files == recordings._manifest().keys() and len(files) == 100
    for chainer, name in EVERYTHING:
        recording = recordings.load(name, chainer)
        assert recording.meta['chainer'] == recording.chainer == chainer
        for array in recording.arrays.values():
            assert array.dtype.kind in 'fi' and not array.flags.writeable


def test_altered_file_is_refused(golden_copy):
    path = golden_copy / 'chainer-2.0.2' / 'infer-small-seed0.npz'
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(recordings.RecordingError, match='infer-small-seed0.npz is not as recorded: '
                       'found .* expected .* restore it'):
        recordings.load('infer-small-seed0')


@pytest.mark.parametrize('missing, message', [
    ('chainer-2.0.2/infer-small-seed0.json', 'small-seed0.json is not .* found no such file'),
    ('MANIFEST.json', 'MANIFEST.json is missing')])
def test_missing_file_is_named(golden_copy, missing, message):
    (golden_copy / missing).unlink()
    with pytest.raises(recordings.RecordingError, match=message):
        recordings.load('infer-small-seed0')


def test_unknown_names_list_the_known():
    with pytest.raises(recordings.RecordingError, match='there are: c3d-seed0, '):
        recordings.load('nonsense')
    with pytest.raises(recordings.RecordingError, match=r'there are: 2\.0\.2, 7\.8\.1'):
        recordings.names('7.8')
