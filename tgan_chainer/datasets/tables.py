"""Tables of videos: the authors' pickled DataFrames, and CSV files with a header line.

A pickle can run any code when it is loaded, but not by the reader here. Each name in it must be one
of those that a DataFrame of numbers and strings needs, and stands for no object of pandas or NumPy,
but for an inert record of its arguments, from which the columns are then taken. So it does not
depend on the pandas release either: it knows what 0.20 (2017) to 2.3 write, in Python 2 and 3.
"""
import contextlib
import csv
import io
import os
import pickle
import pickletools
import re
import reprlib
from pathlib import Path

import numpy as np

from tgan_chainer.datasets.checks import require_file, telling_damage
from tgan_chainer.errors import DataError
from tgan_chainer.io.files import write_bytes

MAX_BYTES = 16 * 2**20    #: Of a table; the authors' of 13,320 videos takes less than 1 MB.
MAX_COLUMNS = 1000    #: Of a table; the authors' have at most five.


def read_table(path, columns):
    """Read and check columns of a table.

    Args:
        path: A `.csv` file (UTF-8, a header line, commas), or else a pickled pandas DataFrame.
            Where that does not exist, the `.csv` file of the same name is read, so that the
            authors' file names stay valid.
        columns: Column name -> `int` or `str`, the type of its values.

    Returns:
        {name: array} of these columns, int64 or object holding str, all of one length.

    Raises:
        DataError: The file is missing, too large, damaged, or holds anything but a plain table; a
            column is missing or has a value of another type; there are no rows.
    """
    path = existing_table(path)
    require_file(path, f'expected a table with the columns {", ".join(columns)}: a .csv file or a '
                       'pickled pandas DataFrame; docs/data.md says how to make it')
    size = os.path.getsize(path)
    if size > MAX_BYTES:
        raise DataError(f"'{path}' has {size} bytes, expected a table of at most {MAX_BYTES}; "
                        'see that it is the right file')
    content = Path(path).read_bytes()
    table = (_read_csv if _is_csv(path) else _read_pickle)(content, path)
    if missing := [name for name in columns if name not in table]:
        raise DataError(
            f"'{path}' has the columns {reprlib.repr(list(table))}, expected also {missing}; "
            'add them, or see that it is the right file')
    checked = {name: _convert(table[name], kind, f"column '{name}' of '{path}'")
               for name, kind in columns.items()}
    if not all(map(len, checked.values())):
        raise DataError(f"'{path}' has no rows, expected one for each video; add some")
    return checked


def write_table(path, table):
    """Write {name: values} as CSV with a header line, whole or not at all.

    What `read_table` would not read, or a file that cannot be written, is a DataError.
    """
    require_csv(path)
    text = io.StringIO(newline='')
    rows = list(zip(*(table[name] for name in table), strict=True))
    csv.writer(text).writerows([table, *rows])
    with telling_damage(f"cannot write the table '{path}'", ', expected names of files in valid '
                        'UTF-8; rename the file'):
        content = text.getvalue().encode()
    if len(content) > MAX_BYTES:
        raise DataError(f"cannot write the table '{path}': found {len(content)} bytes in "
                        f'{len(rows)} rows, expected at most {MAX_BYTES}; use fewer videos a table')
    write_bytes(path, content)


def write_frame(path, table):
    """Pickle {name: list} as a pandas DataFrame, whole or not at all.

    It is a call of the class with lists, which any release reads, unlike pandas' own pickles, and
    which needs no pandas to write.
    """
    start, stop = len(pickle.PROTO) + 1, -len(pickle.STOP)
    arguments = pickle.dumps((table,), protocol=2)[start:stop]
    write_bytes(path, pickle.PROTO + b'\x02' + pickle.GLOBAL + b'pandas.core.frame\nDataFrame\n'
                + arguments + pickle.REDUCE + pickle.STOP)


def require_csv(path):
    """Raise a DataError unless `path` ends in `.csv`, by which `read_table` knows a table."""
    if not _is_csv(path):
        raise DataError(f"cannot write the table '{path}': expected a name that ends in .csv; "
                        'choose such a name')


def existing_table(path):
    """`path`, or the `.csv` file that stands in for it."""
    csv_path = os.path.splitext(path)[0] + '.csv'
    return path if os.path.exists(path) or not os.path.isfile(csv_path) else csv_path


def _is_csv(path):
    return os.path.splitext(path)[1].lower() == '.csv'


def _convert(values, kind, where):
    """A column as an array of int64, or of objects that are str."""
    column = np.empty(len(values), np.int64 if kind is int else object)
    for row, value in enumerate(values):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            column[row] = kind(value)
            # A column that once had a gap is stored as floats; 16.0 is a frame number all the same.
            if isinstance(value, str) or (kind is int and column[row] == value
                                          and not isinstance(value, bool | np.bool_)):
                continue
        is_endless = isinstance(value, int) and value.bit_length() > 999    # Python prints no such
        found = 'an endless number' if is_endless else reprlib.repr(value)
        raise DataError(f'row {row} of {where} has {found}, expected '
                        f'{"an integer" if kind is int else "a string"}; correct it')
    return column


def _read_csv(content, path):
    """Columns as name -> list of str."""
    with telling_damage(f"'{path}' is not a CSV file",
                        ', expected UTF-8 text with a header line; write it again'):
        text = content.decode('utf-8-sig')
        header, *rows = csv.reader(io.StringIO(text, newline=''), strict=True)
    for row, cells in enumerate(rows):
        if len(cells) != len(header):
            raise DataError(f"row {row} (counted from 0) of '{path}' has {len(cells)} values, "
                            f'expected {len(header)} as in the header; correct it')
    return {name: [cells[k] for cells in rows] for k, name in enumerate(header)}


_MODULES = {
    'DataFrame': ('pandas.core.frame',),
    'BlockManager': ('pandas.core.internals', 'pandas.core.internals.managers'),
    '_unpickle_block': ('pandas._libs.internals',),
    **{name: (f'pandas.core.indexes.{module}', f'pandas.indexes.{module}')    # before pandas 0.20
       for name, module in (('_new_Index', 'base'), ('Index', 'base'), ('RangeIndex', 'range'),
                            ('Int64Index', 'numeric'))},
    'ndarray': ('numpy',),
    'dtype': ('numpy',),
    '_reconstruct': ('numpy.core.multiarray', 'numpy._core.multiarray'),
    '_frombuffer': ('numpy.core.numeric', 'numpy._core.numeric'),
    'slice': ('builtins', '__builtin__'),
    'encode': ('_codecs',),
}
"""The names a pickled table may use, and the modules they may come from, old and new."""


class _Record:
    """Stands in for whatever a pickle builds; keeps how it was built, and does nothing."""

    def __new__(cls, *args):    # a pickle may skip __init__
        # A pickle may call with the same long tuple again and again, and each record has its own.
        if len(args) > 8:    # pandas and NumPy need at most four
            raise ValueError(f'{len(args)} arguments of {cls.__name__}')
        self = super().__new__(cls)
        self.args = args
        self.state = None
        return self

    def __setstate__(self, state):
        self.state = state


_RECORDS = {name: type(name, (_Record,), {}) for name in _MODULES}


def _with_string_keys(load, keys):
    """``load`` of an opcode, once what it takes from these places of the stack are strings."""
    def checked(self):
        if not all(type(key) is str for key in self.stack[keys]):
            raise TypeError('a dict with keys that are not strings')
        load(self)
    return checked


class _TableUnpickler(pickle._Unpickler):
    """The unpickler in Python, in which what is done about an opcode can be changed.

    The keys of a dict must be strings, and there are no sets: the hash of tuples in tuples takes
    endless time where they are shared, and ends the process where they are nested too deeply.
    """

    dispatch = {opcode: load for opcode, load in pickle._Unpickler.dispatch.items()
                if bytes([opcode]) not in (pickle.EMPTY_SET, pickle.FROZENSET, pickle.ADDITEMS)}
    for _opcode, _keys in ((pickle.SETITEM, slice(-2, -1)), (pickle.SETITEMS, slice(None, None, 2)),
                           (pickle.DICT, slice(None, None, 2))):
        dispatch[_opcode[0]] = _with_string_keys(dispatch[_opcode[0]], _keys)

    def find_class(self, module, name):
        if module not in _MODULES.get(name, ()):
            raise pickle.UnpicklingError(
                f"it asks for '{module}.{name}', which no table of integers and strings needs; "
                'nothing of it was run. If you trust the file, write it as CSV where it was made: '
                'pandas.read_pickle(...).to_csv(..., index=False)')
        return _RECORDS[name]


def _read_pickle(content, path):
    """Columns as name -> 1-D array."""
    with telling_damage(f"'{path}' is damaged or no table", ', expected a pickled pandas '
                        'DataFrame, or a CSV file with a name that ends in .csv; write it again'):
        # Reading the opcodes without obeying them finds data said to be longer than the file. The
        # memo has no more slots than there are opcodes, honestly; more would take endless memory.
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name.endswith('PUT') and argument > len(content):
                raise ValueError(f'memo slot {argument}')
        # latin1 keeps the bytes in the strings of Python 2.
        return _columns(_TableUnpickler(io.BytesIO(content), encoding='latin1').load())


def _columns(frame):
    _require(frame, 'DataFrame')
    if frame.args:    # as write_frame writes it
        columns, = frame.args
        if not isinstance(columns, dict) or not all(isinstance(c, list) for c in columns.values()):
            raise TypeError('a DataFrame of something else than lists')
    else:    # older pandas called the attribute _data
        columns = _columns_of_blocks(frame.state['_mgr' if '_mgr' in frame.state else '_data'])
    if len({len(column) for column in columns.values()}) > 1:
        raise ValueError('the columns differ in length')
    return columns


def _columns_of_blocks(manager):
    """Columns as pandas writes them."""
    _require(manager, 'BlockManager')
    if manager.args:
        blocks, axes = manager.args
        blocks = [block.args[:2] for block in blocks]
    else:
        layout = manager.state[3]['0.14.1']  # of older pandas, named after its first release
        axes = layout['axes']
        blocks = [(block['values'], block['mgr_locs']) for block in layout['blocks']]
    _require(axes[0], '_new_Index')
    names = _array(axes[0].args[1]['data'])
    if max(len(names), len(blocks)) > MAX_COLUMNS:
        raise ValueError(f'{len(names)} columns in {len(blocks)} blocks, expected at most '
                         f'{MAX_COLUMNS}')
    if not all(isinstance(name, str) for name in names):
        raise TypeError('a column whose name is not a string')
    columns = {}
    for values, placement in blocks:
        which = (slice(*placement.args) if isinstance(placement, _RECORDS['slice'])
                 else _array(placement))
        columns.update(zip(names[which], _array(values), strict=True))
    return {name: columns[name] for name in names}


def _require(record, name):
    if not isinstance(record, _RECORDS[name]):
        raise TypeError(f'found {type(record).__name__} instead of {name}')


def _array(record):
    if isinstance(record, _RECORDS['_frombuffer']):
        data, dtype, shape, order = record.args
    else:
        _require(record, '_reconstruct')
        _, shape, dtype, is_fortran, data = record.state
        order = 'F' if is_fortran else 'C'
    if isinstance(data, list):
        # Element by element: NumPy would look into nested lists, however large they unfold.
        return np.fromiter(data, object, len(data)).reshape(shape, order=order)
    if isinstance(data, _RECORDS['encode']):    # as protocol 2 writes bytes
        data = data.args[0]
    if isinstance(data, str):    # Python 2, too
        data = data.encode('latin1')
    _require(dtype, 'dtype')
    name, byte_order = dtype.args[0], '=' if dtype.state is None else dtype.state[1]
    if not re.fullmatch('[biufO][0-9]{1,2}', name):
        raise TypeError(f'values of type {reprlib.repr(name)}')
    dtype = np.dtype(name).newbyteorder(byte_order)
    return np.frombuffer(data, dtype).reshape(shape, order=order)
