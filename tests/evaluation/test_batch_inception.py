"""The command that scores several result folders."""
import csv
from pathlib import Path

import numpy as np
import pytest
import yaml

from tgan_chainer import config, snapshots
from tgan_chainer.errors import EXIT_USER_ERROR
from tgan_chainer.evaluation import batch_inception as command
from tgan_chainer.evaluation import calc_inception, classifier, ledger


@pytest.fixture
def folders(result, tmp_path):
    """Two result folders, the second of other networks."""
    other = tmp_path / 'results' / 'colour_1'
    other.mkdir()
    for path in result.iterdir():
        (other / path.name).write_bytes(path.read_bytes())
    _, vgen, _ = config.load(result / 'experiment.yml').build_models()
    snapshots.save(other / 'vgen_iter_5.npz', vgen)
    return result, other


@pytest.fixture
def run(tmp_path, folders, commands_classify, monkeypatch):
    """Function from flags to the exit code of the command for both folders, in tmp_path."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'dirs.yml').write_text(yaml.safe_dump([str(folder) for folder in folders]))
    return lambda *flags: command.main(
        ['--dir_list', 'dirs.yml', '--calc_iter', '2', '--batchsize', '1', *flags])


def read_table(path):
    with open(path, newline='') as file:
        return list(csv.reader(file))


def test_the_table(run, folders, tmp_path, capsys):
    assert run() == 0
    rows = read_table(tmp_path / 'results' / 'inception_0.txt')
    for row, folder in zip(rows, folders, strict=True):
        path, = (folder / 'ledger').iterdir()
        found = ledger.read(path)
        assert found.seeds == [0, 1, 2, 3] and found.std > 0
        assert found.value == np.mean(found.values) and found.std == np.std(found.values)
        assert row == [
            repr(found.value), repr(found.std), repr(max(found.values)), 'UCFDatasetAugmented',
            'VideoGeneratorInitUniform', '5', '4', '4', 'TGANUpdaterWGANClip', '16', 'True',
            'False', '32', str(folder)]
    assert rows[0][0] != rows[1][0]
    assert not list(tmp_path.rglob('*.part.npz'))


def test_what_was_measured_is_not_measured_again(run, folders, tmp_path, capsys, monkeypatch):
    assert run() == 0
    first = read_table(tmp_path / 'results' / 'inception_0.txt')
    monkeypatch.setattr(classifier.Classifier, '__call__', None)
    assert run() == 0
    assert capsys.readouterr().out.count(' was measured before: ') == 2
    assert read_table(tmp_path / 'results' / 'inception_1.txt') == first


def test_a_rehearsal_keeps_away_from_measurements(run, folders, tmp_path, capsys):
    assert run() == 0
    records = len(list((folders[0] / 'ledger').iterdir()))
    capsys.readouterr()
    assert run('--rehearsal') == 0
    assert len(list((folders[0] / 'ledger').iterdir())) == records
    assert not (tmp_path / 'results' / 'inception_1.txt').exists()
    table = read_table(tmp_path / 'results' / 'rehearsal' / 'inception_0.txt')
    assert [row[-1] for row in table[-2:]] == [
        f'rehearsal (no measurement): {folder}' for folder in folders]
    assert all(line.startswith('rehearsal (no measurement): ')
               for line in capsys.readouterr().out.splitlines())


def test_other_settings_are_another_measurement(run, folders, tmp_path):
    assert run() == run('--calc_iter', '1') == 0
    assert len(list((folders[0] / 'ledger').iterdir())) == 2


def test_interrupted_and_started_again(run, folders, tmp_path, monkeypatch):
    measure, calls = calc_inception.measure, []

    def interrupt(*args):
        calls.append(args)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return measure(*args)

    monkeypatch.setattr(calc_inception, 'measure', interrupt)
    assert run() == 130
    assert len(read_table(tmp_path / 'results' / 'inception_0.txt')) == 1
    assert run() == 0
    assert len(read_table(tmp_path / 'results' / 'inception_1.txt')) == 2
    assert len(calls) == 3


def test_a_mistake_in_the_last_folder_comes_first(run, folders, tmp_path, capsys,
                                                  commands_classify):
    (folders[1] / 'vgen_iter_5.npz').unlink()
    assert run() == EXIT_USER_ERROR
    assert 'no vgen_iter_N.npz in it' in capsys.readouterr().err
    assert commands_classify == [] and not (folders[0] / 'ledger').exists()


def test_a_damaged_record(run, folders, capsys):
    assert run() == 0
    path, = (folders[0] / 'ledger').iterdir()
    path.write_text('{}')
    assert run() == EXIT_USER_ERROR
    assert f'{path}: is no whole record of a measurement' in capsys.readouterr().err


@pytest.mark.parametrize('content, found', [
    (None, 'cannot be read'), (': :', 'cannot be read'),
    ('', 'expected a list of result folders'), ('a: b', 'expected a list of result folders'),
    ('- [1]', 'expected a list of result folders'),
    ('!!python/object/apply:os.system [true]', 'cannot be read')])
def test_lists_that_are_none(tmp_path, capsys, commands_classify, content, found):
    path = tmp_path / 'dirs.yml'
    if content is not None:
        path.write_text(content)
    assert command.main(['--dir_list', str(path)]) == EXIT_USER_ERROR
    assert f'--dir_list {path}: {found}' in capsys.readouterr().err


def test_the_packaged_list_says_what_to_write(capsys):
    path = Path(command.__file__).parents[2] / 'evaluation' / 'batch_dirs.yml'
    assert path.is_file()
    assert command.main(['--dir_list', str(path)]) == EXIT_USER_ERROR
    assert 'expected a list of result folders' in capsys.readouterr().err
