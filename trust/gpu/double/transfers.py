"""Counts what goes between main memory and the device, and where the device is waited for."""
import functools
import sys
from pathlib import Path
from typing import NamedTuple

TO_DEVICE = 'to device'
TO_HOST = 'to host'
WAIT = 'wait'
"""A wait without a copy, such as ``Device.synchronize``. A copy to the host waits, too."""

_HERE = str(Path(__file__).parent)
_PROJECT = Path(__file__).parents[3]
_EXTENSIONS = '/chainer/training/extensions/'


class Transfer(NamedTuple):
    """One copy or wait.

    Attributes:
        direction (str): :data:`TO_DEVICE`, :data:`TO_HOST` or :data:`WAIT`.
        what (str): The call, such as ``get`` or ``array``.
        nbytes (int): Size of what was copied.
        origin (str): ``FILE:FUNCTION`` of the innermost caller in this project or in Chainer's
            trainer extensions, or of the caller if there is none.
    """

    direction: str
    what: str
    nbytes: int
    origin: str


transfers = []
"""All of this process so far."""


def record(direction, what, nbytes=0):
    """Add a transfer to the list."""
    transfers.append(Transfer(direction, what, nbytes, _origin()))


def since(start):
    """How often each transfer happened since the list had ``start`` -> {'DIRECTION ORIGIN': n}."""
    counts = {}
    for transfer in transfers[start:]:
        key = f'{transfer.direction}: {transfer.what} in {transfer.origin}'
        counts[key] = counts.get(key, 0) + 1
    return counts


def _origin():
    frame, first = sys._getframe(2), None
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_HERE):
            place = f'{_short(file)}:{frame.f_code.co_name}'
            first = first or place
            if _is_ours(file) or _EXTENSIONS in file:
                return place
        frame = frame.f_back
    return first


def _is_ours(file):
    return file.startswith(str(_PROJECT)) and 'site-packages' not in file


@functools.cache
def _short(file):
    if _is_ours(file):
        return str(Path(file).relative_to(_PROJECT))
    parts = Path(file).parts
    return '/'.join(parts[parts.index('chainer') if 'chainer' in parts else -3:])
