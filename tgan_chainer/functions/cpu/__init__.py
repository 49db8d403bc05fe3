"""The CPU kernels: loops compiled by numba around matrix products of BLAS.

They keep an array (N, C, *size) in memory with its samples last, as (C, *size, N): what they copy,
add or normalise is then a run of samples, contiguous however small the map and whatever the stride.
Only memory differs: shapes are Chainer's, and every other function takes such an array as it is.
"""
import numpy as np


def samples_last(x):
    """(N, C, *size) -> contiguous (C, *size, N): the same memory, or a copy if x has another."""
    return np.ascontiguousarray(x.transpose(*range(1, x.ndim), 0))


def samples_first(x):
    """The inverse, a view: (C, *size, N) -> (N, C, *size)."""
    return x.transpose(x.ndim - 1, *range(x.ndim - 1))
