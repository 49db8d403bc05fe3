"""Checks of data files, whose errors say what was found, what was expected and what to do."""
import contextlib
import os

import numpy as np

from tgan_chainer.errors import DataError


def require_file(path, remedy):
    """Raise a DataError that ends in `remedy`, what was expected or what to do, without a file."""
    if not os.path.isfile(path):
        raise DataError(f"found no file '{path}'; {remedy}")


@contextlib.contextmanager
def telling_damage(what, then):
    """Turn what the body raises into the DataError 'WHAT (ERROR)THEN'; its own DataErrors stay."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # a damaged file can make its reader raise almost anything
        raise DataError(f'{what} ({" ".join(str(error).split())}){then}') from error


def require_place(path, overwrite):
    """Raise a DataError where something exists, or, with `overwrite`, something that is no file."""
    if os.path.exists(path) and not (overwrite and os.path.isfile(path)):
        raise DataError(f"'{path}' exists, expected a new name; choose another one with --out, or, "
                        'if it is a file you no longer need, replace it with --overwrite')


def require_rows(table, good, path, expected):
    """Raise a DataError that shows the first row that is not `good`, boolean (rows,), of a table.

    `table` is {name: array} read from `path`; `expected` ends the sentence.
    """
    if not good.all():
        row = int(np.argmin(good))
        found = ', '.join(f'{name}={values.tolist()[row]!r}' for name, values in table.items())
        raise DataError(f"row {row} (counted from 0) of '{path}' has {found}, expected {expected}")
