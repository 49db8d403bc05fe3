"""The log: Chainer's entries in a file that is whole."""
import json

import chainer
import numpy as np
import pytest
from chainer import training

from tgan_chainer.errors import DataError, SnapshotError
from tgan_chainer.extensions.log_report import LogReport
from tgan_chainer.io import snapshots


class Updater(training.updaters.StandardUpdater):
    def update_core(self):
        self.get_iterator('main').next()
        chainer.report({'loss': float(self.iteration), 'ratio': self.ratio},
                       self.get_optimizer('main').target)


def make(out, report, n=4, ratio=0.5):
    optimizer = chainer.optimizers.SGD().setup(chainer.links.Linear(1, 1))
    updater = Updater(chainer.iterators.SerialIterator([0, 1, 2], 1), optimizer)
    updater.ratio = ratio
    trainer = training.Trainer(updater, (n, 'iteration'), out=str(out))
    trainer.extend(report)
    return trainer


def test_the_file_is_that_of_chainer(tmp_path):
    reports = LogReport((2, 'iteration')), training.extensions.LogReport(trigger=(2, 'iteration'))
    logs = []
    for name, report in zip('ab', reports, strict=True):
        make(tmp_path / name, report).run()
        assert [path.name for path in (tmp_path / name).iterdir()] == ['log']
        logs.append([{key: value for key, value in entry.items() if key != 'elapsed_time'}
                     for entry in json.loads((tmp_path / name / 'log').read_text())])
    assert logs[0] == logs[1]
    assert [entry['iteration'] for entry in logs[0]] == [2, 4]


def test_chainers_own_snapshot_goes_on_here(tmp_path):
    trainer = make(tmp_path / 'a', training.extensions.LogReport(trigger=(2, 'iteration')))
    trainer.run()
    snapshots.save(tmp_path / 'snapshot_iter_4.npz', trainer)
    other = make(tmp_path / 'b', LogReport((2, 'iteration')), n=6)
    snapshots.load(tmp_path / 'snapshot_iter_4.npz', other)
    other.run()
    log = json.loads((tmp_path / 'b' / 'log').read_text())
    assert [entry['iteration'] for entry in log] == [2, 4, 6]


def test_the_rest_is_in_the_file_and_in_no_snapshot(tmp_path):
    trainer = make(tmp_path, LogReport((2, 'iteration')), n=3)
    trainer.run()
    snapshots.save(tmp_path / 'before.npz', trainer)
    trainer.get_extension('LogReport').finish(trainer)
    snapshots.save(tmp_path / 'after.npz', trainer)
    log = json.loads((tmp_path / 'log').read_text())
    assert [(entry['iteration'], entry['main/loss']) for entry in log] == [(2, 0.5), (3, 2.0)]
    with np.load(tmp_path / 'before.npz') as before, np.load(tmp_path / 'after.npz') as after:
        assert all(before[key].tobytes() == after[key].tobytes() for key in before.files)


def test_without_a_rest_the_log_is_as_it_was(tmp_path):
    trainer = make(tmp_path, LogReport((2, 'iteration')))
    trainer.run()
    before = (tmp_path / 'log').read_bytes()
    trainer.get_extension('LogReport').finish(trainer)
    assert (tmp_path / 'log').read_bytes() == before


def test_what_json_does_not_know_is_left_out(tmp_path):
    make(tmp_path, LogReport((2, 'iteration')), ratio=np.inf).run()
    log = json.loads((tmp_path / 'log').read_text(), parse_constant=pytest.fail)
    assert [sorted(entry) for entry in log] == 2 * [
        ['elapsed_time', 'epoch', 'iteration', 'main/loss']]


def test_a_log_that_cannot_be_written_is_one_message(tmp_path):
    (tmp_path / 'log').mkdir()
    with pytest.raises(DataError, match='cannot write .*log'):
        make(tmp_path, LogReport((2, 'iteration'))).run(show_loop_exception_msg=False)


@pytest.mark.parametrize('log', ['{}', '[1]', '[{"loss": 1}]', '[{"iteration": "x"}]', '[',
                                 '[' * 100_000])
def test_what_is_no_log_is_refused(tmp_path, log):
    trainer = make(tmp_path, LogReport((2, 'iteration')))
    trainer.run()
    path = tmp_path / 'snapshot_iter_4.npz'
    snapshots.save(path, trainer)
    arrays = dict(np.load(path))
    arrays['extensions/LogReport/_log'] = np.array(log)
    np.savez(path, **arrays)
    with pytest.raises(SnapshotError, match='cannot be loaded'):
        snapshots.load(path, make(tmp_path, LogReport((2, 'iteration'))))
