"""Trainings of a small experiment in processes of their own, and what their results must be."""
import contextlib
import ctypes
import importlib
import io
import itertools
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from multiprocessing import forkserver

import h5py
import numpy as np
import yaml
from PIL import Image

from tests.conftest import SMALL_EXPERIMENT, differing, read_log
from tests.movies import read_movie
from tgan_chainer import config

SECONDS = 300    # that a training may take on a machine that does other things, too

# A fresh process that has imported what a training takes long to, and forks for each of them.
PROCESSES = multiprocessing.get_context('forkserver')
_PRELOAD = ['tests.robustness.lab', 'tgan_chainer.train', 'tgan_chainer.infer',
            'matplotlib.backends.backend_agg']


class Lab:
    """A folder with data, experiments, and the results of a training that nobody disturbed.

    Attributes:
        can_mount (bool): Whether file systems may be mounted, which nobody else sees.
        whole (Path): Result folder of the undisturbed training.
        sizes (list of int): Bytes of its files.
        seconds (float), operations (int): Processor time that it took, and operations on its files.
    """

    def __init__(self, folder):
        self.can_mount = own_mounts()
        forkserver._forkserver._stop()    # another test's may not know of them
        PROCESSES.set_forkserver_preload(_PRELOAD)
        self._folder, self._numbers = folder, itertools.count()
        self.data = {'npy': folder / 'videos.npy', 'h5': folder / 'videos.h5'}
        rs = np.random.RandomState(0)
        np.save(self.data['npy'], rs.randint(0, 256, (20, 6, 64, 64)).astype(np.uint8))
        with h5py.File(self.data['h5'], 'w') as file:
            file['image'] = rs.randint(0, 256, (60, 3, 64, 85)).astype(np.uint8)
        (folder / 'table.csv').write_text('start,end\n0,20\n20,40\n40,60\n')
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

    def write_experiment(self, data):
        """An experiment on a data file, .npy or .h5 -> its path."""
        settings = yaml.safe_load(SMALL_EXPERIMENT.format(data=data))
        settings.update(iterations=6, snapshot_interval=2, preview_interval=4, preview_videos=2,
                        display_interval=4)
        settings['updater']['args']['freq'] = 3
        if data.suffix == '.h5':
            settings['dataset'] = {'fn': 'datasets/ucf_dataset.py', 'name': 'UCFDataset', 'args': {
                'h5path': str(data), 'config_path': str(self._folder / 'table.csv')}}
            settings['models']['vgen']['args']['out_channels'] = 3
            settings['models']['vdis']['args']['in_channels'] = 3
        path = data.with_suffix('.yml')
        path.write_text(yaml.safe_dump(settings))
        return path

    def train(self, out, *flags, data=None, **options):
        """Begin a training, or go on from its last snapshot -> as :meth:`run`."""
        if any(out.glob('snapshot_iter_*.npz')):
            return self.run('train', '--resume', out, *flags, **options)
        shutil.rmtree(out, ignore_errors=True)    # what a start made is of no use
        path = self.write_experiment(data or self.data['npy'])
        return self.run('train', '--config_path', path, '--out', out, *flags, **options)

    def run(self, command, *arguments, first=None, at=0, act=None):
        """Run a command of this project in a process of its own, which it does ``first`` something.

        Before operation ``at`` on its files, counted from 1, the process calls ``act``.

        Returns:
            tuple: Exit code (-N of signal N), stderr, what :class:`Lab` counts.
        """
        receive, send = PROCESSES.Pipe(duplex=False)
        process = PROCESSES.Process(target=_run, args=(
            send, command, list(map(str, arguments)), self._folder, first, at, act))
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


# -- inside the process ----------------------------------------------------------------------------

def _run(pipe, command, arguments, folder, first, at, act):
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
    module = importlib.import_module(f'tgan_chainer.commands.{command}')
    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        try:
            if first:
                first()
            code = module.main(arguments)
        except BaseException:    # of which Python would say the same
            traceback.print_exc()
            code = 1
    pipe.send((code, err.getvalue(), time.process_time(), next(operations)))


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


def turn_clock():
    """Make ``time.time`` say 1970, then 2100, then 1970, from the 30th question on.

    ``datetime``, of which only the names of folders and records are made, keeps its own clock.
    """
    asked, ask = itertools.count(), time.time
    dates = itertools.cycle((10.0, 4.1e9, 86400.0))
    time.time = lambda: ask() if next(asked) < 30 else next(dates)


# -- whole files -----------------------------------------------------------------------------------

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


# -- file systems ----------------------------------------------------------------------------------

def own_mounts():
    """Give this process mounts that nobody else sees -> whether it may."""
    if os.geteuid() or ctypes.CDLL(None).unshare(0x20000):    # CLONE_NEWNS
        return False
    return subprocess.run(['mount', '--make-rprivate', '/'], capture_output=True).returncode == 0


def obey_permissions():
    """Take from root what lets it write anywhere."""
    # capset(2): no capability in all three sets, in the third version of its structures.
    ctypes.CDLL(None).capset((ctypes.c_uint32 * 2)(0x20080522), (ctypes.c_uint32 * 6)())
