"""The CPU kernels: loops compiled by numba around matrix products of BLAS."""
