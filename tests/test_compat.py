import subprocess
import sys
import types
from pathlib import Path

import chainer
import pytest

from tgan_chainer import compat

ROOT = Path(__file__).parents[1]


# What is in site-packages where the package is installed; the tests need no installation.
PTH = (ROOT / 'tgan_chainer' / 'tgan_chainer.pth').read_text()
ONLY_PTH = f'import sys\nsys.meta_path = [f for f in sys.meta_path if "Tgan" not in repr(f)]\n{PTH}'
NO_PTH = ONLY_PTH.removesuffix(PTH)


def run(code):
    return subprocess.run([sys.executable, '-c', code], cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize('code', [
    'import tgan_chainer, chainer.links',
    'import importlib, tgan_chainer; importlib.reload(tgan_chainer); import chainer.links',
    # Whether or not this NumPy lets Chainer start alone, the package works afterwards.
    NO_PTH + 'try:\n    import chainer\nexcept Exception:\n    pass\n'
    'import tgan_chainer, chainer.functions; chainer.functions.relu',
    ONLY_PTH + 'import chainer.functions, tgan_chainer; chainer.functions.relu',
    'import parity, chainer.links', 'import benchmarks, chainer.links',
], ids=['before chainer', 'twice', 'after chainer that failed', 'after chainer', 'parity',
        'benchmarks'])
def test_import_order(code):
    result = run(code)
    assert result.returncode == 0, result.stderr


def test_the_pth_imports_nothing_itself():
    result = run(NO_PTH + 'before = set(sys.modules)\n' + PTH + 'assert set(sys.modules) == before')
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize('package', [None, 'import numpy.no_such_module'])
@pytest.mark.parametrize('chainer', [True, False])
def test_the_pth_beside_half_an_installation(package, chainer, tmp_path):
    if package:
        (tmp_path / 'tgan_chainer.py').write_text(package)
    if chainer:
        (tmp_path / 'chainer.py').write_text('print("imported")')
    result = subprocess.run([sys.executable, '-S', '-c', PTH + 'import chainer'], cwd=tmp_path,
                            capture_output=True, text=True)
    if chainer:
        assert (result.stdout, result.stderr) == ('imported\n', '')
    else:
        assert result.stderr.splitlines()[-1] == "ModuleNotFoundError: No module named 'chainer'"


def test_as_strided_reads_sctypes_when_it_runs():
    import chainer.functions as F
    import numpy as np
    x = np.arange(6, dtype='f')
    y = F.as_strided(chainer.Variable(x), (2, 2), (1, 2))
    np.testing.assert_array_equal(y.array, [[0, 2], [1, 3]])


def test_another_chainer_is_refused_before_and_when_it_is_imported(monkeypatch):
    monkeypatch.setitem(sys.modules, 'chainer', types.SimpleNamespace(__version__='2.0.2'))
    with pytest.raises(ImportError, match=r'found Chainer 2\.0\.2.*written for chainer 7\.8\.1'):
        compat.install()
    result = run('import tgan_chainer, sys\n'
                 'assert "chainer" not in sys.modules\n'
                 'from tgan_chainer import compat\n'
                 'compat.SUPPORTED_CHAINER = "2.0.2"\n'
                 'import chainer')
    assert 'found Chainer 7.8.1, but tgan_chainer is written for chainer ' in result.stderr


def test_missing_chainer_says_what_to_do():
    result = run('import importlib.util\nimportlib.util.find_spec = lambda name: None\n'
                 'import tgan_chainer')
    assert result.stderr.splitlines()[-1].endswith(
        'pip install --no-build-isolation chainer==7.8.1')


def test_cuda_wheels_are_loaded_in_order(monkeypatch, tmp_path):
    loaded = []
    for library in ('cublas/lib/libcublasLt.so.12', 'cublas/lib/libcublas.so.12'):
        path = tmp_path / 'nvidia' / library
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.setattr(sys, 'path', [str(tmp_path)])
    monkeypatch.setattr(compat.ctypes, 'CDLL', lambda path: loaded.append(path.rsplit('/')[-1]))
    compat._preload_cuda_wheels()
    assert loaded == ['libcublasLt.so.12', 'libcublas.so.12']


def test_chainers_advice_to_install_a_cupy_with_cudnn_is_not_shown():
    result = run('import tgan_chainer, warnings\n'
                 'warnings.warn("cuDNN is not enabled.\\nPlease reinstall CuPy")\n'
                 'warnings.warn("another one")')
    assert 'another one' in result.stderr and 'cuDNN' not in result.stderr
