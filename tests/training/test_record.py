"""What a result folder says about its starts."""
import signal
import subprocess
import sys
import textwrap

from tgan_chainer import config
from tgan_chainer.training import record


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
