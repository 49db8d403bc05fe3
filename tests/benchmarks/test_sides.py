"""The line protocol, from both ends, and workers that misbehave."""
import ast
import os
import signal
import sys
import textwrap
from pathlib import Path

import pytest

from benchmarks import sides
from benchmarks.sides import NotRunError, Options, SideError, Sides, Worker
from tgan_chainer.errors import ConfigError

FOLDER = Path(sides.__file__).parent

PROGRAM = '''
import os, sys
sys.path.insert(0, {folder!r})
import protocol


class Work:
    def __init__(self, **args):
        print('noise on stdout')
        self.facts = args
        self.runs = 0

    def run(self):
        self.runs += 1
        return {{'seconds': [self.runs]}}


class Large(Work):
    def run(self):
        self.memory = b'x' * (64 << 20)
        return {{'seconds': [0]}}


def broken(**args):
    raise ValueError('no such\\n size')


def dies(**args):
    for i in range(30):
        print('line', i, file=sys.stderr)
    sys.stderr.flush()
    os._exit(3)


def missing(**args):
    raise protocol.UnavailableError('no library: install it')


protocol.serve({environment}, {{'work': Work, 'large': Large, 'broken': broken, 'dies': dies,
                                'missing': missing}})
'''


@pytest.fixture
def start(tmp_path):
    """Function (program, environment function) -> a worker, which ends with the test."""
    workers = []

    def started(program=PROGRAM, environment="lambda: {'python': 'here'}"):
        path = tmp_path / 'worker.py'
        path.write_text(textwrap.dedent(program.format(
            folder=str(FOLDER), environment=environment)))
        workers.append(Worker([sys.executable, str(path)]))
        return workers[-1]

    yield started
    for worker in workers:
        worker.close()


def test_requests_and_answers(start):
    worker = start()
    assert worker.description == {'python': 'here'}
    assert worker.prepare('a', 'work', size=3) == {'size': 3}
    worker.prepare('b', 'work')
    assert [worker.run('a')['seconds'] for _ in range(2)] == [[1], [2]]
    assert worker.run('b')['seconds'] == [1]
    worker.forget('a')
    with pytest.raises(SideError, match="KeyError: 'a'"):
        worker.run('a')
    assert worker.run('b')['seconds'] == [2]


def test_an_error_is_told_and_the_worker_goes_on(start):
    worker = start()
    with pytest.raises(SideError, match='ValueError: no such size; its last lines:\n.*Traceback'):
        worker.prepare('a', 'broken')
    with pytest.raises(NotRunError, match='no library: install it'):
        worker.prepare('a', 'missing')
    assert worker.alive
    worker.prepare('a', 'work')


def test_the_last_lines_of_a_worker_that_dies(start):
    worker = start()
    with pytest.raises(SideError) as caught:
        worker.prepare('a', 'dies')
    message = str(caught.value)
    assert 'worker.py ended with exit code 3; its last lines:' in message
    assert message.splitlines()[1:] == [f'  line {i}' for i in range(18, 30)]
    assert not worker.alive
    with pytest.raises(SideError, match='ended with exit code 3'):
        worker.run('a')


def test_a_worker_that_is_killed(start):
    worker = start()
    os.kill(worker._process.pid, signal.SIGKILL)
    with pytest.raises(SideError, match='ended with exit code -9; its last lines:\n  it printed'):
        worker.prepare('a', 'work')


def test_a_worker_that_cannot_work_here(start):
    with pytest.raises(NotRunError, match='no library: install it'):
        start(environment='missing')
    with pytest.raises(SideError, match='ValueError: no such size'):
        start(environment='broken')


def test_a_worker_that_answers_something_else(start):
    with pytest.raises(SideError, match=r"answered 'hello\\n', expected a line of JSON"):
        start("print('hello')")


def test_a_program_that_is_not_there(tmp_path):
    with pytest.raises(SideError, match='cannot start .*no-python'):
        Worker([str(tmp_path / 'no-python')])


def test_peak_memory_is_that_of_the_process(start):
    worker = start()
    before = worker.peak()
    worker.prepare('a', 'large')
    worker.run('a')
    # 64 MB, but for what was free before.
    assert 60 << 20 < worker.peak() - before < 72 << 20
    worker.forget('a')
    assert worker.peak() - before > 60 << 20


def test_a_worker_that_ends_with_its_stdin(start):
    worker = start()
    worker.close()
    assert worker._process.returncode == 0


# -- which worker is started, and how --------------------------------------------------------------

def test_a_worker_is_started_once_and_again_after_its_death(monkeypatch, start):
    monkeypatch.setattr(Sides, 'start', lambda self, name: start())
    with Sides(Options()) as workers:
        first = workers.worker('ours')
        assert workers.worker('ours') is first
        with pytest.raises(SideError):
            first.prepare('a', 'dies')
        second = workers.worker('ours')
        assert second is not first and second.alive
        assert workers.descriptions == {'ours': {'python': 'here'}}
    assert not second.alive


def test_a_side_that_is_not_there_is_asked_once(monkeypatch):
    asked = []

    def start(self, name):
        asked.append(name)
        raise NotRunError('no library')

    monkeypatch.setattr(Sides, 'start', start)
    workers = Sides(Options())
    for _ in range(2):
        with pytest.raises(NotRunError, match='no library'):
            workers.worker('torch')
    assert asked == ['torch']


@pytest.fixture
def commands(monkeypatch):
    """What would be started, instead of a worker."""
    found = []
    monkeypatch.setattr(sides, 'Worker', lambda *args: found.append(args))
    return found


def test_commands(commands):
    workers = Sides(Options(upstream='some/checkout', python='py36', torch_python='env/pytorch'))
    for name in ('ours', 'chainer', 'torch', 'upstream'):
        workers.start(name)
    (ours, _), (chainer, _), (torch, _), (upstream, _) = commands
    assert ours == chainer == [sys.executable, '-m', 'benchmarks.ours_worker', '-1']
    assert torch == [os.path.abspath('env/pytorch'), str(FOLDER / 'torch_worker.py'), '-1']
    assert upstream == ['py36', str(FOLDER / 'upstream_worker.py'),
                        os.path.abspath('some/checkout')]


def test_every_side_has_the_same_threads_and_its_own_kernels(commands, monkeypatch):
    monkeypatch.setenv('TGAN_CPU_KERNELS', 'nonsense')
    monkeypatch.setenv('OMP_NUM_THREADS', '7')
    monkeypatch.setenv('PYTHONPATH', 'here')
    workers = Sides(Options(threads=3, upstream='checkout'))
    environments = {}
    for name in ('ours', 'chainer', 'torch', 'upstream'):
        workers.start(name)
        environments[name] = commands[-1][1]
    for environment in environments.values():
        assert {environment[f'{library}_NUM_THREADS'] for library in (
            'OMP', 'OPENBLAS', 'MKL', 'TGAN')} == {'3'}
    assert 'TGAN_CPU_KERNELS' not in environments['ours']
    assert environments['chainer']['TGAN_CPU_KERNELS'] == 'chainer'
    assert environments['ours']['PYTHONPATH'] == 'here'
    assert 'PYTHONPATH' not in environments['torch'].keys() | environments['upstream'].keys()


def test_the_checkout_has_to_be_named_and_runs_on_the_cpu():
    with pytest.raises(NotRunError, match='--upstream DIR'):
        Sides(Options()).worker('upstream')
    with pytest.raises(NotRunError, match='leave out --gpu'):
        Sides(Options(upstream='checkout', gpu=0)).worker('upstream')


def test_threads(monkeypatch):
    monkeypatch.delenv('TGAN_NUM_THREADS', raising=False)
    assert sides.default_threads() == len(os.sched_getaffinity(0))
    assert sides.default_threads(quick=True) == 1
    monkeypatch.setenv('TGAN_NUM_THREADS', '5')
    assert sides.default_threads() == sides.default_threads(quick=True) == 5
    monkeypatch.setenv('TGAN_NUM_THREADS', 'all')
    with pytest.raises(ConfigError, match="TGAN_NUM_THREADS is 'all'; expected a positive"):
        sides.default_threads()


# -- the programs that run elsewhere ---------------------------------------------------------------

def test_what_may_run_on_chainer_2_is_python_3_6():
    for name in ('protocol', 'recipe', 'upstream_worker'):
        ast.parse((FOLDER / f'{name}.py').read_text(), feature_version=(3, 6))


def test_without_pytorch(tmp_path):
    (tmp_path / 'torch.py').write_text('raise ImportError("none here")')
    program = ('import runpy, sys; sys.path[0] = {!r}; sys.path.insert(0, {!r}); '
               'sys.argv = ["torch_worker.py", "-1"]; '
               'runpy.run_path({!r}, run_name="__main__")').format(
        str(FOLDER), str(tmp_path), str(FOLDER / 'torch_worker.py'))
    with pytest.raises(NotRunError, match='PyTorch is not installed for .*--torch-python PY'):
        Worker([sys.executable, '-c', program])


STAND_IN = Path(__file__).parents[1] / 'parity' / 'stand_in'


def test_a_folder_that_is_no_checkout(tmp_path):
    with pytest.raises(NotRunError, match='is no checkout of pfnet-research/tgan'):
        Worker([sys.executable, str(FOLDER / 'upstream_worker.py'), str(tmp_path)])
