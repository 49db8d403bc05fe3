import json
import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest
import yaml

from tests.conftest import differing
from tgan_chainer import infer, train
from tgan_chainer.errors import EXIT_DIVERGED, EXIT_USER_ERROR
from tgan_chainer.io import snapshots

EXIT_FAULT = 1    # Python's own

ROOT = Path(__file__).parents[2]
FAULTY = Path(__file__).with_name('faulty_train.py')


@pytest.fixture(scope='module')
def folder(tmp_path_factory, moving_mnist, shrunk):
    """A folder with tgan.yml, which has a log, and small.yml without G0: trained in seconds."""
    folder = tmp_path_factory.mktemp('training')
    for name, system, display in (('tgan.yml', 'wgan_svd', 2),
                                  ('small.yml', '3d-model_wgan_svd', 1000)):
        document = shrunk(f'configs/moving_mnist/mnist_{system}_zdim-100_no-beta-all_'
                          'init-uniform-all.yml')
        document['dataset']['args']['dataset_path'] = str(moving_mnist)
        document['updater']['args']['freq'] = 2
        document.update(batchsize=2, iterations=1000, snapshot_interval=2, preview_interval=1000,
                        preview_videos=1, display_interval=display)
        (folder / name).write_text(yaml.safe_dump(document))
    return folder


@pytest.fixture
def training(start, folder):
    def start_training(n, *flags, program=ROOT / 'train.py', config='small.yml'):
        flags = [*flags, *([] if '--resume' in flags else ['--config_path', config])]
        return start(n, [program, *flags, '--communicator', 'naive'], folder)
    return start_training


def last_iteration(result):
    return int(re.search(r'\d+', snapshots.latest_trainer(result).name).group())


def assert_usable(result, folder, monkeypatch):
    monkeypatch.chdir(folder)
    end = last_iteration(result) + 1
    assert train.main(['--resume', str(result), '--iterations', str(end)]) == 0
    assert last_iteration(result) == end


def test_one_rank_is_the_run_without_mpi(training, folder, monkeypatch):
    job = training(None, '--out', 'one', '--iterations', '3', config='tgan.yml')
    monkeypatch.chdir(folder)
    assert train.main(['--config_path', 'tgan.yml', '--out', 'none', '--iterations', '3']) == 0
    code, _, err = job.end()
    assert code == 0, err
    for iteration in (2, 3):
        assert not differing(folder / 'one', folder / 'none', iteration)


def test_a_signal_to_one_rank_then_resume_on_two_on_three_on_one(
        training, folder, monkeypatch, capsys):
    job = training(2, '--out', 'parts', '--batch_norm', 'multi_node')
    job.wait_for(folder / 'parts' / 'snapshot_iter_2.npz')
    os.kill(job.ranks()[1], signal.SIGINT)
    code, out, err = job.end()
    assert code == 0, err
    assert 'Traceback' not in err
    stopped = int(re.search(r'stopped by SIGINT at iteration (\d+)', out).group(1))
    assert out.count('stopped by') == out.count('writing to parts') == 1
    assert last_iteration(folder / 'parts') == stopped < 1000

    end = stopped + 3
    resumed = training(2, '--resume', 'parts', '--iterations', str(end)).end()
    assert resumed[0] == 0, resumed[2]
    whole = training(2, '--out', 'whole', '--iterations', str(end), '--batch_norm',
                     'multi_node').end()
    assert whole[0] == 0, whole[2]
    assert not differing(folder / 'whole', folder / 'parts', end)
    with np.load(folder / 'whole' / snapshots.TRAINER.format(end)) as archive:
        latent = [archive[f'extensions/{key}/numpy_keys']
                  for key in ('random_state', 'snapshot/rank_1/random_state')]
    assert (latent[0] != latent[1]).any()
    assert 'batch_norm: multi_node' in (folder / 'parts' / 'config.yml').read_text()

    job = training(3, '--resume', 'parts', '--iterations', '1000')
    job.wait_for(folder / 'parts' / f'snapshot_iter_{end + 2 - end % 2}.npz')
    job.process.send_signal(signal.SIGUSR1)    # mpiexec passes this one on
    code, out, err = job.end()
    assert code == 0, err
    assert 'is of 2 rank(s), this training has 3' in out
    assert re.search(r'stopped by SIGUSR1 at iteration \d+', out)

    capsys.readouterr()
    assert_usable(folder / 'parts', folder, monkeypatch)
    assert 'is of 3 rank(s), this training has 1' in capsys.readouterr().out
    assert infer.main(['--result_dir', 'whole', '--iter', str(end), '--gpu', '-1', '--images',
                       '--n', '1']) == 0


def test_what_rank_0_writes(training, folder):
    job = training(2, '--out', 'files', '--iterations', '2', program=FAULTY, config='tgan.yml')
    code, _, err = job.end()
    assert code == 0, err
    losses = [json.loads((folder / f'losses.{rank}').read_text()) for rank in (0, 1)]
    entry, = json.loads((folder / 'files' / 'log').read_text())
    for key in ('vdis/loss_gen', 'vdis/loss_dis'):
        of_ranks = np.array([of_rank[key] for of_rank in losses])
        assert of_ranks.shape == (2, 2) and (of_ranks[0] != of_ranks[1]).all()
        # 1e-6: float32 losses of order 0.1.
        np.testing.assert_allclose(entry[key], of_ranks.mean(), atol=1e-6)
    assert {path.name for path in (folder / 'files' / 'preview').iterdir()} == {
        'image_img_00000002.png',
        *(f'video_00000002.{suffix}' for suffix in ('avi', 'mov', 'gif'))}
    start, = json.loads((folder / 'files' / 'record.json').read_text())
    assert '--communicator naive' in start['command_line']
    assert start['ranks'] == 2


@pytest.mark.parametrize('whom', ['rank', 'mpiexec'])
def test_a_job_that_is_ended_leaves_a_usable_snapshot(training, folder, monkeypatch, whom):
    job = training(2, '--out', whom)
    job.wait_for(folder / whom / 'snapshot_iter_2.npz')
    if whom == 'rank':
        os.kill(job.ranks()[1], signal.SIGKILL)
    else:
        job.process.send_signal(signal.SIGTERM)
    code, _, err = job.end()
    assert code != 0
    assert ('exited on signal 9 (Killed)' in ' '.join(err.split())) == (whom == 'rank')
    assert_usable(folder / whom, folder, monkeypatch)


@pytest.mark.parametrize('fault, expected_code, message', [
    ('exception', EXIT_FAULT, 'RuntimeError: a fault of rank 1'),
    ('nan', EXIT_DIVERGED, 'error: rank 0: iteration 3: vdis/loss_gen is nan'),
])
def test_a_fault_of_one_rank_ends_all(
        training, folder, monkeypatch, fault, expected_code, message):
    monkeypatch.setenv('FAULT', fault)
    code, _, err = training(2, '--out', fault, program=FAULTY).end()
    assert message in err
    assert code == expected_code
    assert last_iteration(folder / fault) == 2


def test_an_error_before_the_training_is_one_message(training, folder):
    code, _, err = training(2, '--out', 'large', '--batchsize', '4').end()
    assert code == EXIT_USER_ERROR
    assert err.count('error: ') == 1
    assert ('batchsize: found 4, but the data set holds 6 videos, 3 for each of 2 ranks' in err)
    assert not (folder / 'large').exists()
