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
import time

import numpy as np
import pytest

from tests.robustness import lab as lab_
from tests.robustness.lab import half_written, has_snapshot, leftovers
from tgan_chainer.errors import EXIT_USER_ERROR
from tgan_chainer.io import snapshots

KILLS_IN_A_ROW = 6    # of one training, before it may come to its end


def is_refused(ended, message):
    """Whether a command ended with one message about the fault; else it must have ended well."""
    code, err, *_ = ended
    if code:
        assert (code, 'Traceback' in err, message in err) == (EXIT_USER_ERROR, False, True), err
    return code != 0


# -- kill -9 ---------------------------------------------------------------------------------------

def at_any_moment(lab, rng, out):
    """Strike after a random share of the processor time that a training takes."""
    # By a signal whose default is to end the process at once, as SIGKILL does.
    return lab.train(out, fault=functools.partial(
        signal.setitimer, signal.ITIMER_PROF, rng.uniform(0.01, lab.seconds)))


def at_a_file_operation(lab, rng, out):
    return lab.train(out, kill_at=rng.randint(1, lab.operations))


@pytest.mark.parametrize('strike', [at_any_moment, at_a_file_operation])
def test_killed(lab, rng, strike, robustness, progress_of):
    kills = -(-robustness // 2) or 1
    with progress_of(kills, strike.__name__) as bar:
        while kills:
            out = lab.new_folder()
            for _ in range(min(KILLS_IN_A_ROW, kills)):
                if not has_snapshot(out):
                    shutil.rmtree(out, ignore_errors=True)
                code = strike(lab, rng, out)[0]
                if code == 0:    # it ended before the kill
                    break
                assert code in (-signal.SIGKILL, -signal.SIGPROF)
                kills -= 1
                bar.update()
                assert half_written(out) == []
                assert len(leftovers(out)) <= 1    # a process writes one file at a time
            lab.finish(out)
            shutil.rmtree(out)


# -- disks -----------------------------------------------------------------------------------------

def test_full_disk(lab, rng, fault_number, can_mount):
    if not can_mount:
        pytest.skip('only root may mount; test_a_file_that_may_not_grow fails writing, too')
    disk = lab.new_folder()
    disk.mkdir()
    # In tenths of the size, since a random place is in the large files nearly always.
    n_bytes = int(sum(lab.sizes) * ((5 + fault_number) % 10 + rng.random()) / 10)
    mount = functools.partial(subprocess.run, check=True, capture_output=True)
    mount(['mount', '-t', 'tmpfs', '-o', f'size={n_bytes}', 'none', disk])
    try:
        out = disk / 'result'
        if is_refused(lab.train(out), 'cannot write'):
            assert half_written(out) == leftovers(out) == []
        mount(['mount', '-o', 'remount,size=1g', disk])
        lab.finish(out)
    finally:
        mount(['umount', '--lazy', disk])


def test_a_file_that_may_not_grow(lab, rng, fault_number):
    limit = max(1, rng.choice(lab.sizes) - rng.randint(1, 300))
    out = lab.new_folder()
    assert is_refused(lab.train(out, fault=functools.partial(
        resource.setrlimit, resource.RLIMIT_FSIZE, (limit, limit))), 'cannot write')
    assert half_written(out) == leftovers(out) == []
    lab.finish(out)


def test_read_only_folder(lab, fault_number):
    out, during = lab.copy_until(2), fault_number % 2 == 0
    process, pipe = lab.start_training(out, fault=lab_.obey_permissions) if during else (None,) * 2
    while during and process.is_alive() and not (out / snapshots.TRAINER.format(4)).exists():
        time.sleep(0.001)
    out.chmod(0o555)
    ended = (lab.wait(process, pipe) if during else
             lab.train(out, fault=lab_.obey_permissions))
    out.chmod(0o755)
    assert is_refused(ended, 'cannot write') or during    # which may have been at its end
    assert half_written(out) == []
    lab.finish(out)


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
        ended = lab.wait(*lab.start('train', '--resume', before))
    else:
        assert damage is flipped    # where nothing is read
    assert ended[0] == 0, ended
    assert lab.differences(out) == []


def infer(lab, out):
    folder = lab.new_folder()
    ended = lab.wait(*lab.start('infer', '--result_dir', out, '--iter', 4, '--gpu', -1, '--n', 1,
                                '--images', '--out_dir', folder))
    return ended, [path.read_bytes() for path in sorted(folder.glob('*'))]


@damages
@pytest.mark.parametrize('network', ['fsgen', 'vgen'])
def test_a_damaged_network_is_refused(lab, rng, fault_number, damage, network):
    out = lab.copy_until(4)
    expected = infer(lab, out)[1] if damage is flipped else None
    damage(rng, out / snapshots.NETWORKS[network].format(4))
    ended, images = infer(lab, out)
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


# -- clocks ----------------------------------------------------------------------------------------

def test_the_number_of_a_snapshot_decides_and_not_its_time(lab, rng, fault_number):
    out = lab.copy_until(4)
    for path in out.rglob('*'):
        os.utime(path, (1, 1) if '_4' in path.name else (4e9, rng.uniform(3e9, 4e9)))
    lab.finish(out)
    assert json.loads((out / 'record.json').read_text())[-1]['iteration'] == 4


def test_the_clock_jumps_to_1970_and_2100_again_and_again(lab, fault_number):
    out = lab.new_folder() if fault_number % 2 else lab.copy_until(2)
    code, err, *_ = lab.train(out, fault=lab_.turn_clock)
    assert code == 0, err
    assert half_written(out) == lab.differences(out) == []


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


@pytest.mark.parametrize('ended', [
    (EXIT_USER_ERROR, 'error: another'), (EXIT_USER_ERROR, 'Traceback ...\ncannot write'),
    (1, 'cannot write x'), (-signal.SIGKILL, '')])
def test_what_does_not_count_as_a_refusal(ended):
    with pytest.raises(AssertionError):
        is_refused(ended, 'cannot write')
