"""Freed memory stays with a process that asked for it."""
import subprocess
import sys

CODE = '''
import gc, sys
import numpy as np
from tgan_chainer.commands.run import keep_freed_memory

def resident():
    with open('/proc/self/statm') as file:
        return int(file.read().split()[1]) * 4096

if sys.argv[1] == 'keep':
    keep_freed_memory()
before = resident()
array = np.ones(1 << 26, np.uint8)
del array
gc.collect()
print(resident() - before)
'''


def kept(option):
    """Bytes that stay with a process after 64 MiB have come and gone."""
    result = subprocess.run([sys.executable, '-c', CODE, option], capture_output=True, text=True,
                            check=True)
    return int(result.stdout)


def test_large_blocks_are_kept():
    assert kept('default') < 1 << 25 < kept('keep')
