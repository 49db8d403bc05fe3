import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize('name, lanes', [('generic', '8'), ('skylake-avx512', '16')])
def test_vectors_are_those_of_the_target_of_numba(name, lanes):
    features = '+avx512f' if lanes == '16' else ''
    script = ('import numpy; from tgan_chainer.functions.cpu import tile; '
              'print(tile.lanes(numpy.dtype("f")))')
    result = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, check=True,
        env={**os.environ, 'NUMBA_CPU_NAME': name, 'NUMBA_CPU_FEATURES': features})
    assert result.stdout.split() == [lanes]
