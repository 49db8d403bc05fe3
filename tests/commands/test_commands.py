import os
import subprocess
import sys
from pathlib import Path

import pytest

from tgan_chainer.__main__ import COMMANDS, main
from tgan_chainer.commands.run import run_command
from tgan_chainer.commands.train import parse_args
from tgan_chainer.errors import EXIT_NO_READER, EXIT_USER_ERROR
from tgan_chainer.links.batch_normalization import BATCH_NORMS

ROOT = Path(__file__).parents[2]

SLOW = {'av', 'chainer', 'cupy', 'h5py', 'matplotlib', 'numba', 'pandas', 'PIL', 'pydantic',
        'tqdm', 'yaml'}


@pytest.mark.parametrize('argv', [['train.py'], ['infer.py'], *(
    ['-m', 'tgan_chainer', name] for name in ('train', 'infer', 'interpolate'))])
def test_help_waits_for_no_slow_import(argv):
    asked = subprocess.run([sys.executable, '-X', 'importtime', *argv, '--help'], cwd=ROOT,
                           capture_output=True, text=True)
    assert asked.stdout.startswith(f'usage: tgan {argv[-1].removesuffix(".py")} '), asked.stderr
    loaded = {line.rpartition('|')[2].strip() for line in asked.stderr.splitlines()}
    assert 'tgan_chainer.commands.flags' in loaded and not loaded & SLOW


def test_every_command_of_the_package(capsys):
    assert main([]) == 0
    listed = capsys.readouterr().out
    for name in COMMANDS:
        assert f'  {name} ' in listed
        for spelling in {name, name.replace('-', '_')}:    # a command goes by its module's name too
            with pytest.raises(SystemExit, match='0'):
                main([spelling, '--help'])
            assert capsys.readouterr().out.startswith(f'usage: tgan {name} ')
    for name, message in (('surgeon', "there is no command 'surgeon'"),
                          ('infre', "did you mean 'infer'")):
        assert main([name]) == EXIT_USER_ERROR
        assert message in capsys.readouterr().err


def test_flags_know_every_batch_norm():
    for name in BATCH_NORMS:
        assert parse_args(['--batch_norm', name]).batch_norm == name


WRONG = {
    'train': ['--resume x --out y', '--iterations 3 --epoch 2', '--batch_norm global', '--seed -1',
              '--batchsize 0'],
    'export --result_dir r': ['--out g.onnx'],    # no short form of --out_dir
    'infer --result_dir r --gpu -1': ['', '--video --n 0', '--video --seed -1',
                                      '--video --scale 0'],
    'interpolate --result_dir r --gpu -1': ['--between 0', '--between 101', '--n 0', '--seed -1'],
    'figures': ['', '8', '2', '3 --result_dir r --n 0', '6 --result_dir r --between 0',
                '6 --result_dir r --frames 17', '7 --result_dir r'],
    'visualizer --preview_png a.png': ['--rows 0', '--cols -3', '--C 2', '--W -1', '--H x'],
    'make-moving-mnist': ['--split test', '--n 0', '--seed -1', '--seed 4294967296', '--size 48',
                          '--digits 3'],
    'make-ucf101': ['--workers 0', '--fold 4', '--split val'],
    'make-golf': ['--workers 0', '--n_frames 0'],
    'calc-inception --result_dir r': ['--seed 1 1', '--seed -1', '--protocol tgan-v3',
                                      '--interpolation INTER_AREA', '--real configs/default.yml'],
    'gam --result_dir a b': ['--n 0', '--calibration -1', '--batchsize 0', '--seed x', '--iter 5'],
    'tile-prediction --result_dir r': ['--n 0', '--batchsize -1', '--seed x'],
    'quality': ['', '--real x --n 1', '--real x --seed -1'],
}


@pytest.mark.parametrize('command, flags', [(command, flags) for command in WRONG
                                            for flags in WRONG[command]])
def test_flags_that_make_no_sense(command, flags, here, capsys):
    with pytest.raises(SystemExit) as caught:
        main(f'{command} {flags}'.split())
    assert caught.value.code == EXIT_USER_ERROR
    assert f'usage: tgan {command.split()[0]} ' in capsys.readouterr().err
    assert not list(here.iterdir())


@pytest.mark.parametrize('buffered', ['', '1'])
@pytest.mark.parametrize('argv', ['tgan_chainer', 'tgan_chainer doctor', 'parity --list'])
def test_ends_quietly_if_nobody_reads(argv, buffered):
    reader, writer = os.pipe()
    os.close(reader)
    ended = subprocess.run([sys.executable, '-m', *argv.split()], cwd=ROOT, stdout=writer,
                           stderr=subprocess.PIPE, text=True,
                           env={**os.environ, 'PYTHONUNBUFFERED': buffered})
    os.close(writer)
    assert (ended.returncode, ended.stderr) == (EXIT_NO_READER, '')


def test_another_pipe_that_breaks_is_a_fault():
    def write():
        reader, writer = os.pipe()
        os.close(reader)
        with os.fdopen(writer, 'w') as pipe:
            pipe.write('x')
    with pytest.raises(BrokenPipeError):
        run_command(write)


MEMORY = '''
import numpy as np
from tgan_chainer.commands.run import keep_freed_memory

def resident():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * 4096

def kept():
    before = resident()
    np.ones(1 << 26, np.uint8)    # 64 MiB come and go
    return resident() - before

default = kept()
keep_freed_memory()
assert default < 1 << 25 < kept()
'''


def test_large_blocks_stay_with_a_process_that_asked_for_it():
    subprocess.run([sys.executable, '-c', MEMORY], check=True)
