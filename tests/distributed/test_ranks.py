import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from tgan_chainer import train
from tgan_chainer.distributed import connect
from tgan_chainer.errors import ConfigError

PROGRAM = Path(__file__).with_name('ranks_program.py')


@pytest.fixture(scope='module', params=[2, 3])
def found(request, start, tmp_path_factory):
    """What the program's ranks wrote, by rank."""
    folder, n = tmp_path_factory.mktemp('ranks'), request.param
    code, out, err = start(n, [PROGRAM, folder], folder).end()
    assert code == 0, out + err
    return SimpleNamespace(
        n=n, texts=[json.loads((folder / f'rank{rank}.json').read_text()) for rank in range(n)],
        arrays=[dict(np.load(folder / f'rank{rank}.npz')) for rank in range(n)])


def test_parameters_and_statistics_are_equal_after_every_update(found):
    for case in found.texts[0]['digests']:
        digests = [texts['digests'][case] for texts in found.texts]
        assert all(of_rank == digests[0] for of_rank in digests), case
        assert len(set(digests[0])) == 3, case    # every update, from the first, changed them


def test_ranks_follow_one_process_with_the_whole_batch(found):
    # Not compared: biases before a normalisation, whose gradient is rounding noise that RMSprop
    # turns into steps, and the means that they move (docs/differences.md).
    noise = {f'fsgen/{key}' for i in range(4) for key in (f'dc{i}/b', f'bn{i}/avg_mean')} | {
        f'vdis/{key}' for i in range(1, 4) for key in (f'c{i}/b', f'bn{i}/avg_mean')}
    together, n = found.arrays[0], 0
    for key, alone in together.items():
        if key.startswith('alone/') and (key := key.removeprefix('alone/')) not in noise:
            # 1e-9: that of all float64 trajectories (README.md); 2e-11 was found.
            np.testing.assert_allclose(together[f'together/{key}'], alone, atol=1e-9, rtol=1e-9,
                                       err_msg=key)
            n += 1
    assert n > 50
    weights = [together[f'together/vdis/c{i}/W'] for i in range(4)]    # clipped ones
    assert abs(max(np.linalg.norm(W.reshape(len(W), -1), 2) for W in weights) - 1) < 1e-9


def test_shares_cover_the_data_set_and_a_node_s_cores(found):
    shares = [texts['indices'] for texts in found.texts]
    assert {len(share) for share in shares} == {-(-7 // found.n)}
    assert set().union(*shares) == set(range(7))
    assert [i for share in shares for i in share] != sorted(i for share in shares for i in share)
    assert found.texts[0]['shape'] == [16, 1, 64, 64]
    assert {texts['threads'] for texts in found.texts} == {max(1, os.cpu_count() // found.n)}


def test_the_mean_of_gradients_that_are_not_contiguous(found):
    mean = sum(range(1, found.n + 1)) / found.n
    for arrays in found.arrays:
        # 1e-6: float32 of order one.
        np.testing.assert_allclose(
            arrays['strided'], -np.arange(6).reshape(2, 3) * mean, rtol=1e-6)


@pytest.mark.parametrize('case, message', [
    ('of the last', 'ConfigError: rank {last}: of {last}'),
    ('of all', 'ConfigError: of 0'),
    ('of the first', 'ConfigError: of 0'),
    ('gpu', 'ConfigError: --gpu 0: --communicator decides on the device'),
    ('unknown', 'ConfigError: --communicator flat: unknown; expected one of naive, pure_nccl'),
    ('no gpus', 'DeviceError: --communicator pure_nccl: found 0 GPUs for {n} ranks on '),
])
def test_an_error_of_one_ends_all_and_is_told_once(found, case, message):
    first, *others = [texts['errors'][case] for texts in found.texts]
    assert first.startswith(message.format(last=found.n - 1, n=found.n))
    assert set(others) == {2}


# -- the flag --communicator where it cannot be used, and where it is not --------------------------

def test_without_the_flag_nothing_of_mpi_is_imported():
    code = ('import sys; import tgan_chainer.train; '
            'from tgan_chainer.distributed import connect; assert connect(None).size == 1; '
            'sys.exit(any(name.startswith(("mpi4py", "chainermn")) for name in sys.modules))')
    assert subprocess.run([sys.executable, '-c', code], timeout=60).returncode == 0


def test_without_mpi4py(monkeypatch, refused):
    monkeypatch.setitem(sys.modules, 'mpi4py', None)    # as if it could not be imported
    assert 'naive: mpi4py is not installed or cannot start (import of mpi4py halted; None in ' \
        'sys.modules); the extra [mpi] brings it' in refused(train.main, '--communicator', 'naive')


@pytest.mark.parametrize('name', ['OMPI_COMM_WORLD_SIZE', 'PMI_SIZE'])
def test_several_processes_without_the_flag(monkeypatch, name):
    monkeypatch.setenv(name, '3')
    with pytest.raises(ConfigError, match=f'3 processes were started .{name}.*add --communicator'):
        connect(None)
    monkeypatch.setenv(name, '1')
    assert connect(None).size == 1
