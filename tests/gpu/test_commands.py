"""Commands on a GPU, each run as a user runs it, in small; on the CPU the same code is tried."""
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import differing, read_log
from tgan_chainer.__main__ import main

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture
def tgan(gpu, tmp_path, monkeypatch):
    """Function that runs a command on the device, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        assert main([*map(str, arguments), '--gpu', str(gpu)]) == 0
    return run


@pytest.fixture
def trained(tgan, small_experiment):
    """Result folder of eight updates, with snapshots after four and eight."""
    tgan('train', '--config_path', small_experiment, '--out', 'mine')
    return Path('mine')


def test_a_training_can_be_resumed_and_repeats_itself(tgan, trained):
    assert (trained / 'preview' / 'image_img_00000008.png').exists()
    assert [entry['iteration'] for entry in read_log(trained)] == [2, 4, 6, 8]
    for folder in ('a', 'b'):
        tgan('train', '--resume', trained / 'snapshot_iter_4.npz', '--branch', '--out', folder)
    assert differing(Path('a'), Path('b'), 8) == set()
    # That it went on from there, and not from the start.
    assert read_log(Path('a'))[:2] == read_log(trained)[:2]


def test_videos_scores_and_a_battle_of_a_trained_system(
        gpu, tgan, trained, make_result, small_experiment, capsys):
    tgan('infer', '--result_dir', trained, '--n', 4, '--images')
    images = [np.asarray(Image.open(path)) for path in Path('infer').glob('*.png')]
    assert len(images) == 4 and all(image.std() > 0 for image in images)
    n = 1 if gpu < 0 else 8    # C3D takes its time on a CPU
    tgan('calc-inception', '--result_dir', trained, '--rehearsal', '--calc_iter', n,
         '--batchsize', n)
    assert 'rehearsal (no measurement): ' in capsys.readouterr().out
    other = make_result('other', small_experiment, seed=1)
    tgan('gam', '--result_dir', trained, other, '--n', 3, '--calibration', 3, '--batchsize', 3)
    assert 'GAM' in capsys.readouterr().out


def test_one_rank_of_chainermn_trains_as_no_rank_does(gpu, trained, small_experiment):
    pytest.importorskip('mpi4py.MPI', reason='no MPI here: the extra [mpi] brings it',
                        exc_type=(ImportError, RuntimeError))
    if gpu >= 0 and not pytest.importorskip('cupy').cuda.nccl.available:
        pytest.skip('CuPy finds no NCCL')
    # A process of its own, whose MPI ends with it.
    done = subprocess.run(
        [sys.executable, '-m', 'tgan_chainer', 'train', '--config_path', str(small_experiment),
         '--out', 'ranks', '--communicator', 'naive' if gpu < 0 else 'pure_nccl'],
        env=os.environ | {'PYTHONPATH': str(ROOT), 'OMPI_ALLOW_RUN_AS_ROOT': '1',
                          'OMPI_ALLOW_RUN_AS_ROOT_CONFIRM': '1'}, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(Path('ranks/record.json').read_text())[0]['ranks'] == 1
    assert differing(trained, Path('ranks'), 8) == set()
