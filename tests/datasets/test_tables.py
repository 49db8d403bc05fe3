import gzip
import os
import pickle
import pickletools
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tgan_chainer.datasets import tables
from tgan_chainer.datasets.tables import write_frame, write_table
from tgan_chainer.errors import DataError

OLD = Path(__file__).with_name('tables')
SPAN = {'start': int, 'end': int}
UCF = {'category': str, 'group': int, 'scene': int, **SPAN}
TABLE = pd.DataFrame({
    'category': ['Archery', 'Archery', 'YoYo', 'YoYo'], 'group': [1, 1, 2, 2],
    'scene': [1, 2, 1, 2], 'start': [0, 16, 36, 69], 'end': [16, 36, 69, 85]})


def read_table(path, columns):
    return pd.DataFrame(tables.read_table(path, columns))


def refused(path, content, message, columns=SPAN):
    """Of bytes, or an object that is pickled."""
    path.write_bytes(content if isinstance(content, bytes) else pickle.dumps(content, 4))
    with pytest.raises(DataError, match=message):
        read_table(path, columns)


@pytest.mark.parametrize('protocol', range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize('table', [
    TABLE,
    TABLE.T.T,                                         # one block of objects
    TABLE.astype({'start': float, 'end': np.uint16}),  # three blocks of numbers
    TABLE.assign(more=0.5)[['end', 'more', 'start', 'scene', 'category', 'group']],
    TABLE.assign(start=TABLE.start.to_numpy().astype('>i4')),
    pd.concat([TABLE[:1], TABLE[1:]]),
])
def test_pickle_of_this_pandas(tmp_path, table, protocol):
    (tmp_path / 't.pkl').write_bytes(pickle.dumps(table, protocol))
    pd.testing.assert_frame_equal(read_table(tmp_path / 't.pkl', UCF), TABLE)


@pytest.mark.parametrize('name', [
    '0.20.3-python-2.7', '0.20.3-python-3.6', '0.20.3-python-3.6-protocol-2',
    '0.20.3-python-3.6-filtered', '1.0.5-python-3.8', '1.5.3-python-3.10'])
def test_pickle_of_an_older_pandas_whose_rows_are_counted_anew(name):
    expected = TABLE[TABLE.start > 0].reset_index(drop=True) if 'filtered' in name else TABLE
    pd.testing.assert_frame_equal(read_table(OLD / f'pandas-{name}.pkl', UCF), expected)


texts = st.text(st.characters(exclude_categories=['Cs'], exclude_characters='\0'))
numbers = st.integers(-2**63, 2**63 - 1)


@settings(deadline=None)  # the disk may be slow
@given(st.lists(st.tuples(texts, numbers, numbers), min_size=1))
def test_csv_is_read_as_written(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / 'round.csv'
    table = pd.DataFrame(rows, columns=['path', *SPAN])
    write_table(path, table)
    read = read_table(path, {'path': str, **SPAN})
    assert read.to_numpy().tolist() == table.to_numpy().tolist()


def test_write_leaves_the_old_table_when_it_fails(tmp_path, monkeypatch):
    path = tmp_path / 't.csv'
    write_table(path, TABLE)
    with pytest.raises(DataError, match='surrogates not allowed.*; rename the'):
        write_table(path, TABLE.assign(category='\ud800'))
    with pytest.raises(DataError, match='expected a name that ends in .csv'):
        write_table(tmp_path / 't.pkl', TABLE)
    with monkeypatch.context() as patch:
        patch.setattr(tables, 'MAX_BYTES', 20)    # beyond which it would not be read
        with pytest.raises(DataError, match='in 4 rows, expected at most 20; use fewer'):
            write_table(path, TABLE)
    assert os.listdir(tmp_path) == ['t.csv']
    pd.testing.assert_frame_equal(read_table(path, UCF), TABLE)


def test_csv_of_a_spreadsheet_or_in_place_of_a_pickle_that_is_missing(tmp_path):
    path = tmp_path / 't.CSV'
    path.write_bytes('\ufeffcategory,start,end\r\nArchery,0,16\r\n'.encode())
    assert read_table(path, {'start': int, 'category': str}).to_dict('list') == {
        'start': [0], 'category': ['Archery']}
    write_table(tmp_path / 't.csv', TABLE)
    pd.testing.assert_frame_equal(read_table(tmp_path / 't.pkl', UCF), TABLE)
    TABLE.assign(group=7).to_pickle(tmp_path / 't.pkl')
    assert set(read_table(tmp_path / 't.pkl', UCF)['group']) == {7}


def test_a_pickle_for_every_pandas(tmp_path):
    path = tmp_path / 't.pkl'
    write_frame(path, TABLE[1:].to_dict('list'))
    expected = TABLE[1:].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_pickle(path), expected)
    pd.testing.assert_frame_equal(read_table(path, UCF), expected)
    # Nothing but the class, which every release has there, and an opcode of protocol 2 at most.
    content = path.read_bytes()
    assert max(opcode.proto for opcode, _, _ in pickletools.genops(content)) == 2
    assert [argument for opcode, argument, _ in pickletools.genops(content)
            if 'GLOBAL' in opcode.name] == ['pandas.core.frame DataFrame']
    write_frame(path, expected.to_dict('list'))
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ['t.pkl']


class Runs:
    """Pickled, a call of any callable."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


SHARED = b')' + b'2\x86' * 60    # its hash would take 2 ** 60 steps
NO_TABLE = 'is damaged or no table .*expected a pickled pandas'
NO_INTEGER = "row 1 of column 'start' of .*, expected an integer; correct it"


@pytest.mark.parametrize('content, message', [
    # names of other modules, nothing of which is run
    *(([TABLE, Runs(*call)], f"asks for '{name}'.*; nothing of it was run") for *call, name in (
        (pytest.fail, 'it ran', '_pytest.outcomes.*'), (getattr, TABLE, 'eval', '.*getattr'),
        (os.system, 'touch harmed', 'posix.system'), (np.load, 't.npy', 'numpy.*load'))),
    (b'\x80\x04\x8c\x11pandas.core.frame\x8c\x0eDataFrame.eval\x93.',
     "asks for 'pandas.core.frame.DataFrame.eval'"),
    (b'cos\nDataFrame\n.', "asks for 'os.DataFrame'"),
    (b'cnumpy\nf2py\n.', "asks for 'numpy.f2py'"),
    (b'(ios\nsystem\n.', "asks for 'os.system'"),
    # few bytes that ask for much memory
    (b'\x80\x04Nr\xff\xff\xff\x7f.', 'is damaged or no table .*memo slot 2147483647'),
    (b'\x80\x04Np2147483647\n.', 'memo slot 2147483647'),
    (b'\x80\x05\x96' + b'\xff' * 7 + b'\x00.', 'expected 72057594037927935 bytes'),
    (b'\x80\x04B\xff\xff\xff\xff.', 'expected 4294967295 bytes'),
    (b'\x80\x04(' + b'N' * 9 + b't\x940cnumpy\ndtype\n\x940(' + b'h\x01h\x00R' * 9 + b't.',
     '9 arguments of dtype'),    # a long tuple, used again and again
    # keys that are no strings, and sets
    (b'\x80\x04})' + b'\x85' * 300_000 + b'K\x01s.', NO_TABLE),    # its hash ended the process
    (b'\x80\x04}' + SHARED + b'K\x01s.', NO_TABLE), (b'\x80\x04}(' + SHARED + b'K\x01u.', NO_TABLE),
    (b'\x80\x04(' + SHARED + b'K\x01d.', NO_TABLE), (b'\x80\x04(' + SHARED + b'\x91.', NO_TABLE),
    (b'\x80\x04\x8f(' + SHARED + b'\x90.', NO_TABLE),
    # other objects
    *((obj, NO_TABLE) for obj in (
        None, 'text', [], [1, 2], [('a', 'b')], [(1, 2, 3)], {'start': [0], 'end': [16]},
        np.arange(3), {'_mgr': None})),
    ([(0, 164)], 'found list instead of DataFrame.*expected a pickled pandas DataFrame'),
    # calls of DataFrame
    *((Runs(pd.DataFrame, of), NO_TABLE) for of in (
        [1, 2], {'start': 1, 'end': [2]}, {'start': [1], 'end': [2, 3]}, 'start')),
    *((Runs(pd.DataFrame, {'start': [value], 'end': [2]}), 'expected an integer')
      for value in ('x', [1])),
    (Runs(pd.DataFrame, Fraction(1, 2)), "asks for 'fractions"),
    # other columns and values
    (TABLE.start, "asks for 'pandas.core.series.Series'"),
    (TABLE.assign(end=pd.Timestamp('2017-10-22')), "asks for 'pandas._libs.arrays"),
    (pd.DataFrame({('a', 'b'): ['x'], 'start': ['y']}), f'{NO_TABLE}|asks for'),
    (pd.DataFrame({1: ['x'], 'start': ['y']}), 'not a string'),
    (pd.DataFrame(0, [0], [*map(str, range(tables.MAX_COLUMNS + 1))]),
     f'{tables.MAX_COLUMNS + 1} columns in .* blocks, expected at most {tables.MAX_COLUMNS}'),
    *((pd.DataFrame({'start': [0, value], 'end': 32}, dtype=object), NO_INTEGER)
      for value in (1.5, float('nan'), True, None, 'x', [1], 2**63, 10**5000)),
    (b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(L1000000000000000L\ntVb\ntR.",
     'found _reconstruct instead of DataFrame'),
    (bytes(tables.MAX_BYTES + 1), 'has 16777217 bytes, expected a table of at most 16777216'),
], ids=lambda value: repr(value)[:20] if isinstance(value, str) else '')
def test_wrong_pickle(tmp_path, content, message):
    refused(tmp_path / 't.pkl', content, message)


def test_allowed_names_reach_no_object_of_pandas_or_numpy(tmp_path):
    for name, modules in tables._MODULES.items():
        for module in modules:
            # BUILD with attributes on the named object itself, then a call of it.
            content = f"c{module}\n{name}\n(N(dVharmed\nI1\nstb(I1\ntR.".encode()
            refused(tmp_path / 't.pkl', content, NO_TABLE)
    assert not hasattr(pd.DataFrame, 'harmed')
    assert not any(hasattr(record, 'harmed') for record in tables._RECORDS.values())


@pytest.mark.parametrize('dtype, error', [
    ('f8', 'reshape'), *((dtype, 'values of type') for dtype in (
        'V8', 'U4', 'M8[ns]', 'i8,i8', 'x' * 10_000))])
def test_a_shape_without_its_values_or_of_a_type_that_no_column_has(dtype, error):
    array = tables._RECORDS['_reconstruct']()
    array.__setstate__((1, (10**15,), tables._RECORDS['dtype'](dtype), False, b'12345678'))
    with pytest.raises((ValueError, TypeError), match=error):
        tables._array(array)


def test_missing_and_compressed_files_and_values_that_are_no_strings(tmp_path):
    with pytest.raises(DataError, match="no file '.*none.pkl'; expected .* columns start, end"):
        read_table(tmp_path / 'none.pkl', SPAN)
    for name, found in (('t.pkl', 'is damaged or no table'), ('t.csv', 'is not a CSV file')):
        refused(tmp_path / name, gzip.compress(pickle.dumps(TABLE)), found)
    refused(tmp_path / 't.pkl', pd.DataFrame({'path': ['a', 2.5]}),
            "row 1 of column 'path' of .* has 2.5, expected a string", {'path': str})


@pytest.mark.parametrize('content, message', [
    (b'', 'is not a CSV file'),
    (b'start,end\n', 'has no rows, expected one for each video'),
    (b'first,last\n0,16\n', r"\['first', 'last'\], expected also \['start', 'end'\]; add"),
    (b'start,end\n0,16\n0\n', 'row 1 .* has 1 values, expected 2 as in the header'),
    (b'start,end\n0,16\n0,16,17\n', 'row 1 .* has 3 values, expected 2'),
    (b'start,end\n0,16\n0,\n', "row 1 of column 'end' of .* has '', expected an integer"),
    (b'start,end\n0,1.5\n', "row 0 of column 'end' of .* has '1.5', expected an integer"),
    (b'start,end\n0,99999999999999999999\n', 'row 0 .*, expected an integer'),
    (b'start,end\n0,"16\n', 'is not a CSV file'),
    (b'start,end\n\xff\xfe,1\n', 'is not a CSV file .*expected UTF-8 text'),
])
def test_wrong_csv(tmp_path, content, message):
    refused(tmp_path / 't.csv', content, message)
