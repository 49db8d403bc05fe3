import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import chainer
import numpy as np
import pytest

from tgan_chainer import config
from tgan_chainer.__main__ import main
from tgan_chainer.commands import doctor
from tgan_chainer.io import pictures

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def no_settings(here, monkeypatch):
    for variable in ('TGAN_C3D', 'TGAN_MEAN', 'TGAN_NUM_THREADS', 'TGAN_CPU_KERNELS'):
        monkeypatch.delenv(variable, raising=False)


def lines(capsys):
    assert main(['doctor']) == 0
    return capsys.readouterr().out.splitlines()


def test_without_data_and_with_a_wrong_setting(capsys, monkeypatch):
    monkeypatch.setenv('TGAN_NUM_THREADS', 'many')
    found = lines(capsys)
    assert any("TGAN_NUM_THREADS is 'many'" in line for line in found)
    assert f'  numpy        {np.__version__}' in found
    files = [line.split() for line in found if line.startswith(('  found', '  missing'))]
    assert all(what == 'missing' for what, _ in files)
    assert {path for _, path in files} == {
        'data/mnist_test_seq.npy', 'data/moving_mnist_train_32_1.npy',
        'data/moving_mnist_train_32_1_labelled.npy',
        'data/moving_mnist_train_32_1_labelled.csv', 'data/ucf101_train.h5',
        'data/ucf101_train_pd.pkl', 'data/golf', 'data/golf_pd.pkl',
        'data/conv3d_deepnetA_ucf.npz', 'data/mean2.npz'}
    assert any('GPU          none (--gpu 0: ' in line for line in found)


def test_data_that_is_there(here, capsys):
    before = doctor.ready_experiments()
    assert 'default.yml' in before and not any(name.startswith('ucf101/') for name in before)
    data = here / 'data'
    data.mkdir()
    (data / 'ucf101_train.h5').write_bytes(b'x' * 2_500_000)
    assert doctor.ready_experiments() == before
    (data / 'ucf101_train_pd.csv').touch()    # stands in for the pickled table
    added = set(doctor.ready_experiments()) - set(before)
    assert added == {'base.yml', *(name for name in config.packaged_names()
                                   if name.startswith('ucf101/'))}
    found = lines(capsys)
    place = found.index('  found    data/ucf101_train.h5')
    assert found[place + 1].strip() == '2.5 MB'
    assert '  found    data/ucf101_train_pd.csv' in found


def test_files_of_the_score_are_found_as_the_score_finds_them(here, monkeypatch):
    (here / 'elsewhere.npz').touch()
    monkeypatch.setenv('TGAN_C3D', 'elsewhere.npz')
    (here / 'mean2.npz').write_bytes(b'not it')
    c3d, mean = doctor.score_files()
    assert (c3d.path, c3d.found) == ('elsewhere.npz', True)
    assert (mean.path, mean.found) == ('mean2.npz', False) and 'another file' in mean.note
    monkeypatch.setenv('TGAN_MEAN', '.')
    assert not doctor.score_files()[1].found


def test_next_steps(monkeypatch, here):
    steps = '\n'.join(doctor.next_steps())
    assert 'tgan infer' not in steps and 'make test' in steps
    folder = here / 'results' / 'mine'
    folder.mkdir(parents=True)
    (folder / 'vgen_iter_5.npz').touch()
    # What only a checkout has is named only there.
    monkeypatch.setattr(doctor, '__file__', str(here / 'tgan_chainer/commands/doctor.py'))
    steps = '\n'.join(doctor.next_steps())
    assert 'tgan infer --result_dir results/mine --images --video\n' in steps
    monkeypatch.setattr(pictures, 'av', None)
    assert 'tgan infer --result_dir results/mine --images\n' in '\n'.join(doctor.next_steps())
    assert not re.search(r'\bmake \w|\.py', steps)


def test_version_is_that_of_setup(capsys):
    assert main(['--version']) == 0
    setup = subprocess.run([sys.executable, 'setup.py', '--version'], cwd=ROOT,
                           capture_output=True, text=True, check=True)
    assert capsys.readouterr().out == f'tgan_chainer {setup.stdout.splitlines()[-1]}\n'


def test_a_gpu_is_named_with_what_computes_on_it(monkeypatch):
    runtime = SimpleNamespace(getDeviceProperties=lambda i: {'name': b'a card'},
                              driverGetVersion=lambda: 13020)
    xp = SimpleNamespace(cuda=SimpleNamespace(runtime=runtime))
    monkeypatch.setattr(doctor, 'get_device', lambda gpu: SimpleNamespace(
        xp=xp, device=SimpleNamespace(id=gpu)))
    monkeypatch.setattr(doctor, 'count_gpus', lambda: 2)
    cuda = chainer.backends.cuda
    monkeypatch.setattr(cuda, 'cupy', SimpleNamespace(__version__='13.6.0'))
    monkeypatch.setattr(cuda, 'libcudnn', SimpleNamespace(getVersion=lambda: 8907), raising=False)
    for enabled, cudnn in ((True, 'cuDNN 8907'), (False, 'no cuDNN')):
        monkeypatch.setattr(cuda, 'cudnn_enabled', enabled)
        assert doctor._gpu() == (
            f'2, the first is a card; driver for CUDA 13.2; CuPy 13.6.0, {cudnn}')
