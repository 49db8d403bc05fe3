"""Readers of files that a user may have from anybody, and how inputs for them are made."""
import contextlib
import dataclasses
import io
import json
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

import tgan_chainer.links  # noqa: F401 -- makes Chainer importable

# isort: split
import chainer
import h5py
import numpy as np
from chainer import training

from tgan_chainer import categories, config
from tgan_chainer.datasets import tables
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.datasets.ucf_dataset import UCFDataset
from tgan_chainer.evaluation import classifier, convert_c3d, ledger, protocols
from tgan_chainer.evaluation.inception_score import Evaluation
from tgan_chainer.evaluation.protocols import Settings
from tgan_chainer.extensions.log_report import LogReport
from tgan_chainer.io import snapshots
from tgan_chainer.prepare.unfinished_h5 import UnfinishedH5
from tgan_chainer.random_streams import RandomState
from tgan_chainer.training import record
from trust.fuzz import npz_inputs, pickle_inputs, text_inputs, wire_inputs, yaml_inputs
from trust.fuzz.damage import damaged

CPU = chainer.get_device('@numpy')


@dataclasses.dataclass(frozen=True)
class Target:
    """A reader.

    Attributes:
        name (str): Its name.
        about (str): What it reads.
        file (str): Name of the input's file.
        seeds (callable): () -> list of bytes, files that it accepts.
        make (callable): (random.Random, seeds) -> bytes, an input.
        prepare (callable): folder -> function of no arguments that reads the file in it.
        share (int): One in so many inputs is made, where reading one takes long.
        allowed (tuple): Audit events that this reader has a reason for.
    """

    name: str
    about: str
    file: str
    seeds: Callable
    make: Callable
    prepare: Callable
    share: int = 1
    allowed: tuple = ()


def _reader(read, name):
    """``prepare`` of a reader that takes the path alone."""
    return lambda folder: lambda: read(Path(folder, name))


# -- tables ----------------------------------------------------------------------------------------

def _read_table(path):
    tables.read_table(str(path), {'start': int, 'end': int, 'category': str})


# -- archives --------------------------------------------------------------------------------------

class _Network(chainer.Chain):
    """Parameters, running statistics and a counter, under names like C3D's."""

    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.conv1a = chainer.links.Linear(3, 4)
            self.bn = chainer.links.BatchNormalization(4)


class _Trained(training.updaters.StandardUpdater):
    def update_core(self):
        self.get_iterator('main').next()
        optimizer = self.get_optimizer('vdis')
        for param in optimizer.target.params():
            param.grad = np.ones_like(param.array)
        optimizer.update()    # from then on the optimizer has a state
        chainer.report({'loss': np.random.rand()}, optimizer.target)


def _trainer():
    """A trainer with all that a snapshot of train.py holds, but small networks."""
    network = _Network()
    optimizer = chainer.optimizers.RMSprop().setup(network)
    iterator = chainer.iterators.SerialIterator(list(range(5)), 2)
    with tempfile.TemporaryDirectory() as out:
        trainer = training.Trainer(_Trained(iterator, {'vdis': optimizer}), (4, 'iteration'), out)
        trainer.extend(LogReport((2, 'iteration')))
        trainer.extend(RandomState(0, CPU))
        trainer.run()
    return trainer


class _Draws:
    """What an evaluation draws from, as far as going on with one takes it."""

    def skip(self, n):
        np.random.rand(n)

    draw_masks = skip


_RUN = {'protocol': 'tgan-v1', 'seed': 0}


def _evaluation(path):
    return Evaluation(_Draws(), _Draws(), Settings(100, 10, 1e-7, (0,)), RandomState(0, CPU), path,
                      _RUN)


def _sums(path='x'):
    evaluation = _evaluation(path)
    evaluation._sums.add(np.full((10, 4), 0.25))
    evaluation._batches = 1
    return evaluation


def _saved(target):
    """An object as the two kinds of npz file, packed and not -> list of bytes."""
    for compression in (True, False):
        file = io.BytesIO()
        chainer.serializers.save_npz(file, target, compression=compression)
        yield file.getvalue()


def _prepare_load(make):
    def prepare(folder):
        target = make()

        def read():
            snapshots.load(Path(folder, 'snapshot_iter_4.npz'), target)
            np.random.rand(1400)    # a state that is out of bounds shows when it is used
            random.random()
        return read
    return prepare


def _prepare_evaluation(folder):
    path = Path(folder, 'score.part.npz')

    def read():
        evaluation = _evaluation(path)
        evaluation._resume()
        np.random.rand(1400)
        with np.errstate(all='ignore'), contextlib.suppress(ValueError):
            evaluation._sums.score()
    return read


def _prepare_c3d(folder):
    # The network itself has 78 million parameters, and its reader asks for this name.
    classifier.C3D = _SmallC3D
    return _reader(classifier.load_c3d, 'c3d.npz')(folder)


class _SmallC3D(chainer.Chain):
    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.conv1a = chainer.links.Linear(3, 4)
            self.fc8 = chainer.links.Linear(4, 2)


def _prepare_mean(folder):
    protocols.MEAN_SHAPE = _MEAN_SHAPE    # the real one takes 4 MB
    return lambda: protocols.load_mean(Path(folder, 'mean2.npz'), sha256=None)


_MEAN_SHAPE = (3, 2, 4, 5)


# -- videos ----------------------------------------------------------------------------------------

def _moving_mnist():
    for dtype, shape in ((np.uint8, (3, 2, 4, 4)), (np.uint8, (5, 1, 2, 2)), ('f4', (3, 2, 4, 4))):
        file = io.BytesIO()
        np.save(file, np.ones(shape, dtype))
        yield file.getvalue()


def _read_moving_mnist(path):
    dataset = MovingMNISTDataset(3, str(path))
    for i in {0, len(dataset) - 1}:
        dataset[i]


_H5_FRAMES, _H5_SIZE = 20, 4


def _h5(**options):
    file = io.BytesIO()
    image = np.arange(_H5_FRAMES * 3 * 4 * 14, dtype=np.uint8).reshape(_H5_FRAMES, 3, 4, 14)
    with h5py.File(file, 'w') as h5:
        h5.create_dataset('image', data=image, **options)
    return file.getvalue()


def _h5_elsewhere(kind):
    """An h5 file whose `image` would be read from another file."""
    file = io.BytesIO()
    shape = _H5_FRAMES, 3, 4, 14
    with h5py.File(file, 'w') as h5:
        if kind == 'link':
            h5['image'] = h5py.ExternalLink('/proc/self/exe', 'image')
        elif kind == 'external':
            h5.create_dataset('image', shape, np.uint8, external=[('/proc/self/exe', 0, 3360)])
        else:
            layout = h5py.VirtualLayout(shape, np.uint8)
            layout[:] = h5py.VirtualSource('/proc/self/exe', 'image', shape)
            h5.create_virtual_dataset('image', layout)
    return file.getvalue()


def _h5_seeds():
    return [_h5(), _h5(chunks=(2, 3, 4, 14)), _h5(compression='gzip'),
            *map(_h5_elsewhere, ('link', 'external', 'virtual'))]


def _prepare_h5(folder):
    table = Path(folder, 'table.csv')
    table.write_text(f'start,end\n0,{_H5_FRAMES}\n')

    def read():
        dataset = UCFDataset(16, str(Path(folder, 'videos.h5')), str(table), _H5_SIZE)
        try:
            dataset[0]
        finally:
            if dataset._file is not None:
                dataset._file.close()
    return read


def _prepare_journal(folder):
    unfinished = Path(folder, 'videos.h5.unfinished')

    def read():
        (unfinished / 'image').write_bytes(bytes(4096 + 2 * 12))
        with UnfinishedH5(Path(folder, 'videos.h5'), (3, 4), {'filter': 'box'}) as videos:
            sum(entry['rows'] for entry in videos.entries)
    return read


# -- JSON ------------------------------------------------------------------------------------------

def _measurement():
    digest = 'a' * 64
    dataset = {'name': 'UCFDataset', 'files': {'h5path': 'x.h5'}, 'sha256': {'h5path': None},
               'videos': 3}
    part = {'name': 'VideoGenerator', 'args': {'z_slow_dim': 100}}
    return [json.dumps(found).encode() for found in ({
        'metric': 'inception score', 'systems': [{
            'result_dir': 'r', 'config_sha256': digest, 'iteration': 5,
            'networks': {'gen_iter_5.npz': digest}, 'parts': {'fsgen': part, 'vgen': part},
            'batchsize': 2, 'seed': 0, 'optimizer': {}, 'batch_norm_statistics': 'chainer2',
            'dataset': dataset}],
        'dataset': None, 'protocol': 'tgan-v1', 'samples': 10, 'seeds': [0, 1],
        'values': [2.0, 3.0], 'value': 2.5, 'std': 0.5, 'best': 3.0, 'weights': {'c3d': digest},
        'conditions': {'command_line': 'x', 'git_revision': None, 'python': '3', 'packages': {},
                       'platform': 'x', 'processor': 'x', 'cpus': 2, 'gpu': None,
                       'date': '2026-01-01T00:00:00Z'}},)]


def _prepare_converter(folder):
    return lambda: convert_c3d.convert(
        Path(folder, 'c3d.caffemodel'), Path(folder, 'c3d.npz'), wire_inputs.SHAPES)


def _damaged(rng, whole):
    return damaged(rng, rng.choice(whole), whole)


TARGETS = {target.name: target for target in (
    Target('config', 'experiment files', 'x.yml', yaml_inputs.seeds, yaml_inputs.make,
           _reader(config.load, 'x.yml')),
    Target('pickle', 'pickled tables', 'x.pkl', pickle_inputs.seeds, pickle_inputs.make,
           _reader(_read_table, 'x.pkl')),
    Target('csv', 'CSV tables', 'x.csv', lambda: text_inputs.CSV, text_inputs.make_csv,
           _reader(_read_table, 'x.csv')),
    Target('network', 'snapshots of networks', 'snapshot_iter_4.npz',
           lambda: list(_saved(_Network())), npz_inputs.make, _prepare_load(_Network)),
    Target('trainer', 'snapshots of trainers', 'snapshot_iter_4.npz',
           lambda: list(_saved(_trainer())), npz_inputs.make, _prepare_load(_trainer)),
    Target('score', 'unfinished scores', 'score.part.npz',
           lambda: list(_saved(_sums())), npz_inputs.make, _prepare_evaluation),
    Target('c3d', "C3D's weights", 'c3d.npz',
           lambda: list(_saved(_SmallC3D())), npz_inputs.make, _prepare_c3d),
    Target('mean', 'mean clips', 'mean2.npz',
           lambda: list(_saved({'mean': np.ones(_MEAN_SHAPE)})), npz_inputs.make, _prepare_mean),
    Target('npy', 'Moving MNIST', 'x.npy', lambda: list(_moving_mnist()), npz_inputs.of_header,
           _reader(_read_moving_mnist, 'x.npy')),
    Target('h5', 'UCF-101', 'videos.h5', _h5_seeds, _damaged, _prepare_h5, share=100,
           allowed=('subprocess.Popen', 'os.posix_spawn')),    # a process that looks first
    Target('journal', 'unfinished h5 files', 'videos.h5.unfinished/journal',
           lambda: [b'{"filter": "box"}\n{"name": "a", "rows": 2}\n{"name": "b", "rows": 0}\n'],
           text_inputs.make_lines, _prepare_journal),
    Target('caffemodel', 'the converter of C3D', 'c3d.caffemodel', wire_inputs.seeds,
           wire_inputs.make, _prepare_converter),
    Target('categories', 'names of categories', 'categories.json',
           lambda: [b'["Archery", "YoYo"]'], text_inputs.make_json,
           lambda folder: lambda: categories.read_categories(folder, 2)),
    Target('record', 'records of starts', 'record.json',
           lambda: [b'[{"started": "2026", "iteration": 0, "seed": 0}]'], text_inputs.make_json,
           _reader(record.read_record, 'record.json')),
    Target('ledger', 'records of measurements', 'x.json', _measurement, text_inputs.make_json,
           _reader(ledger.read, 'x.json')),
)}
"""Name -> target, in the order in which they are run."""
