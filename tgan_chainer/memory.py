"""Memory that is freed and asked for again within every update."""
import ctypes

# Parameters of mallopt(3) in glibc.
_M_TRIM_THRESHOLD = -1
_M_MMAP_MAX = -4
_INT_MAX = 2 ** 31 - 1


def keep_freed_memory():
    """Have glibc's malloc keep large blocks that are freed, for this whole process.

    It returns them to the system at once otherwise, and every page of the next large array costs a
    page fault (measured, with its spread, in docs/decisions.md). For commands: it is
    a setting of the process, which a library that is imported leaves alone. Without glibc nothing
    happens.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return
    mallopt(_M_MMAP_MAX, 0)    # not from mmap, whose blocks go back when they are freed
    mallopt(_M_TRIM_THRESHOLD, _INT_MAX)
