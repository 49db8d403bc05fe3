"""RMSprop and the two ways of keeping D's Lipschitz constant down.

None writes into an array: results are new ones, put into the dict that was given.
"""
import numpy as np

from reference.oracle import networks


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
