"""Chainer's optimizers, whose update of a parameter on the CPU is one pass on all threads.

Every element goes through Chainer's operations, in the same order and precision, while it is in a
register: results have Chainer's bits. State, snapshots and hooks are Chainer's.
"""
import chainer
import numpy as np
from chainer.optimizers import SGD, MomentumSGD
from chainer.optimizers.adam import AdamRule
from chainer.optimizers.rmsprop import RMSpropRule
from chainer.training import Extension

from tgan_chainer.functions.choice import runs_on_cpu_kernels
from tgan_chainer.functions.cpu import parallel
from tgan_chainer.functions.cpu.jit import exact_kernel

__all__ = ['SGD', 'Adam', 'MomentumSGD', 'RMSprop']


class RMSprop(chainer.optimizers.RMSprop):
    """``chainer.optimizers.RMSprop``, with the same arguments."""

    def create_update_rule(self):
        return _RMSpropRule(self.hyperparam)


class Adam(chainer.optimizers.Adam):
    """``chainer.optimizers.Adam``, with the same arguments."""

    def create_update_rule(self):
        return _AdamRule(self.hyperparam)


class FallingRates(Extension):
    """Learning rates that fall linearly, from update ``start`` to 0 after ``end``.

    Chainer's LinearShift counts in the snapshot, and could not begin in one that has no such count.
    """

    def __init__(self, optimizers, start: int, end: int):
        names = [(optimizer, 'alpha' if isinstance(optimizer, chainer.optimizers.Adam) else 'lr')
                 for optimizer in optimizers]    # RMSprop's alpha is another thing
        self._rates = [(optimizer, name, getattr(optimizer, name)) for optimizer, name in names]
        self._end, self._updates = end, max(end - start, 1)

    def initialize(self, trainer):
        left = (self._end - trainer.updater.iteration) / self._updates
        for optimizer, name, rate in self._rates:
            setattr(optimizer, name, rate * min(max(left, 0), 1))

    def __call__(self, trainer):
        self.initialize(trainer)


class _RMSpropRule(RMSpropRule):
    def update_core_cpu(self, param):
        hp, arrays = self.hyperparam, _arrays(self, param, 'ms')
        if hp.eps_inside_sqrt or not arrays:
            super().update_core_cpu(param)
        else:
            parallel.run_elementwise(_rmsprop, arrays, hp.alpha, 1 - hp.alpha, hp.lr, hp.eps)


class _AdamRule(AdamRule):
    def update_core_cpu(self, param):
        hp, arrays = self.hyperparam, _arrays(self, param, 'm', 'v')
        if hp.amsgrad or hp.adabound or not arrays:
            super().update_core_cpu(param)
        else:
            parallel.run_elementwise(_adam, arrays, 1 - hp.beta1, 1 - hp.beta2, self.alpha_t,
                                     hp.eps, 1 - hp.eta * hp.weight_decay_rate, -hp.eta)


def _arrays(rule, param, *keys):
    """The arrays of a kernel, or None where it does not take them and Chainer's rule does."""
    # A parameter that is not initialised has no state. Chainer refuses an eps that vanishes.
    if param.grad is None or param.dtype.type(rule.hyperparam.eps) == 0 != rule.hyperparam.eps:
        return None
    arrays = param.array, param.grad, *(rule.state[key] for key in keys)
    usable = runs_on_cpu_kernels(*arrays) and all(a.flags.c_contiguous for a in arrays)
    return arrays if usable else None


@exact_kernel
def _rmsprop(param, grad, ms, alpha, one_minus_alpha, lr, eps):
    for i in range(len(param)):
        ms[i] = ms[i] * alpha + one_minus_alpha * grad[i] * grad[i]
        param[i] -= lr * grad[i] / (np.sqrt(ms[i]) + eps)


@exact_kernel
def _adam(param, grad, m, v, one_minus_beta1, one_minus_beta2, alpha, eps, keep, minus_eta):
    for i in range(len(param)):
        m[i] += one_minus_beta1 * (grad[i] - m[i])
        v[i] += one_minus_beta2 * (grad[i] * grad[i] - v[i])
        step = alpha / (np.sqrt(v[i]) + eps) * m[i]
        param[i] = keep * param[i] + minus_eta * step
