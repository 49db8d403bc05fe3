"""The fuzzer: a few hundred inputs a reader, and readers that are known to be bad."""
import mmap
import os
import re
import signal
import subprocess

import pytest

from tgan_chainer import config
from tgan_chainer.errors import ConfigError, DataError
from trust import fuzz
from trust.fuzz import targets, worker
from trust.fuzz.targets import TARGETS, Target


@pytest.mark.parametrize('name', TARGETS)
def test_readers_refuse_or_read(name, tmp_path):
    row = fuzz.fuzz(name, seed=1, n_inputs=120, folder=tmp_path)
    assert row['failures'] == 0, [path.read_text() for path in tmp_path.glob('*.txt')]
    assert row['accepted'] + row['refused'] == row['inputs']
    assert row['refused'] and not list(tmp_path.iterdir())


def test_an_input_is_made_again_from_its_number():
    for name, target in TARGETS.items():
        seeds = target.seeds()
        first = [worker.make_input(name, 3, index, seeds) for index in range(20)]
        assert first == [worker.make_input(name, 3, index, seeds) for index in range(20)]
        assert len(set(first)) > 5


def refuse_or(act):
    """A reader that acts on one input in ten, refuses a third and reads the rest."""
    def read(path):
        content = path.read_bytes()
        if content == b'seed':
            return
        if content[0] % 10 == 0:
            act()
        if content[0] % 3 == 0:
            raise DataError(f'{path} is bad')
    return read


def take_memory():
    # Not from the heap: after other tests it has that much to give without growing.
    with mmap.mmap(-1, 2 ** 29) as memory:
        for start in range(0, len(memory), mmap.PAGESIZE):
            memory[start] = 1


def loop():
    while True:
        pass


@pytest.mark.parametrize('act, message', [
    (lambda: [].pop(), 'IndexError'),
    (take_memory, 'memory in use grew|Cannot allocate memory'),
    (loop, 'more than 0.2 seconds'),
    (lambda: os.kill(os.getpid(), signal.SIGSEGV), 'ended with code -11'),
    (lambda: signal.pause(), 'no answer'),
    (lambda: open('/etc/hostname').close(), 'open /etc/hostname'),
    (lambda: open('harmed', 'w').close(), 'open .*harmed'),
    (lambda: subprocess.run(['true']), 'subprocess.Popen'),
    (lambda: os.system('true'), 'os.system'),
], ids=['IndexError', 'memory', 'time', 'crash', 'hang', 'open', 'write', 'run', 'system'])
def test_what_a_bad_reader_does_is_found(act, message, tmp_path, monkeypatch):
    target = Target('bad', 'x', 'x', lambda: [b'seed'],
                    lambda rng, seeds: bytes([rng.randrange(1, 21)]),
                    lambda folder: lambda: refuse_or(act)(folder / 'x'))
    monkeypatch.setitem(targets.TARGETS, 'bad', target)
    # Long where time is not what is tested: a busy machine takes its own for 300 MB.
    monkeypatch.setattr(worker, 'SECONDS', 0.2 if act is loop else 10)
    monkeypatch.setattr(worker, '_HANG_SECONDS', 3)
    monkeypatch.chdir(tmp_path)
    row = fuzz.fuzz('bad', 0, 14, tmp_path / 'found')
    assert row['failures'] and row['accepted'] and row['refused']
    assert row['failures'] + row['accepted'] + row['refused'] == 14

    for path in (tmp_path / 'found').glob('*.txt'):
        assert re.search(message, path.read_text())
        assert path.with_suffix('').read_bytes()[0] % 10 == 0


def test_exit_codes(tmp_path, monkeypatch, capsys):
    flags = ['--inputs', '20', '--failures', str(tmp_path / 'found')]
    assert fuzz.main(['--only', 'record', *flags, '--json', str(tmp_path / 'j.json')]) == 0
    assert 'record      records of starts' in capsys.readouterr().out
    bad = Target('bad', 'x', 'x', lambda: [b'seed'], lambda rng, seeds: b'\x0a',
                 lambda folder: lambda: refuse_or(lambda: [].pop())(folder / 'x'))
    monkeypatch.setitem(targets.TARGETS, 'bad', bad)
    assert fuzz.main(['--only', 'bad', *flags]) == 1
    assert 'FAILED: ' in capsys.readouterr().err
    assert fuzz.main(['--only', 'nothing', *flags]) == 2
    assert 'found nothing, expected some of config' in capsys.readouterr().err


# -- experiments, which once did what is named beside them -----------------------------------------

LAUGHS = 'a0: &a0 {}\n' + ''.join(
    f'a{k}: &a{k} {{' + ', '.join(f'x{n}: *a{k - 1}' for n in range(10)) + '}\n'
    for k in range(1, 12))


@pytest.mark.parametrize('text', [
    LAUGHS,                                         # 10 ** 11 steps
    LAUGHS.replace('{', '[').replace('}', ']').replace('x0: ', '').replace('x1: ', ''),
    'batchsize: !!int ""',                          # IndexError
    'batchsize: ' + ':'.join(['1'] * 400) + '.5',   # OverflowError
    'seed: 0x' + 'f' * 6000,                        # ValueError, in making the message
    'vgen: {}',                                     # AttributeError
    'batchsize: !!timestamp never',                 # AttributeError
    'a: ' + '[' * 5000,                             # RecursionError
    '# ' + 'x' * 2 ** 16,                           # any time that the file is long enough for
], ids=range(9))
def test_hostile_experiments(text, tmp_path):
    (tmp_path / 'x.yml').write_text(text)
    with pytest.raises(ConfigError, match='x.yml: '):
        config.load(tmp_path / 'x.yml')
