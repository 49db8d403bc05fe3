"""`tgan doctor`: large files are looked for, not read."""
import functools
import importlib.util
import os
import platform
import shutil
import sys
from collections import namedtuple
from importlib import metadata
from pathlib import Path

from tgan_chainer import __version__, config
from tgan_chainer.commands.flags import parser_of
from tgan_chainer.commands.run import command
from tgan_chainer.datasets.published import obtain
from tgan_chainer.device import count_gpus, get_device, gpu_libraries, gpu_name
from tgan_chainer.errors import ConfigError, DeviceError
from tgan_chainer.evaluation import classifier
from tgan_chainer.evaluation.ledger import data_paths
from tgan_chainer.evaluation.protocols import MEAN_SHA256
from tgan_chainer.functions.choice import cpu_kernels_in_use
from tgan_chainer.functions.cpu.parallel import num_threads
from tgan_chainer.io import pictures, snapshots
from tgan_chainer.io.files import sha256
from tgan_chainer.training import record

SOURCES = {
    'data/mnist_test_seq.npy': obtain('moving-mnist'),
    'data/moving_mnist_train': 'made by tgan make-moving-mnist, or by a training of '
                               'the experiments that read it',
    'data/ucf101_': f"made by tgan make-ucf101 from {obtain('ucf101')}",
    'data/golf': f"with its table by tgan make-golf from {obtain('golf')}",
}
"""Start of a path -> where such a file comes from."""

#: A file that some command reads; its note is its size, or where it comes from.
File = namedtuple('File', ('path', 'found', 'note'))


def data_files():
    """The files that the packaged experiments read -> list of :class:`File`, none twice."""
    paths = dict.fromkeys(path for experiment in _packaged().values()
                          for path in data_paths(experiment.dataset).values())
    return [_look(path, next((text for start, text in SOURCES.items() if path.startswith(start)),
                             'docs/data.md says where it comes from')) for path in paths]


def ready_experiments():
    """Packaged experiments that can be trained with the data that is here -> list of names."""
    return [name for name, experiment in _packaged().items()
            if experiment.make_moving_mnist
            or all(Path(path).exists() for path in data_paths(experiment.dataset).values())]


def score_files():
    """The weights and the mean clip of the inception score -> list of :class:`File`."""
    weights = classifier.find(None, classifier.C3D_VARIABLE, (f'data/{classifier.C3D_FILE}',))
    mean = classifier.find(None, classifier.MEAN_VARIABLE, classifier.MEAN_PLACES)
    files = [_look(str(weights), obtain('c3d')), _look(str(mean), obtain('mean'))]
    if mean.is_dir() or (mean.is_file() and sha256(mean) != MEAN_SHA256):
        files[1] = File(str(mean), False, 'another file than the published one: its sha256 is not '
                                          f'{MEAN_SHA256}')
    return files


@functools.cache
def _packaged():
    return {name: config.load(config.PACKAGED / name) for name in config.packaged_names()}


def _look(path, origin):
    if not Path(path).exists():
        return File(path, False, origin)
    return File(path, True, 'a folder' if Path(path).is_dir()
                else f'{Path(path).stat().st_size / 1e6:,.1f} MB')


def report():
    """All findings, as lines of text."""
    revision = record.git_revision()
    yield f'tgan_chainer {__version__}{f", revision {revision[:12]}" if revision else ""}'
    yield f'Python {platform.python_version()}, {platform.platform()}'
    yield '\npackages'
    yield from (f'  {name:12} {version}' for name, version in record.versions().items())
    yield '\ndevices'
    yield from _devices()
    for title, files in (('data (in this folder)', data_files()),
                         ('inception score', score_files())):
        yield f'\n{title}'
        for file in files:
            yield f'  {"found  " if file.found else "missing"}  {file.path}\n{" " * 11}{file.note}'
    yield '\nwhat to do next'
    yield from (f'  {line}' for line in next_steps())


def _devices():
    try:
        yield (f'  CPU          {os.cpu_count()} cores; {num_threads()} thread(s), '
               f'{cpu_kernels_in_use()}')
    except ConfigError as error:
        yield f'  CPU          {error}'
    yield f'  GPU          {_gpu()}'
    yield f'  many devices {_mpi()}'
    if not pictures.av:
        yield f'  movies       PyAV is not installed: {pictures.VIDEO_EXTRA}'
    free = shutil.disk_usage('.').free
    yield f'  disk         {free / 1e9:,.0f} GB free in this folder' + (
        # The paper's size takes about 100 MB a snapshot.
        '; that is little for a training' if free < 2e9 else '')


def _gpu():
    try:
        device = get_device(0)
    except DeviceError as error:
        return f'none ({error})'
    cuda = device.xp.cuda.runtime.driverGetVersion()
    return (f'{count_gpus()}, the first is {gpu_name(device)}; driver for CUDA '
            f'{cuda // 1000}.{cuda % 1000 // 10}; {gpu_libraries()}')


def _mpi():
    if importlib.util.find_spec('mpi4py') is None:
        return 'mpi4py is not installed: the extra [mpi] brings it'
    mpiexec = shutil.which('mpiexec', path=Path(sys.executable).parent) or shutil.which('mpiexec')
    return f'mpi4py {metadata.version("mpi4py")}, {mpiexec or "no mpiexec on the PATH"}'


def next_steps():
    """What can be done with what is here, as lines of text."""
    ready = ready_experiments()
    yield f'these {len(ready)} of {len(_packaged())} packaged experiments can be trained:'
    yield from (f'  tgan train --config_path configs/{name}' for name in ready)
    if not all(file.found for file in data_files()):
        yield 'the others need the data that is missing above'
    if folders := snapshots.result_folders('results'):
        yield (f'there are trained networks: tgan infer --result_dir {folders[0]} --images'
               + ' --video' * bool(pictures.av))
    if not all(file.found for file in score_files()):
        yield 'inception scores need the files that are missing above; tgan gam needs none'
    if (Path(__file__).parents[2] / 'Makefile').is_file():    # not from a wheel
        yield 'the tests: make test; parity with the authors\' code: make parity'


main = command('doctor', parser_of(
    'doctor', 'Print versions, devices, data that is here and that is missing, and what to do '
    'next. Nothing is changed.').parse_args, lambda _: print(*report(), sep='\n'))
