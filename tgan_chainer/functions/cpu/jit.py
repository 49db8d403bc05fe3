"""How the loops of the CPU kernels are compiled."""
try:
    import numba
except ImportError:    # without the extra [cpu] Chainer's functions run: see functions.choice
    numba = None


def kernel(function, **options):
    """Compile a loop over arrays when it is first called, and keep the code on disk.

    It runs without the GIL. Where no folder can be written (neither ``__pycache__`` beside the
    source, nor the user's cache, nor ``NUMBA_CACHE_DIR``) every process compiles anew: seconds.
    """
    if numba is None:
        return function    # never called
    # Sums may be taken in another order and a product fused with a sum, so that loops run on
    # vectors; infinities and NaN keep their meaning.
    options = {'nogil': True, 'fastmath': {'reassoc', 'contract'}, **options}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:    # "cannot cache function: no locator available"
        return numba.njit(**options)(function)


def exact_kernel(function):
    """A :func:`kernel` with NumPy's bits: it rounds as written, and a division by zero is one."""
    return kernel(function, fastmath=False, error_model='numpy')
