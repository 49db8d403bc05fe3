"""Trainings are killed, starved and damaged, and nothing that was finished is lost.

After each fault every file under its final name opens whole, and the training goes on from its last
snapshot to the end that it has without the fault, bit for bit.
"""
import functools
import json
import os
import resource
import shutil
import signal
import subprocess

import numpy as np
import pytest

from tests.robustness import lab as in_process
from tests.robustness.lab import half_written, leftovers
from tgan_chainer.errors import EXIT_USER_ERROR
from tgan_chainer.io import snapshots

KILLS_IN_A_ROW = 6    # of one training, before it may come to its end


def is_refused(ended, message):
    """Whether a command ended with one message about the fault; else it must have ended well."""
    code, err, *_ = ended
    if code:
        assert (code, 'Traceback' in err, message in err) == (EXIT_USER_ERROR, False, True), err
    return code != 0


def at_any_moment(lab, rng):
    """After a random share of the processor time that a training takes."""
    # By a signal whose default is to end the process at once, as SIGKILL does.
    return {'first': functools.partial(
        signal.setitimer, signal.ITIMER_PROF, rng.uniform(0.01, lab.seconds))}


def at_a_file_operation(lab, rng):
    return {'at': rng.randint(1, lab.operations), 'act': in_process.kill}


@pytest.mark.parametrize('strike', [at_any_moment, at_a_file_operation])
def test_killed(lab, rng, strike, robustness):
    kills = -(-robustness // 2) or 1
    while kills:
        out = lab.new_folder()
        for _ in range(min(KILLS_IN_A_ROW, kills)):
            code = lab.train(out, **strike(lab, rng))[0]
            if code == 0:    # it ended before the kill
                break
            assert code in (-signal.SIGKILL, -signal.SIGPROF)
            kills -= 1
            assert half_written(out) == []
            assert len(leftovers(out)) <= 1    # a process writes one file at a time
        lab.finish(out)
        shutil.rmtree(out)


# -- disks: each yields a folder, and what makes a training there fail; then there is room ---------

def full_disk(lab, rng, number):
    if not lab.can_mount:
        pytest.skip('only root may mount; file_that_may_not_grow fails writing, too')
    disk = lab.new_folder()
    disk.mkdir()
    # In tenths of the size, since a random place is in the large files nearly always.
    n_bytes = int(sum(lab.sizes) * ((5 + number) % 10 + rng.random()) / 10)
    mount = functools.partial(subprocess.run, check=True, capture_output=True)
    mount(['mount', '-t', 'tmpfs', '-o', f'size={n_bytes}', 'none', disk])
    yield disk / 'result', {}
    mount(['mount', '-o', 'remount,size=1g', disk])
    yield
    mount(['umount', '--lazy', disk])


def file_that_may_not_grow(lab, rng, number):
    limit = max(1, rng.choice(lab.sizes) - rng.randint(1, 300))
    yield lab.new_folder(), {'first': functools.partial(
        resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit))}
    yield


def read_only_folder(lab, rng, number):
    out = lab.copy_until(2)    # so that more than these operations are left
    yield out, {'first': in_process.obey_permissions, 'at': rng.randint(1, lab.operations // 3),
                'act': functools.partial(out.chmod, 0o555)}
    out.chmod(0o755)
    for path in leftovers(out):    # which could not be removed
        path.unlink()
    yield


@pytest.mark.parametrize('fault', [full_disk, file_that_may_not_grow, read_only_folder])
def test_what_cannot_be_written(lab, rng, fault_number, fault):
    steps = fault(lab, rng, fault_number)
    out, options = next(steps)
    try:
        assert is_refused(lab.train(out, **options), 'cannot write')
        next(steps)
        assert half_written(out) == leftovers(out) == []
        lab.finish(out)
    finally:
        list(steps)


# -- damaged files ---------------------------------------------------------------------------------

def truncated(rng, path):
    os.truncate(path, rng.randrange(path.stat().st_size))


def flipped(rng, path):
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 3)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


damages = pytest.mark.parametrize('damage', [truncated, flipped])


@damages
def test_a_damaged_snapshot_is_refused_and_the_one_before_goes_on(lab, rng, fault_number, damage):
    out = lab.copy_until(4)
    damage(rng, out / snapshots.TRAINER.format(4))
    before = out / snapshots.TRAINER.format(2)
    ended = lab.train(out)
    if is_refused(ended, f'--resume {before}'):
        ended = lab.run('train', '--resume', before)
    else:
        assert damage is flipped    # where nothing is read
    assert ended[0] == 0, ended
    assert lab.differences(out) == []


@damages
@pytest.mark.parametrize('network', ['fsgen', 'vgen'])
def test_a_damaged_network_is_refused(lab, rng, fault_number, damage, network):
    def infer():
        folder = lab.new_folder()
        ended = lab.run('infer', '--result_dir', out, '--iter', 4, '--gpu', -1, '--n', 1,
                        '--images', '--out_dir', folder)
        return ended, [path.read_bytes() for path in sorted(folder.glob('*'))]
    out = lab.copy_until(4)
    expected = infer()[1] if damage is flipped else None
    damage(rng, out / snapshots.NETWORKS[network].format(4))
    ended, images = infer()
    if not is_refused(ended, 'cannot be loaded'):    # nothing is read there
        assert expected and images == expected


@damages
@pytest.mark.parametrize('kind', ['npy', 'h5'])
def test_damaged_videos_are_refused(lab, rng, fault_number, damage, kind):
    out = lab.new_folder()
    data = shutil.copyfile(lab.data[kind], out.with_suffix(f'.{kind}'))
    damage(rng, data)
    ended = lab.train(out, '--iterations', 1, data=data)
    assert is_refused(ended, data.name) or damage is flipped    # pixels have no checksum


def test_neither_times_of_files_nor_a_clock_that_jumps_matter(lab, rng, fault_number):
    out = lab.copy_until(4)
    for path in out.rglob('*'):
        os.utime(path, (1, 1) if '_4' in path.name else (4e9, rng.uniform(3e9, 4e9)))
    code, err, *_ = lab.train(out, first=in_process.turn_clock)
    assert code == 0, err
    assert half_written(out) == lab.differences(out) == []
    assert json.loads((out / 'record.json').read_text())[-1]['iteration'] == 4


# -- what is noticed -------------------------------------------------------------------------------

def test_half_a_file_is_noticed(lab, tmp_path):
    assert half_written(lab.whole) == leftovers(lab.whole) == []
    for path in [path for path in lab.whole.rglob('*') if path.is_file()]:
        half = tmp_path / path.name
        half.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
        assert half_written(tmp_path)[0].startswith(f'{half} is not whole'), path
        half.unlink()
    lines = (lab.whole / 'config.yml').read_text().splitlines(keepends=True)
    (tmp_path / 'config.yml').write_text(''.join(lines[:-1]))    # cut off between lines
    assert 'cut off' in half_written(tmp_path)[0]


def test_another_value_and_another_log_are_noticed(lab):
    assert lab.differences(lab.whole) == []
    copy = lab.copy_until(6)
    path = copy / 'snapshot_iter_6.npz'
    arrays = dict(np.load(path))
    key = next(key for key in arrays if key.endswith('/c0/W'))
    arrays[key] = np.nextafter(arrays[key], np.float32(1))
    np.savez(path, **arrays)
    (copy / 'log').write_text(json.dumps(json.loads((copy / 'log').read_text())[:-1]))
    assert lab.differences(copy) == [f'{path.name}:{key}', 'the log']
