import subprocess
import sys
from pathlib import Path

import chainer
import numpy as np
import pytest

from tgan_chainer.errors import ConfigError
from tgan_chainer.functions import choice
from tgan_chainer.functions.cpu import jit

ROOT = Path(__file__).parents[1]
SCRIPT = f"""
import sys
for name in ('numba', 'llvmlite', 'av', 'mpi4py'):
    sys.modules[name] = None    # as if it could not be imported
sys.path.insert(0, {str(ROOT)!r})
sys.stderr = sys.stdout
from tgan_chainer.__main__ import main
for line in sys.stdin:
    print('$', line, end='', flush=True)
    print('exit code', main(line.split()), flush=True)
"""
NEEDS_VIDEO = 'error: PyAV, which reads and writes movies, is not installed or cannot start: '
COMMANDS = ('train --config_path {experiment} --iterations 2 --out mine',
            'infer --result_dir mine --n 2 --images',
            'infer --result_dir mine --n 2 --images --video --out_dir not_made',
            'interpolate --result_dir mine --n 2 --out_dir not_made',
            'visualizer --preview_png mine/preview/image_img_00000002.png --rows 5',
            'tile-prediction --result_dir mine --rehearsal --out_dir not_made',
            'doctor')


def test_without_extras(small_experiment, tmp_path, monkeypatch):
    monkeypatch.delenv('TGAN_CPU_KERNELS', raising=False)
    done = subprocess.run([sys.executable, '-c', SCRIPT], cwd=tmp_path, text=True,
                          capture_output=True,
                          input='\n'.join(COMMANDS).format(experiment=small_experiment) + '\n')
    assert done.returncode == 0, done.stderr
    trained, images, *refused, doctor = done.stdout.split('$ ')[1:]
    kernels = ("Chainer's kernels (without numba; for some that are several times as fast: "
               'pip install "tgan_chainer[cpu]")')
    assert f'thread(s), {kernels}\n' in trained
    assert 'previews  images only; movies: pip install "tgan_chainer[video]"\n' in trained
    assert [path.name for path in (tmp_path / 'mine' / 'preview').iterdir()] == [
        'image_img_00000002.png']
    assert len(list((tmp_path / 'infer').glob('*.png'))) == 2
    assert trained.endswith('exit code 0\n')
    assert images.endswith('exit code 0\n')
    for output in refused:
        assert output.splitlines()[1:] == [
            NEEDS_VIDEO + 'pip install "tgan_chainer[video]"', 'exit code 2']
    assert not (tmp_path / 'not_made').exists()
    assert f'thread(s), {kernels}\n' in doctor
    assert 'movies       PyAV is not installed: pip install "tgan_chainer[video]"\n' in doctor


def test_kernels_that_are_asked_for_and_cannot_run(monkeypatch):
    monkeypatch.setattr(jit, 'numba', None)
    with chainer.using_config('tgan_cpu_kernels', 'tgan'), \
            pytest.raises(ConfigError, match=r"is 'tgan', but numba is not .*tgan_chainer\[cpu\]"):
        choice.runs_on_cpu_kernels(np.ones(1))
