"""A small experiment that is trained in processes of its own, and what its results must be."""
import contextlib
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import av
import h5py
import numpy as np
from PIL import Image

from tgan_chainer import config
from tgan_chainer.io import snapshots

ROOT = Path(__file__).parents[2]
HOOK = Path(__file__).parent / 'hook'
SECONDS = 300    # that a training may take on a machine that does other things, too

_EXPERIMENT = """\
fsgen: {{fn: x/frame_seed_generator.py, name: FrameSeedGeneratorNoBetaInitUniform,
        args: {{n_frames: 16, z_slow_dim: 4, z_fast_dim: 4}}}}
vgen: {{fn: x/video_generator.py, name: VideoGeneratorInitUniform,
       args: {{z_slow_dim: 4, z_fast_dim: 4, out_channels: {channels}, bottom_width: 4,
              conv_ch: 16}}}}
vdis: {{fn: x/video_discriminator.py, name: VideoDiscriminatorNoBetaInitUniform,
       args: {{in_channels: {channels}, top_width: 4, mid_ch: 2}}}}
dataset: {dataset}
updater: {{fn: x/tgan_updater_wgan.py, name: TGANUpdaterWGANSVC, args: {{freq: 3}}}}
batchsize: 2
iterations: {iterations}
snapshot_interval: 2
preview_interval: 4
preview_videos: 2
display_interval: 2
"""
_MNIST = '{{fn: x/mnist_dataset.py, name: MovingMNISTDataset, args: {{dataset_path: {}}}}}'
_UCF = '{{fn: x/ucf_dataset.py, name: UCFDataset, args: {{h5path: {}, config_path: {}}}}}'


class Lab:
    """A folder with data, experiments, and the results of a training that nobody disturbed.

    Args:
        folder (Path): An empty folder.
        iterations (int): Updates of a training, an even number of at least 6, so that there is
            something to resume at 4.

    Attributes:
        whole (Path): Result folder of the undisturbed training.
        seconds (float): Processor time that this took, with the start of Python.
        operations (int): Operations on its files.
    """

    def __init__(self, folder, iterations=6):
        self.folder = folder
        self.iterations = iterations
        self._n_folders = 0
        self.npy, self.h5 = folder / 'videos.npy', folder / 'videos.h5'
        self._write_data()
        self.experiment = self.write_experiment('small.yml', self.npy)
        self.whole = folder / 'whole'
        counted = folder / 'operations.txt'
        before = _seconds_of_children()
        ended = self.wait(self.train(self.whole, fault=f'count:{counted}'))
        if ended.returncode:
            raise RuntimeError(f'the undisturbed training failed: {ended.stderr}')
        self.seconds = _seconds_of_children() - before
        self.operations = int(counted.read_text())

    def _write_data(self):
        rs = np.random.RandomState(0)
        np.save(self.npy, rs.randint(0, 256, (20, 6, 64, 64)).astype(np.uint8))
        with h5py.File(self.h5, 'w') as file:
            file['image'] = rs.randint(0, 256, (60, 3, 64, 85)).astype(np.uint8)
        (self.folder / 'table.csv').write_text('start,end\n0,20\n20,40\n40,60\n')

    def write_experiment(self, name, data):
        """An experiment on a data file, .npy or .h5 -> its path."""
        is_ucf = data.suffix == '.h5'
        dataset = _UCF.format(data, self.folder / 'table.csv') if is_ucf else _MNIST.format(data)
        path = self.folder / name
        path.write_text(_EXPERIMENT.format(channels=3 if is_ucf else 1, dataset=dataset,
                                           iterations=self.iterations))
        return path

    def new_folder(self):
        """Path of a result folder that does not exist."""
        self._n_folders += 1
        return self.folder / f'result_{self._n_folders}'

    def train(self, out, *flags, fault=None, experiment=None, **options):
        """Begin, or go on with if there is a snapshot, a training -> Popen."""
        what = (['--resume', out] if has_snapshot(out) else
                ['--config_path', experiment or self.experiment, '--out', out])
        return self.start('train.py', *what, *flags, fault=fault, watched=out, **options)

    def start(self, script, *arguments, fault=None, watched=None, **options):
        """Start a command of this project -> Popen."""
        environment = {**os.environ, 'TGAN_NUM_THREADS': '1', 'OMP_NUM_THREADS': '1',
                       'OPENBLAS_NUM_THREADS': '1'}
        if fault:
            environment.update(TRUST_FAULT=fault, TRUST_FOLDER=str(watched), PYTHONPATH=str(HOOK))
        return subprocess.Popen(
            [sys.executable, ROOT / script, *arguments], env=environment, cwd=self.folder,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def wait(self, process):
        """Wait for a command -> CompletedProcess."""
        out, err = process.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)

    def finish(self, out, *flags):
        """Train to the end without a fault -> what is wrong then, as a list of str."""
        if not has_snapshot(out):
            shutil.rmtree(out, ignore_errors=True)    # a start that made nothing of use
        ended = self.wait(self.train(out, *flags))
        if ended.returncode:
            return [f'ended with code {ended.returncode}: {ended.stderr[-500:]}']
        return [*half_written(out), *self.differences(out)]

    def differences(self, out):
        """What the newest snapshots, and the log, of a training have that the whole one's have not.

        Times are left out.
        """
        iteration = snapshots.iterations(out, snapshots.TRAINER)[-1]
        last = snapshots.iterations(self.whole, snapshots.TRAINER)[-1]
        if iteration != last:
            yield f'it ended at {iteration}, expected {last}'
        for template in (snapshots.TRAINER, *snapshots.NETWORKS.values()):
            name = template.format(iteration)
            with np.load(self.whole / name) as a, np.load(out / name) as b:
                # Their order is that of sets of Chainer's, and another in each process.
                if sorted(a.files) != sorted(b.files):
                    yield f'{name} has other keys'
                    continue
                yield from (f'{key} in {name} is another' for key in a.files
                            if not key.endswith(('LogReport/_log', '_snapshot_elapsed_time'))
                            and a[key].tobytes() != b[key].tobytes())
        expected = [entry for entry in read_log(self.whole) if entry['iteration'] <= iteration]
        if read_log(out) != expected:
            yield 'the log is another'


def _seconds_of_children():
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def read_log(folder):
    """Entries of the log of a result folder, without times."""
    entries = json.loads((folder / 'log').read_text())
    return [{key: value for key, value in entry.items() if key != 'elapsed_time'}
            for entry in entries]


def has_snapshot(out):
    """Whether there is something to resume in a result folder."""
    return out.is_dir() and bool(snapshots.iterations(out, snapshots.TRAINER))


# -- whole files -----------------------------------------------------------------------------------

def half_written(folder):
    """Files that do not open whole under their names -> list of str; hidden ones are not looked at.
    """
    found = []
    for path in sorted(Path(folder).rglob('*')):
        if path.is_file() and not path.name.startswith('.'):
            try:
                _READERS[path.suffix](path)
            except Exception as error:  # whatever: the file is not whole
                found.append(f'{path} is not whole: {error!r}')
    return found


def leftovers(folder):
    """Hidden files below a folder."""
    return list(Path(folder).rglob('.*'))


def _read_npz(path):
    with np.load(path, allow_pickle=False) as archive:
        for key in archive.files:
            archive[key]


def _read_picture(path):
    with Image.open(path) as picture:
        for number in range(getattr(picture, 'n_frames', 1)):
            picture.seek(number)
            picture.load()


def _read_movie(path):
    with av.open(str(path)) as movie:
        if sum(1 for _ in movie.decode(video=0)) != 16:
            raise ValueError('frames are missing')


def _read_experiment(path):
    """An experiment; that as it ran holds every setting, which one cut off between lines does not.
    """
    text, experiment = path.read_text(), config.load(str(path))
    if path.name == 'config.yml' and text != experiment.dump():
        raise ValueError('settings are missing')


def _read_source(path):
    compile(path.read_text(), path, 'exec')
    if not path.read_text().endswith('\n'):
        raise ValueError('its end is missing')


_READERS = {'.npz': _read_npz, '.png': _read_picture, '.gif': _read_picture, '.avi': _read_movie,
            '.mov': _read_movie, '.json': lambda path: json.loads(path.read_text()),
            '.yml': _read_experiment, '': lambda path: json.loads(path.read_text()),
            '.py': _read_source}


# -- damage ----------------------------------------------------------------------------------------

def truncate(rng, path):
    """Cut off the end of a file."""
    os.truncate(path, rng.randrange(path.stat().st_size))


def flip_bits(rng, path):
    """Flip one to three bits of a file."""
    content = bytearray(path.read_bytes())
    for _ in range(rng.randint(1, 3)):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)


# -- file systems ----------------------------------------------------------------------------------

@contextlib.contextmanager
def small_disk(folder, n_bytes):
    """A file system of ``n_bytes`` at a folder; yields a function that makes it large."""
    folder.mkdir()
    _mount('-t', 'tmpfs', '-o', f'size={n_bytes}', 'none', folder)
    try:
        yield lambda: _mount('-o', 'remount,size=1g', folder)
    finally:
        subprocess.run(['umount', '--lazy', folder], check=True)


@contextlib.contextmanager
def read_only(folder, can_mount):
    """Nothing below a folder can be changed: by a mount, or else by permissions."""
    if can_mount:
        _mount('--bind', folder, folder)
        _mount('-o', 'remount,bind,ro', folder)
    else:
        folder.chmod(0o555)
    try:
        yield
    finally:
        if can_mount:
            subprocess.run(['umount', '--lazy', folder], check=True)
        else:
            folder.chmod(0o755)


def _mount(*arguments):
    subprocess.run(['mount', *arguments], check=True, capture_output=True)
