"""Snapshot files: damaged ones, hostile ones, and which is the newest."""
import chainer
import numpy as np
import pytest

from tests.robustness.hostile import described, with_header
from tgan_chainer.errors import SnapshotError
from tgan_chainer.io import snapshots
from tgan_chainer.models.frame_seed_generator import FrameSeedGeneratorInitUniform


@pytest.fixture
def network():
    return FrameSeedGeneratorInitUniform(z_slow_dim=2, z_fast_dim=2)


@pytest.fixture
def file(tmp_path, network):
    path = tmp_path / 'gen_iter_3.npz'
    snapshots.save(path, network)
    return path


def test_damage_is_reported(file, network):
    content = file.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1:]
    npy = with_header(described('<f8', (3,)), bytes(24), skipped=0)
    for damaged in (content[:100], content[:-30], b'', b'no archive', flipped, npy):
        file.write_bytes(damaged)
        with pytest.raises(SnapshotError, match=r'gen_iter_3\.npz: cannot be loaded'):
            snapshots.load(file, network)


class Hostile:
    def __reduce__(self):
        return pytest.fail, ('it was unpickled',)


@pytest.mark.parametrize('array, found', [
    (np.array([Hostile()], object), 'Object arrays cannot be loaded'),
    (np.zeros(1, 'f4'), r'is float32 \(1,\), expected numbers of shape \(512,\)'),
    (np.zeros((1, 512), 'f4'), r'expected numbers of shape \(512,\)'),
    (np.zeros(512, 'U4'), 'expected numbers'),
    (np.zeros(512, [('a', 'f4')]), 'expected numbers'),
])
def test_arrays_of_another_shape_or_kind(file, network, array, found):
    arrays = dict(np.load(file))
    assert arrays['bn0/gamma'].shape == (512,)
    np.savez(file, **{**arrays, 'bn0/gamma': array})
    with pytest.raises(SnapshotError, match=f'{found}.*bn0/gamma|bn0/gamma .*{found}'):
        snapshots.load(file, network)


def test_a_text_without_end_is_not_unpacked(tmp_path, monkeypatch):
    class Text:
        def serialize(self, serializer):
            self.text = serializer('text', '')

    np.savez_compressed(tmp_path / 't.npz', text=np.array('x' * 1000))
    monkeypatch.setattr(snapshots, 'MAX_BYTES', 3999)
    with pytest.raises(SnapshotError, match='text takes 4000 bytes, expected at most 3999'):
        snapshots.load(tmp_path / 't.npz', Text())


def test_the_snapshot_before_a_damaged_one_is_named(tmp_path, network):
    for iteration in (2, 10, 12):
        snapshots.save(tmp_path / f'snapshot_iter_{iteration}.npz', network)
    damaged = tmp_path / 'snapshot_iter_12.npz'
    damaged.write_bytes(damaged.read_bytes()[:-20])
    with pytest.raises(SnapshotError, match='before it: --resume .*/snapshot_iter_10.npz$'):
        snapshots.load(damaged, network)
    (tmp_path / 'snapshot_iter_2.npz').write_bytes(b'')
    with pytest.raises(SnapshotError, match='damaged, or no snapshot$'):
        snapshots.load(tmp_path / 'snapshot_iter_2.npz', network)
    with pytest.raises(SnapshotError, match='for another network or experiment than [^:]*$'):
        snapshots.load(tmp_path / 'snapshot_iter_10.npz', chainer.links.Linear(3, 4))    # is whole


def test_what_may_be_lacking_stays_as_it_is(file, network):
    arrays = dict(np.load(file))
    gamma = arrays.pop('bn0/gamma')
    np.savez(file, **{key: array + 1 for key, array in arrays.items()})
    with pytest.raises(SnapshotError, match='bn0/gamma is not a file'):
        snapshots.load(file, network)
    snapshots.load(file, network, lambda key: key == 'bn0/gamma')
    np.testing.assert_array_equal(network.bn0.gamma.array, gamma)
    np.testing.assert_array_equal(network.dc0.W.array, arrays['dc0/W'] + 1)


def test_newest_is_by_number(tmp_path, network):
    with pytest.raises(SnapshotError, match='there is no such snapshot'):
        snapshots.load(tmp_path / 'gen_iter_1.npz', network)
    for folder, message in ((tmp_path, 'nothing to resume'), (tmp_path / 'nowhere', 'no such res')):
        with pytest.raises(SnapshotError, match=message):
            snapshots.latest_trainer(folder)
    for name in ('snapshot_iter_9.npz', 'snapshot_iter_10.npz', 'snapshot_iter_11.npz.part',
                 'gen_iter_12.npz'):
        (tmp_path / name).touch()
    assert snapshots.iterations(tmp_path, snapshots.TRAINER) == [9, 10]
    assert snapshots.latest_trainer(tmp_path).name == 'snapshot_iter_10.npz'
