"""Freed memory stays with a process that asked for it."""
import subprocess
import sys

CODE = '''
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


def test_large_blocks_are_kept():
    subprocess.run([sys.executable, '-c', CODE], check=True)
