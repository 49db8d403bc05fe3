"""Objectives of the generator and of D, RMSprop, and the constraints on D.

A term is a mean over scores, D's outputs of N examples in any shape: a function of them that
returns its value (a float) and its derivative, in the scores' shape. None writes into an array:
results are new ones, put into the dict that was given.
"""
from functools import partial
from typing import NamedTuple

import numpy as np

from reference.oracle import networks


class Objective(NamedTuple):
    """The generator's loss is a term of D(fake), D's the sum of one of D(fake), one of D(real)."""

    generator: partial
    fake: partial
    real: partial


def _linear(scores, factor):
    return float(factor * scores.sum() / scores.size), np.full_like(scores, factor / scores.size)


def _cross_entropy(scores, label):
    """Mean of log(1 + e^x) - label * x, which is -log of the label's sigmoid probability."""
    softplus = np.logaddexp(0, scores)
    sigmoid = np.exp(-np.logaddexp(0, -scores))
    return float((softplus - label * scores).mean()), (sigmoid - label) / scores.size


def _squared_distance(scores, target):
    return float(((scores - target) ** 2).mean()), 2 * (scores - target) / scores.size


WGAN = Objective(*(partial(_linear, factor=factor) for factor in (-1, 1, -1)))
"""Arjovsky et al. 2017."""

VANILLA = Objective(*(partial(_cross_entropy, label=label) for label in (0, 1, 0)))
"""The authors' labels, not the usual: 1 for fake and 0 for real."""

LSGAN = Objective(*(partial(_squared_distance, target=target) for target in (0, -1, 1)))
"""Mao et al. 2017, with a = -1, b = 1, c = 0."""


def rmsprop(param, grad, mean_square, lr):
    """One step: ms <- 0.99 ms + 0.01 g^2;  param <- param - lr g / (sqrt(ms) + 1e-8) -> param, ms.

    eps stands outside the root (Chainer's RMSprop, and its defaults); the mean square starts at 0.
    """
    mean_square = 0.99 * mean_square + (1 - 0.99) * grad ** 2
    return param - lr * grad / (np.sqrt(mean_square) + 1e-8), mean_square


def clip_weights(state):
    """Clip every parameter, biases and gammas too, to [-0.01, 0.01]; changes `state`."""
    for key in filter(networks.is_parameter, tuple(state)):
        state[key] = np.clip(state[key], -0.01, 0.01)


def singular_value_clipping(state):
    """Clip every kernel with four or more axes and every gamma of D (Table 2); changes `state`.

    Singular values of a kernel, as a matrix (out, in * kernel), are cut at 1, and gamma to
    [0.01 s, s] with s = sqrt(avg_var). The paper asks for 0 < gamma <= sqrt(var + eps). The
    authors' code takes the running variance and adds no eps, but in Chainer 2 the stored value
    already contains it.

    bn0 is clipped too, by its never updated statistics: to 0 under Chainer 2, left at 1 under 7.
    """
    for key, value in tuple(state.items()):
        layer, kind = key.rsplit('/', 1)
        if kind == 'W' and value.ndim >= 4:
            u, s, vt = np.linalg.svd(value.reshape(len(value), -1), full_matrices=False)
            state[key] = ((u * np.minimum(s, 1.0)) @ vt).reshape(value.shape)
        elif kind == 'gamma':
            largest = np.sqrt(state[f'{layer}/avg_var'])
            state[key] = np.clip(value, 0.01 * largest, largest)
