import contextlib
from types import SimpleNamespace
from unittest import mock

import chainer
import numpy as np
import pytest

from benchmarks import cases, race, recipe
from benchmarks import ours_worker as ours
from benchmarks.recipe import time_on_host
from parity import driver, replay

CPU = chainer.get_device('@numpy')
SIZE = dict(recipe.SIZES['quick'], z=4)


def test_who_trains(full):
    trainings = cases.trainings(full, 'svc', 32)
    assert [(c.side, c.args.get('algorithm')) for c in trainings] == [
        ('ours', None), ('authors', None), ('torch', None), ('torch', 'ours')]
    assert {c.args['batch'] for c in trainings} == {32}


def test_a_busy_machine(quick, monkeypatch):
    @contextlib.contextmanager
    def busy(n):
        quick.log.append(n)
        yield
        quick.log.append('end')

    monkeypatch.setattr(race, 'busy_neighbours', busy)
    quick.add('ours', [1.0, 2.0, 3.0] * 3)
    quick.add('torch', [4.0, 5.0, 6.0] * 3)
    outcome = cases.busy(quick)
    assert [name[-17:] for name in outcome.costs] == 2 * [f'{n} busy neighbours' for n in range(3)]
    assert quick.log[:9] == [0, 'ours', 'end', 1, 'ours', 'end', 2, 'ours', 'end']


@pytest.mark.parametrize('updater, after', [('svc', 2), ('clip', 1)])
def test_a_repetition_of_training(updater, after):
    step = recipe.chainer_works(driver, replay.OURS, time_on_host, None)['step']
    work = step(updater, 2, SIZE)
    first = work()
    # Two updates to warm up, whose losses are compared.
    assert len(first['each']) == 2
    assert first['found'].keys() == first['found after update'].keys() == {'loss_gen', 'loss_dis'}
    assert first['found'] != first['found after update']
    assert len(work()['each']) == after
    again = step(updater, 2, SIZE)
    np.random.rand(5)    # a training begins the same whatever came before
    assert again()['found'] == first['found']


def test_one_update_of_five_clips_singular_values():
    for updater, cost in (('svc', 2.0), ('clip', 1.0)):
        seconds = iter([9.0, 9.0, 1.0, 6.0])
        run = recipe.repetitions(updater, lambda seconds=seconds: (next(seconds), {'loss': 0}))
        assert [run()['seconds'], run()['seconds']] == [9.0, pytest.approx(cost)]


def test_clipping_of_copies_of_weights_that_were_trained_and_not_clipped(monkeypatch):
    monkeypatch.delattr(ours.SingularValueClipping, 'clip')    # no update may clip
    ours.critic_weights.cache_clear()
    initial = ours.networks(SIZE)['vdis']
    weights = ours.critic_weights(tuple(SIZE.items()), 'layers')
    assert list(weights) == ['c0', 'c1', 'c2', 'c3', 'c4']
    # RMSprop's first step is 10 times the learning rate, and the later ones are not much smaller.
    assert all(abs(weights[layer] - initial[layer].W.array).max() > 5e-4 for layer in weights)


@pytest.mark.parametrize('method', cases.METHODS)
def test_clipping(method):
    weights = ours.critic_weights(tuple(SIZE.items()), 'half')
    before = {name: weight.copy() for name, weight in weights.items()}
    clipped = []
    work = ours.svc(CPU, lambda function: (1.0, clipped.append(function())), 'half', method, SIZE)
    for _ in range(2):    # each repetition clips copies
        assert work()['seconds'] == 5
    for weight, again, fact, original in zip(clipped[:5], clipped[5:], work()['facts'],
                                             before.values(), strict=True):
        np.testing.assert_array_equal(weight, again)
        assert fact['shape'] == list(weight.shape)
        assert 0 < fact['error'] < 1e-5
        u, s, vt = np.linalg.svd(original.reshape(len(weight), -1), full_matrices=False)
        assert fact['above'] == (s > 1).sum()
        np.testing.assert_allclose(weight.reshape(len(weight), -1), u * np.minimum(s, 1) @ vt,
                                   atol=1e-5 * s[0])
    assert sum(fact['above'] for fact in work()['facts']) > 10


@pytest.mark.parametrize('dataset, shape', [('moving_mnist', (3, 16, 1, 64, 64)),
                                            ('ucf101', (3, 16, 3, 64, 64))])
def test_loaders(dataset, shape, monkeypatch):
    batches = []
    convert = ours.concat_examples
    monkeypatch.setattr(ours, 'concat_examples', lambda *args: batches.append(convert(*args)))
    monkeypatch.setattr(recipe, 'time_on_host', lambda function: (16.0, function()))
    assert ours.loader(CPU, None, dataset, 3, 4)() == {'seconds': 2}    # a batch
    assert [batch.shape for batch in batches] == [shape] * ours.BATCHES
    assert -1 <= min(batch.min() for batch in batches) < -0.9


def test_peak_memory(full):
    full.add('ours', [2] * 3)
    full.add('authors', [3, 5, 4])
    outcome = cases.memory(full)
    # Three rounds, however many are asked for, each in processes of their own.
    assert outcome.costs == {"ours": [200] * 3,
                             "authors' algorithm, Chainer's kernels": [300, 500, 400]}
    assert outcome.unit == 'bytes'
    assert [what for what, _ in outcome.not_run] == [
        "PyTorch eager, authors' algorithm", 'PyTorch eager, our algorithm']
    assert [entry for entry in full.log if 'ours' in entry] == ['ours', 'ours ends'] * 3


def test_on_a_gpu_events_time_the_device_and_the_host_draws():
    log = mock.MagicMock(elapsed=mock.Mock(return_value=2000.0))
    cupy = SimpleNamespace(
        asarray=lambda array: ('on the GPU', array), random=SimpleNamespace(),
        get_default_memory_pool=lambda: SimpleNamespace(total_bytes=lambda: 12345),
        cuda=SimpleNamespace(Event=mock.Mock(side_effect=[log.start, log.end]),
                             get_elapsed_time=log.elapsed))
    clock, peak = recipe.chainer_device(cupy)
    assert (clock(log.kernel), peak()) == ((2.0, log.kernel.return_value), 12345)
    assert log.mock_calls == [
        mock.call.start.record(), mock.call.kernel(), mock.call.end.record(),
        mock.call.end.synchronize(), mock.call.elapsed(log.start, log.end)]
    np.random.seed(1)
    where, drawn = cupy.random.uniform(-1, 1, (2, 3))
    assert where == 'on the GPU'
    np.testing.assert_array_equal(drawn, np.random.RandomState(1).uniform(-1, 1, (2, 3)))
