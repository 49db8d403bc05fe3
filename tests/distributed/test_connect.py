"""The flag --communicator where it cannot be used, and where it is not."""
import subprocess
import sys

import pytest

from tgan_chainer import train
from tgan_chainer.distributed import connect
from tgan_chainer.errors import EXIT_USER_ERROR, ConfigError


def test_without_the_flag_nothing_of_mpi_is_imported():
    code = ('import sys; import tgan_chainer.train; '
            'from tgan_chainer.distributed import connect; '
            'assert connect(None).size == 1; '
            'sys.exit(any(name.startswith(("mpi4py", "chainermn")) for name in sys.modules))')
    assert subprocess.run([sys.executable, '-c', code], timeout=60).returncode == 0


def test_without_mpi4py(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, 'mpi4py', None)    # as if it could not be imported
    assert train.main(['--communicator', 'naive']) == EXIT_USER_ERROR
    err = capsys.readouterr().err
    assert err.startswith('error: --communicator naive: mpi4py is not installed or cannot start')
    assert 'the extra [mpi] brings it' in err


@pytest.mark.parametrize('name', ['OMPI_COMM_WORLD_SIZE', 'PMI_SIZE'])
def test_several_processes_without_the_flag(monkeypatch, name):
    monkeypatch.setenv(name, '3')
    with pytest.raises(ConfigError, match=f'3 processes were started .{name}.*add --communicator'):
        connect(None)
    monkeypatch.setenv(name, '1')
    assert connect(None).size == 1
