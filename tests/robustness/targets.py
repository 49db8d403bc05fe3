"""Readers of files that a user may have from anybody."""
import contextlib
import functools
import io
import json
import pickle
import random
import tempfile
import types
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import tgan_chainer.links  # noqa: F401 -- makes Chainer importable

# isort: split
import chainer
import h5py
import numpy as np
import pandas as pd
from chainer import training

from tests.conftest import SMALL_EXPERIMENT
from tests.robustness import hostile
from tgan_chainer import config, results
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

ROOT = Path(__file__).parents[2]
CPU = chainer.get_device('@numpy')


class Target(NamedTuple):
    file: str             # name of what it reads, in a folder of its own
    whole: Callable       # () -> list of bytes, files that it reads
    inputs: Callable      # whole files -> strategy of bytes
    read: Callable        # of the path
    share: int = 1        # one in so many inputs is made, where reading one takes long
    allowed: tuple = ()   # audit events that this reader has a reason for


# -- experiments and tables ------------------------------------------------------------------------

def _experiments():
    return [SMALL_EXPERIMENT.format(data='x.npy').encode(),
            *((config.PACKAGED / name).read_bytes() for name in config.packaged_names())]


def _pickles():
    """Tables by this pandas in every protocol, and by older ones."""
    table = pd.DataFrame({'category': ['Archery', 'Archery', 'YoYo', 'YoYo'],
                          'start': [0, 16, 36, 69], 'end': [16, 36, 69, 85]})
    return [*(pickle.dumps(table, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
            *(path.read_bytes() for path in sorted((ROOT / 'tests/datasets/tables').glob('*.pkl')))]


def _csv_tables():
    return [b'category,start,end\r\nArchery,0,16\r\nYoYo,16,36\r\n"a ""b"", c",36,69\r\n',
            '\ufeffstart,end,category\n2,3,ü\n'.encode(), b'end,category,start\n16,x,0\n16,y,0\n']


def _read_table(path):
    tables.read_table(str(path), {'start': int, 'end': int, 'category': str})


# -- archives --------------------------------------------------------------------------------------

def saved(target):
    """An object as an npz file, packed and not -> list of bytes."""
    files = io.BytesIO(), io.BytesIO()
    for compression, file in enumerate(files):
        chainer.serializers.save_npz(file, target, compression=bool(compression))
    return [file.getvalue() for file in files]


class SmallC3D(chainer.Chain):
    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.conv1a = chainer.links.Linear(3, 4)
            self.fc8 = chainer.links.Linear(4, 2)


class Network(SmallC3D):
    def __init__(self):
        super().__init__()
        with self.init_scope():
            self.bn = chainer.links.BatchNormalization(4)


class _Updater(training.updaters.StandardUpdater):
    def update_core(self):
        self.get_iterator('main').next()
        optimizer = self.get_optimizer('vdis')
        for param in optimizer.target.params():
            param.grad = np.ones_like(param.array)
        optimizer.update()    # from then on the optimizer has a state
        chainer.report({'loss': np.random.rand()}, optimizer.target)


def trainer():
    """A trainer with all that a snapshot of train.py holds, but small networks."""
    optimizer = chainer.optimizers.RMSprop().setup(Network())
    iterator = chainer.iterators.SerialIterator(list(range(5)), 2)
    with tempfile.TemporaryDirectory() as out:
        made = training.Trainer(_Updater(iterator, {'vdis': optimizer}), (4, 'iteration'), out)
        made.extend(LogReport((2, 'iteration')))
        made.extend(RandomState(0, CPU))
        made.run()
    return made


def _load_into(make):
    """Reader of a snapshot of what ``make`` makes, once."""
    make = functools.cache(make)

    def read(path):
        snapshots.load(path, make())
        np.random.rand(1400)    # a state that is out of bounds shows when it is used
        random.random()
    return read


def _evaluation(path):
    draws = types.SimpleNamespace(skip=np.random.rand, draw_masks=np.random.rand)
    return Evaluation(draws, draws, Settings(100, 10, 1e-7, (0,)), RandomState(0, CPU), path,
                      {'protocol': 'tgan-v1', 'seed': 0})


def _scores():
    evaluation = _evaluation('x')
    evaluation._sums.add(np.full((10, 4), 0.25))
    evaluation._batches = 1
    return saved(evaluation)


def _read_score(path):
    evaluation = _evaluation(path)
    evaluation._resume()
    np.random.rand(1400)
    with np.errstate(all='ignore'), contextlib.suppress(ValueError):
        evaluation._sums.score()


def _read_c3d(path):
    classifier.C3D = SmallC3D    # the network itself has 78 million parameters
    classifier.load_c3d(path)


def _read_mean(path):
    protocols.MEAN_SHAPE = 3, 2, 4, 5    # the real one takes 4 MB
    protocols.load_mean(path, sha256=None)


# -- videos ----------------------------------------------------------------------------------------

def _moving_mnist():
    files = []
    for dtype, shape in ((np.uint8, (3, 2, 4, 4)), (np.uint8, (5, 1, 2, 2)), ('f4', (3, 2, 4, 4))):
        files.append(io.BytesIO())
        np.save(files[-1], np.ones(shape, dtype))
    return [file.getvalue() for file in files]


def _read_moving_mnist(path):
    dataset = MovingMNISTDataset(3, str(path))
    for i in {0, len(dataset) - 1}:
        dataset[i]


H5_SHAPE = 20, 3, 4, 14


def h5(make):
    """An h5 file, made by ``make`` of the open file -> bytes."""
    content = io.BytesIO()
    with h5py.File(content, 'w') as file:
        make(file)
    return content.getvalue()


def _h5_files():
    image = np.arange(np.prod(H5_SHAPE)).astype(np.uint8).reshape(H5_SHAPE)
    return [h5(lambda file, options=options: file.create_dataset('image', data=image, **options))
            for options in ({}, {'chunks': (2, 3, 4, 14)}, {'compression': 'gzip'})]


def _read_h5(path):
    table = path.with_name('table.csv')
    table.write_text(f'start,end\n0,{H5_SHAPE[0]}\n')
    dataset = UCFDataset(16, str(path), str(table), H5_SHAPE[2])
    try:
        dataset[0]
    finally:
        if dataset._file is not None:
            dataset._file.close()


def _read_journal(path):
    path.with_name('image').write_bytes(bytes(4096 + 2 * 12))
    with UnfinishedH5(path.parents[1] / 'videos.h5', (3, 4), {'filter': 'box'}) as videos:
        sum(entry['rows'] for entry in videos.entries)


def _convert(path):
    convert_c3d.convert(path, path.with_name('c3d.npz'), hostile.SHAPES)


def _records():
    return [json.dumps(json.loads(path.read_bytes())).encode()
            for path in sorted((ROOT / 'parity' / 'ledger').glob('*.json'))]


def _json(*values):
    return lambda: [b'\n'.join(json.dumps(value).encode() for value in values)]


TARGETS = {
    'experiment': Target('x.yml', _experiments, hostile.experiments, config.load),
    'pickle': Target('x.pkl', _pickles, hostile.pickles, _read_table),
    'csv': Target('x.csv', _csv_tables, hostile.csv_tables, _read_table),
    'network': Target('snapshot_iter_4.npz', lambda: saved(Network()), hostile.archives,
                      _load_into(Network)),
    'trainer': Target('snapshot_iter_4.npz', lambda: saved(trainer()), hostile.archives,
                      _load_into(trainer)),
    'score': Target('score.part.npz', _scores, hostile.archives, _read_score),
    'c3d': Target('c3d.npz', lambda: saved(SmallC3D()), hostile.archives, _read_c3d),
    'mean': Target('mean2.npz', lambda: saved({'mean': np.ones((3, 2, 4, 5))}), hostile.archives,
                   _read_mean),
    'npy': Target('x.npy', _moving_mnist, hostile.arrays, _read_moving_mnist),
    # HDF5 is slow, and a process of its own looks first.
    'h5': Target('videos.h5', _h5_files, hostile.damaged, _read_h5, 100,
                 ('subprocess.Popen', 'os.posix_spawn')),
    'journal': Target('videos.h5.unfinished/journal', _json(
        {'filter': 'box'}, {'name': 'a', 'rows': 2}, {'name': 'b', 'rows': 0}),
        hostile.json_lines, _read_journal),
    'caffemodel': Target('c3d.caffemodel', lambda: [
        hostile.encoded(hostile.net(last)) for last in ('fc8', 'fc8-1')],
        hostile.caffemodels, _convert),
    'categories': Target('categories.json', _json(['Archery', 'YoYo']), hostile.json_lines,
                         lambda path: results.read_categories(path.parent, 2)),
    'record': Target('record.json', _json([{'started': '2026', 'iteration': 0, 'seed': 0}]),
                     hostile.json_lines, results.read_record),
    'ledger': Target('x.json', _records, hostile.json_lines, ledger.read),
}
