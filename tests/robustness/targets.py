"""Readers of files that a user may have from anybody, and files that they once failed on.

Others of these are in the tests of tables, h5 files, archives and snapshots.
"""
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
import chainer.functions as F
import h5py
import numpy as np
import pandas as pd
from chainer import training
from hypothesis import strategies as st

from tests.conftest import SMALL_EXPERIMENT
from tests.robustness import hostile
from tgan_chainer import config, results
from tgan_chainer.datasets import tables
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.datasets.ucf_dataset import UCFDataset
from tgan_chainer.evaluation import classifier, convert_c3d, ledger
from tgan_chainer.evaluation.inception_score import Evaluation, add, score_of
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
    harmful: dict = {}    # what it did on files that it once failed on -> their content
    share: int = 1        # one in so many inputs is made, where reading one takes long
    allowed: tuple = ()   # audit events that this reader has a reason for


def _experiments():
    return [SMALL_EXPERIMENT.format(data='x.npy').encode(),
            *((config.PACKAGED / name).read_bytes() for name in config.packaged_names())]


def _laughs(collection, key):
    """An experiment whose aliases unfold to 10 ** 11."""
    levels = (f'a{k}: &a{k} ' + collection % ', '.join(f'{key % n}*a{k - 1}' for n in range(10))
              for k in range(1, 12))
    return SMALL_EXPERIMENT.format(data='x.npy').replace(
        'batchsize: 2', 'batchsize: {a0: &a0 {}, ' + ', '.join(levels) + '}').encode()


_EXPERIMENTS = {
    '10 ** 11 steps': _laughs('{%s}', 'x%d: '),
    '10 ** 11 steps, in lists': _laughs('[%s]', '%.0s'),
    'IndexError': b'batchsize: !!int ""',
    'OverflowError': b'batchsize: ' + b':'.join([b'1'] * 400) + b'.5',
    'ValueError, in making the message': b'seed: 0x' + b'f' * 6000,
    'AttributeError, of a part': b'vgen: {}',
    'AttributeError, of a date': b'batchsize: !!timestamp never',
    'RecursionError': b'a: ' + b'[' * 5000,
    'any time that it is long enough for': b'# ' + b'x' * 2 ** 16}


def _pickles():
    """Tables by this pandas in every protocol, and by older ones."""
    table = pd.DataFrame({'category': ['Archery', 'YoYo'], 'start': [0, 16], 'end': [16, 36]})
    return [*(pickle.dumps(table, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)),
            *(path.read_bytes() for path in sorted((ROOT / 'tests/datasets/tables').glob('*.pkl')))]


def _csv_tables():
    return [b'category,start,end\r\nArchery,0,16\r\nYoYo,16,36\r\n"a ""b"", c",36,69\r\n',
            '\ufeffstart,end,category\n2,3,ü\n'.encode(), b'end,category,start\n16,x,0\n16,y,0\n']


def _read_table(path):
    tables.read_table(str(path), {'start': int, 'end': int, 'category': str})


def _written(save, *arguments):
    """What a function writes to a file, its first argument -> bytes."""
    file = io.BytesIO()
    save(file, *arguments)
    return file.getvalue()


def _saved(target):
    """An object as an npz file, packed and not -> list of bytes."""
    return [_written(chainer.serializers.save_npz, target, packed) for packed in (False, True)]


def _network(**links):
    return chainer.Chain(conv1a=chainer.links.Linear(3, 4), fc8=chainer.links.Linear(4, 2), **links)


@functools.cache
def _trainer():
    """A trainer with all that a snapshot of train.py holds, but a small network."""
    def loss(_):
        value = sum(F.sum(param ** 2) for param in optimizer.target.params())
        chainer.report({'loss': value}, optimizer.target)
        return value
    optimizer = chainer.optimizers.RMSprop().setup(
        _network(bn=chainer.links.BatchNormalization(4)))
    updater = training.updaters.StandardUpdater(
        chainer.iterators.SerialIterator(list(range(5)), 2), optimizer, loss_func=loss)
    with tempfile.TemporaryDirectory() as out:
        made = training.Trainer(updater, (4, 'iteration'), out, [
            LogReport((2, 'iteration')), RandomState(0, CPU)])
        made.run()    # from then on the optimizer has a state
    return made


def _read_snapshot(path):
    snapshots.load(path, _trainer())
    np.random.rand(1400)    # a state that is out of bounds shows when it is used
    random.random()


def _evaluation(path):
    draws = types.SimpleNamespace(draw=np.random.rand, draw_masks=np.random.rand)
    return Evaluation(draws, draws, Settings(100, 10, 1e-7, (0,)), RandomState(0, CPU), path,
                      {'protocol': 'tgan-v1', 'seed': 0})


def _scores():
    evaluation = _evaluation('x')
    evaluation._sums = add(0, np.full((10, 4), 0.25), 1e-7)
    return _saved(evaluation)


def _read_score(path):
    evaluation = _evaluation(path)
    evaluation._resume()
    np.random.rand(1400)
    with np.errstate(all='ignore'):
        score_of(evaluation._sums, 1e-7)


def _read_c3d(path):
    classifier.C3D = _network    # the network itself has 78 million parameters
    classifier.load_c3d(path)


def harmful_archives(whole):
    """Archives that did harm, from a whole file -> {what they did: content}, if it is one."""
    if not whole.startswith(b'PK'):
        return {}
    files, members = {}, dict(hostile.unzipped(whole))
    for harm, endings, kind, shape, data in (
            ('took 300 MB', ('/W.npy', 'sums.npy'), '|u1', (3 * 10 ** 8,), 3 * 10 ** 8),
            ('read beyond an array', 'numpy_position.npy', '<i8', (), b'\0\0\1' + bytes(5))):
        header = hostile.described(kind, shape)
        for harmed in [name for name in members if name.endswith(endings)][:1]:
            files[harm] = hostile.zipped([*(members | {
                harmed: hostile.with_header(header, bytes(data), skipped=0)}).items()])
    return files


def _moving_mnist():
    return [_written(np.save, np.ones(shape, dtype)) for dtype, shape in (
        ('u1', (3, 2, 4, 4)), ('u1', (5, 1, 2, 2)), ('f4', (3, 2, 4, 4)))]


def _read_moving_mnist(path):
    dataset = MovingMNISTDataset(3, str(path))
    for i in {0, len(dataset) - 1}:
        dataset[i]


H5_SHAPE = 20, 3, 4, 14


def h5(**options):
    """An h5 file with an image of these options -> bytes."""
    def save(file):
        with h5py.File(file, 'w') as opened:
            opened.create_dataset('image', H5_SHAPE, np.uint8, **options)
    return _written(save)


def _h5_files():
    image = np.arange(np.prod(H5_SHAPE)).reshape(H5_SHAPE)
    return [h5(data=image, **options)
            for options in ({}, {'chunks': (2, 3, 4, 14)}, {'compression': 'gzip'})]


def _view(file):
    layout = h5py.VirtualLayout(H5_SHAPE, np.uint8)
    layout[:] = h5py.VirtualSource('/proc/self/exe', 'image', H5_SHAPE)
    with h5py.File(file, 'w') as opened:
        opened.create_virtual_dataset('image', layout)


_H5_FILES = {
    'read another file, as its data': h5(external=[('/proc/self/exe', 0, 3360)]),
    'read another file, as a view': _written(_view)}


def _read_h5(path):
    table = path.with_name('table.csv')
    table.write_text(f'start,end\n0,{H5_SHAPE[0]}\n')
    dataset = UCFDataset(16, str(path), str(table), H5_SHAPE[2])
    try:
        dataset[0]
    finally:
        if dataset._file is not None:
            dataset._file.close()


def _read_state(path):
    path.with_name('image').write_bytes(bytes(4096 + 2 * 12))
    file = UnfinishedH5(path.parents[1] / 'videos.h5', (3, 4), {'filter': 'box'})
    with file.opened() as videos:
        sum(entry['rows'] for entry in videos.entries)


def _convert(path):
    convert_c3d.convert(path, path.with_name('c3d.npz'), hostile.SHAPES)


def _records():
    return [path.read_bytes() for path in sorted((ROOT / 'parity' / 'ledger').glob('*.json'))]


def _json(*values):
    return lambda: [json.dumps(values).encode()]


TARGETS = {
    'experiment': Target('x.yml', _experiments, hostile.experiments, config.load, _EXPERIMENTS),
    'pickle': Target('x.pkl', _pickles, hostile.pickles, _read_table),
    'csv': Target('x.csv', _csv_tables, hostile.csv_tables, _read_table),
    'npy': Target('x.npy', _moving_mnist, hostile.arrays, _read_moving_mnist),
    # HDF5 is slow, and a process of its own looks first.
    'h5': Target('videos.h5', _h5_files, lambda whole: st.nothing(), _read_h5, _H5_FILES, 100,
                 ('subprocess.Popen', 'os.posix_spawn')),
    'caffemodel': Target('c3d.caffemodel', lambda: [
        hostile.encoded(hostile.net(last)) for last in ('fc8', 'fc8-1')],
        hostile.caffemodels, _convert),
    **{name: Target(file, whole, hostile.archives, read) for name, file, whole, read in (
        ('snapshot', 'snapshot_iter_4.npz', lambda: _saved(_trainer()), _read_snapshot),
        ('score', 'score.part.npz', _scores, _read_score),
        ('c3d', 'c3d.npz', lambda: _saved(_network()), _read_c3d))},
    **{name: Target(file, whole, hostile.json_files, read, {
        **{f'traceback, {content}': content for content in harmful},
        **{f'RecursionError, {nested}': nested * 60_000 for nested in (b'[', b'{"a":')}})
       for name, file, whole, read, *harmful in (
        ('state', 'videos.h5.unfinished/state.json', _json(
            {'filter': 'box'}, {'name': 'a', 'rows': 2}, {'name': 'b', 'rows': 0}), _read_state,
         b'[]', b'[{"filter": "box"}, {"rows": []}]'),
        ('categories', 'categories.json', _json('Archery', 'YoYo'),
         lambda path: results.read_categories(path.parent, 2), b'{"a": 1}'),
        ('record', 'record.json', _json({'started': '2026', 'iteration': 0, 'seed': 0}),
         results.read_record, b'{"a": 1}'),
        ('ledger', 'x.json', _records, ledger.read, b'[[]]'))},
}
