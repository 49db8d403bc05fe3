"""Flags of the commands, and what is not imported to read them."""
import subprocess
import sys
from pathlib import Path

import pytest

from tgan_chainer.commands.train import parse_args
from tgan_chainer.errors import EXIT_USER_ERROR
from tgan_chainer.links.batch_normalization import BATCH_NORMS

ROOT = Path(__file__).parents[2]

SLOW = {'av', 'chainer', 'cupy', 'h5py', 'matplotlib', 'numba', 'pandas', 'PIL', 'pydantic',
        'tqdm', 'yaml'}

ASK = """\
import runpy, sys
sys.argv = [*{argv}, '--help']
try:
    {run}
except SystemExit as end:
    assert end.code == 0
print(*sys.modules, file=sys.stderr)
"""


@pytest.mark.parametrize('name', ['train', 'infer', 'interpolate'])
def test_help_waits_for_no_slow_import(name):
    script = str(ROOT / f'{name}.py')
    ways = [(['-m', name], "runpy.run_module('tgan_chainer', run_name='__main__')")]
    if name != 'interpolate':    # ours: no script at the root
        ways.append(([script], f"runpy.run_path({script!r}, run_name='__main__')"))
    for argv, run in ways:
        asked = subprocess.run([sys.executable, '-c', ASK.format(argv=argv, run=run)], cwd=ROOT,
                               capture_output=True, text=True)
        assert asked.stdout.startswith(f'usage: tgan {name}'), asked.stderr
        loaded = set(asked.stderr.split())
        assert f'tgan_chainer.commands.{name}' in loaded
        assert not loaded & SLOW


def test_flags_know_every_batch_norm():
    for name in BATCH_NORMS:
        assert parse_args(['--batch_norm', name]).batch_norm == name


@pytest.mark.parametrize('flags', [
    ['--resume', 'x', '--out', 'y'], ['--iterations', '3', '--epoch', '2'],
    ['--batch_norm', 'global'],
])
def test_flags_that_contradict_each_other(flags):
    with pytest.raises(SystemExit) as caught:
        parse_args(flags)
    assert caught.value.code == EXIT_USER_ERROR
