import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import sides
from benchmarks.sides import STAND_IN, NotRunError, Worker, WorkerError, busy_neighbours

FOLDER = Path(sides.__file__).parent

PROGRAM = f'''
import os, sys
sys.path[:0] = {[str(FOLDER), str(FOLDER.parent / 'parity')]!r}
import recipe, serving


def work(**args):
    print('noise on stdout')
    runs = []
    return lambda: runs.append(0) or {{'seconds': len(runs), **args}}


def large():
    memory = []
    return lambda: memory.append(b'x' * (64 << 20)) or {{'seconds': 0}}


def broken():
    raise ValueError('no such\\n size')


def dies():
    os._exit(3)


works = {{f.__name__: f for f in (work, large, broken, dies)}}
serving.serve(works.get(sys.argv[1], lambda: (works, {{'python': 'here'}})),
              lambda: {{'peak': recipe.peak_memory()}})
'''


@pytest.fixture
def start():
    """Function (what becomes of the worker as it starts) -> a worker, which ends with the test."""
    with contextlib.ExitStack() as workers:
        yield lambda outcome='good', program=PROGRAM: workers.enter_context(contextlib.closing(
            Worker('a worker', [sys.executable, '-c', program, outcome], os.environ)))


def test_requests_and_answers(start):
    worker = start()
    assert worker.description == {'python': 'here'}
    # The same request is another repetition.
    assert [worker.run('work', {'size': 3})['seconds'] for _ in range(2)] == [1, 2]
    assert worker.run('work', {'size': 4})['seconds'] == 1
    assert worker.run('work', {'size': 3})['size'] == 3
    with pytest.raises(WorkerError, match=r'^a worker: ValueError: no such size \(<string>, line'):
        worker.run('broken', {})
    assert worker.run('work', {'size': 4})['seconds'] == 2    # it goes on
    worker.forget()
    assert worker.run('work', {'size': 4})['seconds'] == 1
    worker.close()
    assert worker._process.returncode == 0


def test_a_worker_that_cannot_work_here(start):
    with pytest.raises(WorkerError, match='ValueError: no such size'):
        start('broken')
    with pytest.raises(WorkerError, match=r"answered 'hello\\n', expected a line of JSON"):
        start(program="print('hello')")


def test_peak_memory_is_that_of_the_process(start):
    worker = start()
    before = worker.run('work', {})['peak']
    # 64 MB, but for what was free before.
    assert 60 << 20 < worker.run('large', {})['peak'] - before < 72 << 20
    worker.forget()
    assert worker.run('work', {})['peak'] - before > 60 << 20


def test_a_worker_is_started_once_and_again_after_its_death(quick, start):
    quick.start = lambda name: start()
    with quick as session:
        first = session.worker('ours')
        assert session.worker('ours') is first
        with pytest.raises(WorkerError, match='ended with exit code 3: it printed nothing'):
            first.run('dies', {})
        second = session.worker('ours')
        assert second is not first and second.alive
        assert session.descriptions == {'ours': {'python': 'here'}}
    assert not second.alive


def test_commands_and_environments(monkeypatch, quick):
    for name, value in (('TGAN_CPU_KERNELS', 'chainer'), ('OMP_NUM_THREADS', '7'),
                        ('PYTHONPATH', 'here')):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sides, 'Worker', lambda _, *args: args)
    vars(quick.options).update(upstream='some/checkout', python='py36', threads=3,
                               torch_python='env/pytorch')
    for name, path, *command in (
            ('ours', 'here', sys.executable, '-m', 'benchmarks.ours_worker', '-1'),
            ('authors', None, 'py36', str(FOLDER / 'upstream_worker.py'),
             os.path.abspath('some/checkout'), '-1'),
            ('torch', None, os.path.abspath('env/pytorch'), str(FOLDER / 'torch_worker.py'), '-1')):
        found, environment = sides.Session.start(quick, name)
        assert (found, environment.get('PYTHONPATH')) == (command, path)
        assert {environment[f'{library}_NUM_THREADS'] for library in (
            'OMP', 'OPENBLAS', 'MKL', 'NUMBA', 'TGAN')} == {'3'}
        assert 'TGAN_CPU_KERNELS' not in environment
    vars(quick.options).update(upstream=None, python=None, gpu=1)
    assert sides.Session.start(quick, 'authors')[0] == [
        sys.executable, str(FOLDER / 'upstream_worker.py'), str(STAND_IN), '1']


def test_busy_neighbours_end_with_the_block_and_with_their_parent():
    program = ('from benchmarks.sides import busy_neighbours; import os, time\n'
               'with busy_neighbours(2): time.sleep(0.2); os._exit(0)')
    group = subprocess.Popen([sys.executable, '-c', program], start_new_session=True,
                             cwd=FOLDER.parent)
    assert group.wait() == 0
    with pytest.raises(ProcessLookupError):
        for _ in range(500):
            os.killpg(group.pid, 0)
            signal.sigtimedwait([], 0.01)

    with busy_neighbours(1) as (neighbour,):
        assert neighbour.poll() is None
    assert neighbour.poll() is not None


def test_without_pytorch(tmp_path):
    (tmp_path / 'torch.py').write_text('raise ImportError("none here")')
    program = (f'import runpy, sys; sys.path[:1] = [{str(tmp_path)!r}, {str(FOLDER)!r}]; '
               'sys.argv = ["torch_worker.py", "-1"]; '
               f'runpy.run_path({str(FOLDER / "torch_worker.py")!r}, run_name="__main__")')
    with pytest.raises(NotRunError, match='PyTorch is not installed for .*--torch-python PY'):
        Worker('a worker', [sys.executable, '-c', program], os.environ)
