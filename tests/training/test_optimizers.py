from types import SimpleNamespace

import chainer
import numpy as np
import pytest

from tgan_chainer.functions.cpu import parallel
from tgan_chainer.training import optimizers

CASES = [
    ('RMSprop', {'lr': 5e-5}),
    ('RMSprop', {'lr': 1e-3, 'alpha': 0.9, 'eps': 0}),
    ('RMSprop', {'eps_inside_sqrt': True}),
    ('Adam', {'alpha': 2e-4, 'beta1': 0.5, 'beta2': 0.9}),
    ('Adam', {'eta': 0.7, 'weight_decay_rate': 0.01}),
    ('Adam', {'amsgrad': True}),
    ('Adam', {'adabound': True}),
]
# More than a task, a part of a task, a single element.
SHAPES = (2, parallel.TASK_ELEMENTS // 2 + 5), (3, 5, 2), (1,)


def network(dtype='f'):
    rs = np.random.RandomState(0)
    link = chainer.Chain()
    with link.init_scope():
        for i, shape in enumerate(SHAPES):
            setattr(link, f'p{i}', chainer.Parameter(rs.randn(*shape).astype(dtype)))
    return link


def update(optimizer, times, seed=1):
    rs = np.random.RandomState(seed)
    for _ in range(times):
        for param in optimizer.target.params():
            grad = rs.randn(*param.shape) * 10 ** rs.uniform(-8, 4)
            param.grad = np.where(rs.rand(*param.shape) < 0.1, 0, grad).astype(param.dtype)
        with np.errstate(invalid='ignore'):    # 0 / 0, with eps 0, is NaN in both
            optimizer.update()


def assert_same_bits(ours, theirs, case):
    for (name, a), (_, b) in zip(sorted(ours.namedparams()), sorted(theirs.namedparams()),
                                 strict=True):
        assert a.array.dtype == b.array.dtype
        np.testing.assert_array_equal(a.array, b.array, err_msg=f'{case} {name}')
        assert a.update_rule.t == b.update_rule.t
        assert list(a.update_rule.state) == list(b.update_rule.state)
        for key, state in a.update_rule.state.items():
            np.testing.assert_array_equal(state, b.update_rule.state[key], err_msg=f'{name} {key}')


@pytest.mark.parametrize('name, args', CASES)
@pytest.mark.parametrize('dtype', ['f', 'd'])
def test_chainers_bits_also_from_its_snapshot_on(name, args, dtype, tmp_path):
    theirs, ours, resumed = (getattr(module, name)(**args).setup(network(dtype))
                             for module in (chainer.optimizers, optimizers, optimizers))
    for optimizer in (theirs, ours):
        update(optimizer, times=2)
    for i, (of, to) in enumerate(((theirs, resumed), (theirs.target, resumed.target))):
        chainer.serializers.save_npz(tmp_path / f'{i}.npz', of)
        chainer.serializers.load_npz(tmp_path / f'{i}.npz', to)
    for optimizer in (theirs, ours, resumed):
        update(optimizer, times=2, seed=2)
    for each in (ours, resumed):
        assert_same_bits(each.target, theirs.target, (name, args))


@pytest.mark.parametrize('name', ['RMSprop', 'Adam'])
def test_hooks_disabled_missing_and_odd_parameters_are_chainers(name):
    links = []
    for module in (optimizers, chainer.optimizers):
        link = network()
        with link.init_scope():
            link.unknown = chainer.Parameter()    # finds its size when it is called
        optimizer = getattr(module, name)(1e-3).setup(link)
        optimizer.add_hook(chainer.optimizer_hooks.WeightDecay(0.1))
        link.p0.array = np.asfortranarray(link.p0.array)
        link.p2.update_rule.enabled = False
        link.cleargrads()
        for _ in range(2):
            for param in (link.p0, link.p2):
                param.grad = np.ones_like(param.array)
            link.p1.grad = np.ones(SHAPES[1][::-1], 'f').T    # not contiguous
            optimizer.update()
        del link.unknown
        links.append(link)
    np.testing.assert_array_equal(links[0].p2.array, network().p2.array)
    links = [[link.p0, link.p1] for link in links]
    for a, b in zip(*links, strict=True):
        np.testing.assert_array_equal(a.array, b.array)


def test_all_threads_the_option_and_an_eps_that_vanishes(monkeypatch):
    """Many threads take parts of one parameter; the option chooses Chainer's own rule."""
    with pytest.raises(ValueError, match='eps'):
        update(optimizers.RMSprop(eps=1e-60).setup(network()), times=1)
    ran = []
    run = parallel.run
    monkeypatch.setattr(parallel, 'run', lambda task, items: (ran.append(len(items)),
                                                              run(task, items)))
    optimizer = optimizers.Adam().setup(network())
    update(optimizer, times=1)
    assert max(ran) == 2
    ran.clear()
    with chainer.using_config('tgan_cpu_kernels', 'chainer'):
        update(optimizer, times=1)
    assert not ran


@pytest.mark.parametrize('iteration, share', [(0, 1), (4, 1), (5, 0.75), (8, 0), (9, 0)])
def test_falling_rates(iteration, share):
    adam, rmsprop = optimizers.Adam(alpha=2e-4), optimizers.RMSprop(lr=5e-5, alpha=0.9)
    falling = optimizers.FallingRates([adam, rmsprop], 4, 8)
    trainer = SimpleNamespace(updater=SimpleNamespace(iteration=iteration))
    for happens in (falling.initialize, falling):
        happens(trainer)
        assert (adam.alpha, rmsprop.lr, rmsprop.alpha) == (2e-4 * share, 5e-5 * share, 0.9)
