"""Singular value clipping, the paper's way to a 1-Lipschitz critic (paper §4.2, Table 2)."""
import functools

import chainer
import numpy as np
from chainer import links

from tgan_chainer.errors import DivergedError
from tgan_chainer.functions.cpu import parallel


class SingularValueClipping:
    """Optimizer hook: bound the singular values of D's weights every ``freq`` updates.

    For every parameter of four or more dimensions, seen as a matrix (out, -1), the singular
    values above ``bound`` are set to it. For every batch normalisation, with s = sqrt(avg_var),
    gamma is clipped to [floor * bound * s, bound * s]. The authors' rule is bound 1 and floor
    0.01 (FACTS §3).

    It counts by the optimizer's own updates, which a snapshot holds, so a resumed training clips
    in the same iterations. On the GPU nothing is copied to the host.

    Args:
        freq (int): Updates from one clipping to the next.
        bound (float): The largest singular value that stays.
        floor (float): Lower end of gamma's interval, relative to its upper end.
        method (str): 'eigh' factorises the smaller Gram matrix and corrects only what exceeds
            the bound; 'svd' rebuilds the matrix from its full factorisation, as the authors do.

    Raises:
        ValueError: An argument is outside its range.
    """

    name = 'SingularValueClipping'
    call_for_each_param = False
    timing = 'post'

    def __init__(self, freq=1, bound=1.0, floor=0.01, method='eigh'):
        if freq < 1 or freq != int(freq):
            raise ValueError(f'freq is {freq}: expected an integer, at least 1')
        if bound <= 0:
            raise ValueError(f'bound is {bound}: expected a positive number')
        if not 0 <= floor <= 1:
            raise ValueError(f'floor is {floor}: expected a number in [0, 1]')
        if method not in METHODS:
            raise ValueError(f'unknown method {method!r}: expected one of {(*METHODS,)}')
        self.freq = int(freq)
        self.bound = bound
        self.floor = floor
        self._clip_matrix = METHODS[method]

    def __call__(self, optimizer):
        if optimizer.t % self.freq == 0:
            self.clip(optimizer.target)

    def clip(self, link):
        """Clip all weights and gammas of ``link`` in place, on its device.

        Raises:
            DivergedError: On the CPU, a weight is NaN or infinite, or its square is.
        """
        with chainer.using_device(link.device):
            matrices = []
            for param in link.params(include_uninit=False):
                if param.ndim >= 4:
                    # Contiguous, or reshape would copy and the clipping be lost.
                    param.array = link.xp.ascontiguousarray(param.array)
                    matrices.append(param.array.reshape(len(param.array), -1))
            clip = functools.partial(self._clip_matrix, bound=self.bound)
            if link.xp is np:
                # Long ones first. One thread each: BLAS would share out each of the many small
                # steps of a factorisation, and wait for the other thread in every one of them.
                try:
                    parallel.run(clip, sorted(matrices, key=np.size, reverse=True))
                except np.linalg.LinAlgError as error:
                    raise DivergedError('a weight of the critic is not finite, or too large to be '
                                        f'clipped ({error})') from error
            else:
                for matrix in matrices:
                    clip(matrix)
            for child in link.links():
                if isinstance(child, links.BatchNormalization) and child.gamma is not None:
                    upper = self.bound * link.xp.sqrt(child.avg_var)
                    gamma = child.gamma.array
                    link.xp.clip(gamma, self.floor * upper, upper, out=gamma)


def clip_by_svd(matrix, bound):
    """Set the singular values of ``matrix`` (m, n) above ``bound`` to it, in place, by its SVD."""
    xp = chainer.backend.get_array_module(matrix)
    u, s, vt = xp.linalg.svd(matrix, full_matrices=False)
    matrix[...] = (u * xp.minimum(s, bound)) @ vt


def clip_by_eigh(matrix, bound):
    """Set the singular values of ``matrix`` (m, n) above ``bound`` to it, in place.

    With A A' = U diag(s^2) U' of the smaller side, the result is A + U diag(bound / s - 1) U' A
    over the s > bound: the rest of A is not rebuilt, and not touched where nothing exceeds.
    """
    if matrix.shape[0] > matrix.shape[1]:
        matrix = matrix.T
    xp = chainer.backend.get_array_module(matrix)
    # A sum of squares cannot hide a value above the bound: most small layers end here. On the
    # GPU the test would make the host wait, so everything is computed there.
    if xp is np and np.vdot(matrix, matrix) <= bound ** 2:
        return
    gram = matrix @ matrix.T
    squares, u = xp.linalg.eigh(gram.astype(np.float64))
    excess = squares > bound ** 2
    if xp is np:
        if not excess.any():
            return
        squares, u = squares[excess], u[:, excess]
        scale = bound / np.sqrt(squares) - 1
    else:
        scale = xp.where(excess, bound / xp.sqrt(xp.maximum(squares, bound ** 2)) - 1, 0)
    scaled = (u * scale).astype(matrix.dtype)
    matrix += scaled @ (u.T.astype(matrix.dtype) @ matrix)


METHODS = {'eigh': clip_by_eigh, 'svd': clip_by_svd}
"""How :class:`SingularValueClipping` factorises."""
