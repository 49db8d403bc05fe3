"""What a result folder says about its starts."""
import signal
import subprocess
import sys
import textwrap

import pytest

from tgan_chainer import config
from tgan_chainer.errors import SnapshotError
from tgan_chainer.training import record


@pytest.mark.parametrize('content, message', [
    (b'[{', 'is damaged'), (b'\xff', 'is damaged'), (b'[' * 100_000, 'is damaged'),
    (b'{"seed": 0}', 'found dict, expected a list of starts'),
    (b'null', 'found NoneType, expected a list of starts'),
])
def test_a_damaged_record(tmp_path, content, message):
    path = tmp_path / 'record.json'
    path.write_bytes(content)
    with pytest.raises(SnapshotError, match=f'record.json: .*{message}.*move it away'):
        record.read_record(path)


def test_no_record(tmp_path):
    assert record.read_record(tmp_path / 'record.json') == []
    (tmp_path / 'record.json').mkdir()
    with pytest.raises(SnapshotError, match='is damaged'):
        record.read_record(tmp_path / 'record.json')


def test_sources_are_whole_or_not_there(small_experiment, tmp_path):
    """The process kills itself before the third file has its name."""
    script = textwrap.dedent(f'''
        import os, signal, sys
        from tgan_chainer import config
        from tgan_chainer.training import record
        from pathlib import Path
        renamed = []
        def hear(event, arguments):
            if event == 'os.rename':
                renamed.append(arguments)
                if len(renamed) == 3:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(hear)
        record.copy_sources(Path({str(tmp_path / 'source')!r}),
                            config.load({str(small_experiment)!r}))
    ''')
    ended = subprocess.run([sys.executable, '-c', script])
    assert ended.returncode == -signal.SIGKILL
    found = sorted(path.name for path in (tmp_path / 'source').glob('[!.]*'))
    assert found == ['frame_seed_generator.py', 'small.yml']
    record.copy_sources(tmp_path / 'source', config.load(str(small_experiment)))
    assert len(list((tmp_path / 'source').glob('[!.]*'))) == 6
