"""RMSprop and the two ways of keeping D's Lipschitz constant down.

All functions return new arrays, or write new arrays into the dict they are given; none writes into
an array.
"""
import numpy as np

from reference.oracle import networks

#: Learning rate of all three networks under every objective (authors' configs).
LR = 5e-5

#: Decay of the mean square, and what keeps the division finite (Chainer's defaults).
ALPHA = 0.99
EPS = 1e-8

#: Weight clipping: every parameter of D stays in [-0.01, 0.01] (authors' clip updater).
CLIP_BOUND = 0.01

#: Singular value clipping: largest singular value of a kernel (paper, Table 2).
MAX_SINGULAR_VALUE = 1.0

#: Smallest gamma, as a share of the largest (authors' SVC updater; the paper says only > 0).
MIN_GAMMA_SHARE = 0.01


def rmsprop(param, grad, mean_square, lr=LR):
    """One step: ms <- 0.99 ms + 0.01 g^2;  param <- param - lr g / (sqrt(ms) + eps).

    eps stands outside the root (Chainer's RMSprop); the mean square starts at zero.

    Returns:
        New param, new mean square.
    """
    mean_square = ALPHA * mean_square + (1 - ALPHA) * grad ** 2
    return param - lr * grad / (np.sqrt(mean_square) + EPS), mean_square


def clip_weights(state, bound=CLIP_BOUND):
    """Clip every parameter, biases and gammas too, to [-bound, bound]; changes `state`."""
    for key in filter(networks.is_parameter, tuple(state)):
        state[key] = np.clip(state[key], -bound, bound)


def clip_singular_values(W, bound=MAX_SINGULAR_VALUE):
    """The kernel as a matrix (out, in * kernel), with its singular values cut at `bound`.

    Args:
        W: (O, ...), two axes or more.

    Returns:
        Array of W's shape; W itself, to rounding, if no singular value was larger.
    """
    u, s, vt = np.linalg.svd(W.reshape(len(W), -1), full_matrices=False)
    return ((u * np.minimum(s, bound)) @ vt).reshape(W.shape)


def clip_gamma(gamma, avg_var):
    """Gamma cut to [0.01 s, s] with s = sqrt(avg_var).

    The paper's Table 2 asks for 0 < gamma <= sqrt(var + eps). The authors' code takes the running
    variance and adds no eps, but in Chainer 2 the stored value already contains it.
    """
    largest = np.sqrt(avg_var)
    return np.clip(gamma, MIN_GAMMA_SHARE * largest, largest)


def singular_value_clipping(state):
    """Clip every kernel with four or more axes and every gamma of D (Table 2); changes `state`.

    bn0 is clipped too, by its never updated statistics: to 0 under Chainer 2, left at 1 under 7.
    """
    for key in tuple(state):
        layer, kind = key.rsplit('/', 1)
        if kind == 'W' and state[key].ndim >= 4:
            state[key] = clip_singular_values(state[key])
        elif kind == 'gamma':
            state[key] = clip_gamma(state[key], state[f'{layer}/avg_var'])
