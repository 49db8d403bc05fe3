"""The list of CuPy names against the code as it is, and how names are found and looked up."""
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tgan_chainer.errors import EXIT_USER_ERROR
from trust.gpu import name_list, names, probe
from trust.gpu.scan import names_in

PROBE = Path(probe.__file__)


def test_every_name_of_the_code_is_in_the_list_and_there_or_excused():
    wrong, count = names.check()
    assert wrong == []
    assert count > 100


@pytest.mark.parametrize('change, message', [
    (lambda d: d['names'].pop('cupy.linalg.eigh'),
     'cupy.linalg.eigh of tgan_chainer/hooks/singular_value_clipping.py is not in the list'),
    (lambda d: d['names']['cupy.tensordot']['missing'].append('13.6.0'),
     'cupy.tensordot is missing in CuPy 13.6.0'),
    (lambda d: d['names']['cupy.cudnn']['missing'].append('13.6.0'),
     'cupy.cudnn is missing in CuPy 13.6.0'),
    (lambda d: d['cupy'].remove('14.2.0'), 'CuPy 14.2.0 was not looked at'),
    (lambda d: d.update(chainer='7.8.0'), 'the list is of Chainer 7.8.0'),
], ids=['unknown', 'missing', 'cudnn in 13', 'version', 'chainer'])
def test_what_does_not_fit_is_found(change, message, monkeypatch):
    document = name_list.load()
    change(document)
    monkeypatch.setattr(names, 'load', lambda: document)
    wrong, _ = names.check()
    assert len(wrong) == 1 and wrong[0].startswith(message)


def test_every_reason_is_of_a_name_that_is_missing():
    missing = [(version, name) for name, entry in name_list.load()['names'].items()
               for version in entry['missing']]
    for start, prefix, _ in names.REASONS:
        assert any(version.startswith(start) and name.startswith(prefix)
                   for version, name in missing)
    assert names.reason('cupy.cudnnx.y', '14.2.0') is None


def test_names_are_found_however_they_are_written(tmp_path):
    path = tmp_path / 'module.py'
    path.write_text('''
import cupy
import cupy.cuda.cublas
from cupy import cuda as c, ndarray
from chainer.backends import cuda
from numpy import xp_like

def f(self, xp, link, generator):
    xp.zeros(3).sum()
    a = self.xp.random.uniform(0, 1)
    link.device.xp.linalg.eigh(a)
    cuda.cupy.empty(xp.float32)
    chainer.backends.cuda.cupyx.rsqrt(a)
    chainer.get_device(0).xp.full((self.xp.pi,), 1)
    c.runtime.getDeviceCount()
    isinstance(a, cuda.ndarray)
    cuda.cudnn.activation_forward(a, libcudnn.CUDNN_RELU)
    cuda.cuda.cudnn.getVersion()
    getattr(xp, 'tri')(3)
    xp_like.ones(xp.__name__)
    generator.xp.random.choice
''')
    assert names_in(path) == {
        'cupy.cuda.cublas', 'cupy.cuda', 'cupy.ndarray', 'cupy.zeros', 'cupy.random.uniform',
        'cupy.linalg.eigh', 'cupy.empty', 'cupy.float32', 'cupyx.rsqrt', 'cupy.full', 'cupy.pi',
        'cupy.cuda.runtime.getDeviceCount', 'cupy.cudnn.activation_forward',
        'cupy.cuda.cudnn.CUDNN_RELU', 'cupy.cuda.cudnn.getVersion', 'cupy.tri',
        'cupy.random.choice'}


def test_parameters_are_read_as_they_were_written():
    def function(a, b=1, *, c, d=2, **rest):
        """To be described."""

    def starred(*args, out=None):
        """The same."""
    assert probe.parameters(function) == 'a, b=, *, c, d=, **rest'
    assert name_list._read_parameters('a, b=, *, c, d=, **rest') == [
        ('a', 1, False), ('b', 1, True), ('c', 3, False), ('d', 3, True), ('rest', 4, False)]
    assert probe.parameters(starred) == '*args, out='
    assert name_list._read_parameters('*args, out=') == [('args', 2, False), ('out', 3, True)]
    assert name_list._read_parameters('') == []
    assert probe.parameters(3) is probe.parameters(dict) is None


def test_the_probe_looks_into_modules_and_tells_what_is_not_there(tmp_path):
    package = tmp_path / 'cupy'
    (package / 'linalg').mkdir(parents=True)
    (package / '__init__.py').write_text("__version__ = '99.0'\ndef zeros(shape, dtype=float): 0\n")
    (package / 'linalg' / '__init__.py').write_text('def eigh(a): 0\n')
    done = subprocess.run(
        [sys.executable, str(PROBE)], text=True, capture_output=True, check=True,
        input=json.dumps(['cupy.zeros', 'cupy.linalg.eigh', 'cupy.linalg.svd', 'cupyx.rsqrt']),
        env={'PYTHONPATH': str(tmp_path)})
    found = json.loads(done.stdout)
    assert found['version'] == '99.0'
    assert found['names']['cupy.zeros'] == {'there': True, 'parameters': 'shape, dtype='}
    assert found['names']['cupy.linalg.eigh'] == {'there': True, 'parameters': 'a'}
    assert not found['names']['cupy.linalg.svd']['there']
    assert not found['names']['cupyx.rsqrt']['there']


@pytest.mark.parametrize('python, message', [
    ('/no/such/python', 'cannot be run (No such file or directory)'),
    (sys.executable, 'cannot import CuPy'),
])
def test_making_the_list_without_cupy_is_refused_and_leaves_the_list(python, message, capsys):
    if python == sys.executable and importlib.util.find_spec('cupy'):
        pytest.skip('CuPy is installed here')
    before = name_list.FILE.read_bytes()
    assert names.main([python]) == EXIT_USER_ERROR
    assert message in capsys.readouterr().err
    assert name_list.FILE.read_bytes() == before


@pytest.mark.skipif(importlib.util.find_spec('cupy') is None, reason='CuPy is not installed')
def test_the_list_says_of_this_cupy_what_it_has():
    document = name_list.load()
    found = names._look_up(sys.executable, list(document['names']))
    if found['version'] not in document['cupy']:
        pytest.skip(f'CuPy {found["version"]} is not one of {document["cupy"]}')
    for name, entry in document['names'].items():
        assert found['names'][name]['there'] == (found['version'] not in entry['missing']), name
