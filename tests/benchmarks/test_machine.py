"""What a report says of the machine."""
import json
import os
import sys
import types

import pytest

from benchmarks import machine


def test_description_is_json(tmp_path):
    found = machine.describe(2, -1)
    assert json.loads(json.dumps(found)) == found
    assert found['threads'] == 2 and found['gpu'] is None
    assert found['cores'] == len(os.sched_getaffinity(0))
    assert found['memory bytes'] > 100 << 20
    assert found['packages']['chainer'] == '7.8.1'


def test_cpu_model(tmp_path):
    path = tmp_path / 'cpuinfo'
    path.write_text('processor\t: 0\nmodel name\t: Fast: 2 GHz\nprocessor\t: 1\nmodel name\t: B\n')
    assert machine.cpu_model(path) == 'Fast: 2 GHz'
    assert machine.cpu_model(tmp_path / 'none')


def test_gpu_name(monkeypatch):
    runtime = types.SimpleNamespace(
        getDeviceProperties=lambda number: {'name': f'GPU {number}'.encode()})
    monkeypatch.setitem(sys.modules, 'cupy', types.SimpleNamespace(
        cuda=types.SimpleNamespace(runtime=runtime)))
    assert machine.gpu_name(1) == 'GPU 1'
    assert machine.gpu_name(-1) is None


def test_interpreter_names_blas_and_its_threads():
    found = machine.interpreter('numpy')
    assert found['numpy'] and found['python']
    # NumPy's wheels bring a BLAS that threadpoolctl knows.
    assert any('threads' in library for library in found['libraries'])


@pytest.mark.parametrize('entry, words', [
    ({'internal_api': 'openblas', 'prefix': 'libopenblas', 'version': '0.3.31',
      'architecture': 'SkylakeX', 'num_threads': 2}, 'OpenBLAS 0.3.31 (SkylakeX), 2 threads'),
    ({'internal_api': 'openmp', 'prefix': 'libgomp', 'version': None, 'num_threads': 4},
     'libgomp, 4 threads')])
def test_library_name(entry, words):
    assert machine.library_name(entry) == words
