"""Trainings are killed, starved and damaged, and nothing that was finished is lost.

After each fault every file under its final name opens whole, and the training goes on from its last
snapshot to the end that it has without the fault, bit for bit.
"""
import contextlib
import ctypes
import functools
import io
import itertools
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
import traceback
from multiprocessing import forkserver
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from tests.conftest import SMALL_EXPERIMENT, differing, read_log
from tests.movies import read_movie
from tgan_chainer import config
from tgan_chainer.commands import train
from tgan_chainer.errors import EXIT_USER_ERROR
from tgan_chainer.io import snapshots

KILLS_IN_A_ROW = 6    # of one training, before it may come to its end
SECONDS = 300    # that a training may take on a machine that does other things, too

# A fresh process that has imported what a training takes long to, and forks for each of them.
PROCESSES = multiprocessing.get_context('forkserver')
PRELOAD = [__name__, 'tgan_chainer.train', 'matplotlib.backends.backend_agg']


class Lab:
    """A folder with data, an experiment, and the results of a training that nobody disturbed.

    Attributes:
        can_mount (bool): Whether file systems may be mounted, which nobody else sees.
        whole (Path): Result folder of the undisturbed training.
        sizes (list of int): Bytes of its files.
        seconds (float), operations (int): Processor time that it took, and operations on its files.
    """

    def __init__(self, folder):
        self.can_mount = own_mounts()
        forkserver._forkserver._stop()    # another test's may not know of them
        PROCESSES.set_forkserver_preload(PRELOAD)
        self._folder, self._numbers = folder, itertools.count()
        self.data, self._experiment = folder / 'videos.npy', folder / 'videos.yml'
        np.save(self.data, np.random.RandomState(0).randint(0, 256, (20, 6, 64, 64)).astype('u1'))
        settings = yaml.safe_load(SMALL_EXPERIMENT.format(data=self.data))
        settings |= {'iterations': 6, 'snapshot_interval': 2, 'preview_interval': 4,
                     'preview_videos': 2, 'display_interval': 4}
        settings['updater']['args']['freq'] = 3
        self._experiment.write_text(yaml.safe_dump(settings))
        self.whole = self.new_folder()
        code, err, self.seconds, self.operations = self.train(self.whole)
        assert code == 0, err
        self.sizes = [path.stat().st_size for path in self.whole.rglob('*') if path.is_file()]

    def new_folder(self):
        return self._folder / f'result_{next(self._numbers)}'

    def copy_until(self, iteration):
        """A copy of the undisturbed training as it was after a snapshot -> its folder."""
        out = shutil.copytree(self.whole, self.new_folder())
        for path in out.glob('*_iter_*'):
            if int(path.stem.rpartition('_')[2]) > iteration:
                path.unlink()
        return out

    def train(self, out, *flags, **options):
        """Begin a training, or go on from its last snapshot -> as :meth:`run`."""
        if any(out.glob('snapshot_iter_*.npz')):
            return self.run('--resume', out, *flags, **options)
        shutil.rmtree(out, ignore_errors=True)    # what a start made is of no use
        return self.run('--config_path', self._experiment, '--out', out, *flags, **options)

    def run(self, *arguments, first=None, at=0, act=None):
        """Train in a process of its own, which does ``first`` something.

        Before operation ``at`` on its files, counted from 1, the process calls ``act``.

        Returns:
            tuple: Exit code (-N of signal N), stderr, what :class:`Lab` counts.
        """
        receive, send = PROCESSES.Pipe(duplex=False)
        process = PROCESSES.Process(target=_run, args=(
            send, list(map(str, arguments)), self._folder, first, at, act))
        process.start()
        send.close()
        assert receive.poll(SECONDS), f'no end after {SECONDS} seconds'
        try:
            return receive.recv()
        except EOFError:
            process.join()
            return process.exitcode, '', None, None

    def finish(self, out):
        """Train to the end without a fault, which must be that of the undisturbed training."""
        code, err, *_ = self.train(out)
        assert code == 0, err
        assert half_written(out) == self.differences(out) == leftovers(out) == []

    def differences(self, out):
        """In what the newest snapshots and the log differ from those of :attr:`whole`."""
        return sorted(differing(self.whole, out, 6)) + ['the log'] * (
            read_log(out) != read_log(self.whole))


def _run(pipe, arguments, folder, first, at, act):
    os.chdir(folder)
    operations = itertools.count(1)

    def hear(event, arguments):
        if event in ('open', 'os.rename', 'os.remove', 'os.mkdir') and isinstance(
                arguments[0], str | os.PathLike):
            reads = event == 'open' and not arguments[2] & (os.O_WRONLY | os.O_RDWR)
            in_folder = os.path.abspath(arguments[0]).startswith(str(folder))
            if in_folder and not reads and next(operations) == at:
                act()
    sys.addaudithook(hear)
    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        try:
            if first:
                first()
            code = train.main(arguments)
        except BaseException:    # of which Python would say the same
            traceback.print_exc()
            code = 1
    pipe.send((code, err.getvalue(), time.process_time(), next(operations)))


def turn_clock():
    """Make ``time.time`` say 1970, then 2100, then 1970, from the 30th question on.

    ``datetime``, of which only the names of folders and records are made, keeps its own clock.
    """
    asked, ask = itertools.count(), time.time
    dates = itertools.cycle((10.0, 4.1e9, 86400.0))
    time.time = lambda: ask() if next(asked) < 30 else next(dates)


def leftovers(folder):
    return list(folder.rglob('.*'))


def half_written(folder):
    """Files that do not open whole -> list of str; hidden ones are not looked at."""
    found = []
    for path in sorted(folder.rglob('[!.]*')):
        try:
            _read(path)
        except Exception as error:  # whatever: the file is not whole
            found.append(f'{path} is not whole: {error!r}')
    return found


def _read(path):
    match path.suffix:
        case _ if path.is_dir():
            pass
        case '.npz':
            list(np.load(path, allow_pickle=False).values())
        case '.png':
            Image.open(path).load()
        case '.gif' | '.avi' | '.mov':
            assert len(read_movie(path)) == 16, 'frames are missing'
        case '.yml':
            experiment = config.load(str(path))    # reads also one that is cut off between lines
            assert path.name != 'config.yml' or path.read_text() == experiment.dump(), 'cut off'
        case '.py':
            compile(path.read_text(), path, 'exec')
            assert path.read_text().endswith('\n'), 'its end is missing'
        case '.csv':
            first, *rows = path.read_text().splitlines(keepends=True)
            assert all(row.endswith('\n') and row.count(',') == first.count(',') for row in rows)
        case _:
            json.loads(path.read_text())


def own_mounts():
    """Give this process mounts that nobody else sees -> whether it may."""
    if os.geteuid() or ctypes.CDLL(None).unshare(0x20000):    # CLONE_NEWNS
        return False
    return subprocess.run(['mount', '--make-rprivate', '/'], capture_output=True).returncode == 0


def obey_permissions():
    """Take from root what lets it write anywhere."""
    # capset(2): no capability in all three sets, in the third version of its structures.
    ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522), (ctypes.c_uint32 * 6)())


@pytest.fixture
def rng(request):
    return random.Random(request.node.name)


@pytest.fixture(scope='module')
def lab(tmp_path_factory):
    return Lab(tmp_path_factory.mktemp('lab'))


def is_refused(ended, message):
    """Whether a command ended with one message about the fault; else it must have ended well."""
    code, err, *_ = ended
    if code:
        assert (code, 'Traceback' in err, message in err) == (EXIT_USER_ERROR, False, True), err
    return code != 0


@pytest.mark.parametrize('strike', [
    # In processor time, by a signal whose default is to end the process at once, as SIGKILL does.
    lambda lab, rng: {'first': functools.partial(
        signal.setitimer, signal.ITIMER_PROF, rng.uniform(0.01, lab.seconds))},
    lambda lab, rng: {'at': rng.randint(1, lab.operations),
                      'act': functools.partial(signal.raise_signal, signal.SIGKILL)},
], ids=['at_any_moment', 'at_a_file_operation'])
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
    yield out, {'first': obey_permissions, 'at': rng.randint(1, lab.operations // 3),
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
        ended = lab.run('--resume', before)
    else:
        assert damage is flipped    # where nothing is read
    assert ended[0] == 0, ended
    assert lab.differences(out) == []


@damages
def test_damaged_videos_are_refused(lab, rng, fault_number, damage):
    out = lab.new_folder()
    data = shutil.copyfile(lab.data, out.with_suffix('.npy'))
    damage(rng, data)
    ended = lab.train(out, '--iterations', 1, '--set', f'dataset.args.dataset_path={data}')
    assert is_refused(ended, data.name) or damage is flipped    # pixels have no checksum


def test_neither_times_of_files_nor_a_clock_that_jumps_matter(lab, rng, fault_number):
    out = lab.copy_until(4)
    for path in out.rglob('*'):
        os.utime(path, (1, 1) if '_4' in path.name else (4e9, rng.uniform(3e9, 4e9)))
    code, err, *_ = lab.train(out, first=turn_clock)
    assert code == 0, err
    assert half_written(out) == lab.differences(out) == []
    assert json.loads((out / 'record.json').read_text())[-1]['iteration'] == 4


def test_what_is_noticed(lab, tmp_path):
    assert half_written(lab.whole) == leftovers(lab.whole) == lab.differences(lab.whole) == []
    for path in filter(Path.is_file, lab.whole.rglob('*')):
        half = tmp_path / path.name
        half.write_bytes(path.read_bytes()[:path.stat().st_size // 2])
        assert half_written(tmp_path)[0].startswith(f'{half} is not whole'), path
        half.unlink()
    copy = lab.copy_until(6)
    path = copy / 'snapshot_iter_6.npz'
    np.savez(path, **{key: -array if key.endswith('/c0/W') else array
                      for key, array in np.load(path).items()})
    (copy / 'log').write_text('[]')
    assert [each[-4:] for each in lab.differences(copy)] == ['c0/W', ' log']
