"""The command that scores several result folders."""
import csv
import shutil
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from tgan_chainer.evaluation import batch_inception as command
from tgan_chainer.evaluation import classifier, inception_score, ledger
from tgan_chainer.evaluation.protocols import PROTOCOLS

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folders(result, make_result, colour_experiment):
    return result, make_result('colour_1', colour_experiment, seed=1)


@pytest.fixture
def run(here, folders, commands_classify, monkeypatch):
    """Function from flags to the exit code of the command for both folders, in tmp_path."""
    v1 = PROTOCOLS['tgan-v1']    # two videos are no trial, then
    monkeypatch.setitem(PROTOCOLS, 'tgan-v1', v1._replace(settings=v1.settings._replace(samples=2)))
    (here / 'dirs.yml').write_text(yaml.safe_dump([str(folder) for folder in folders]))
    return lambda *flags: command.main(
        ['--dir_list', 'dirs.yml', '--calc_iter', '2', '--batchsize', '1', *flags])


def read_table(path):
    """Rows of a table that begins with the authors' header."""
    header, *rows = path.read_text().splitlines()
    assert header == (
        'Inception Score (Mean),Inception Score (Std),Inception Score (Best),Dataset,Model,'
        'Iteration,z_slow dim,z_fast dim,Updater,n_frames,Clip,Parallel,Batchsize,Result dir')
    return list(csv.reader(rows))


def test_the_table(run, folders, tmp_path, capsys, monkeypatch, commands_classify):
    assert run() == 0
    results = tmp_path / 'results'
    rows = read_table(results / 'inception_0.txt')
    for row, folder in zip(rows, folders, strict=True):
        found, = ledger.read_folder(folder / 'ledger')
        assert found.seeds == [0, 1, 2, 3] and found.std > 0
        assert row == [
            repr(found.value), repr(found.std), repr(found.best), 'UCFDataset', 'WGAN',
            '5', '4', '4', 'TGANUpdaterWGANClip', '16', 'Clip', 'FALSE', '2', str(folder)]
    assert rows[0][0] != rows[1][0]
    assert not list(tmp_path.rglob('*.part.npz'))

    # Nothing is measured again.
    capsys.readouterr()
    monkeypatch.setattr(classifier.Classifier, '__call__', None)
    assert run() == 0
    out = capsys.readouterr().out
    assert out.count(' iter:5 has a row in the table before') == 2
    assert 'results/inception_0.txt has a row of each' in out
    assert len(commands_classify) == 1    # C3D is not even loaded
    assert not (results / 'inception_1.txt').exists()
    assert run('--out', 'elsewhere') == 0    # what is in the ledger
    assert capsys.readouterr().out.count(' was measured before: ') == 2
    assert read_table(tmp_path / 'elsewhere' / 'inception_0.txt') == rows


def test_a_rehearsal_keeps_away_from_measurements(run, folders, tmp_path, capsys):
    assert run() == 0
    capsys.readouterr()
    assert run('--rehearsal') == 0
    assert len(list((folders[0] / 'ledger').iterdir())) == 1
    assert not (tmp_path / 'results' / 'inception_1.txt').exists()
    table = read_table(tmp_path / 'results' / 'inception-INTER_CUBIC_rehearsal_0.txt')
    assert [row[-1] for row in table[-2:]] == [
        f'rehearsal (no measurement): {folder}' for folder in folders]
    assert all(line.startswith('rehearsal (no measurement): ') or 'the newest is' in line
               for line in capsys.readouterr().out.splitlines())


def test_other_settings_are_another_measurement_of_another_table(run, folders, tmp_path):
    assert run() == run('--calc_iter', '1') == 0    # a trial
    assert run('--interpolation', 'INTER_LINEAR') == run('--protocol', 'tgan-v2') == 0
    assert len(list((folders[0] / 'ledger').iterdir())) == 4
    names = {path.name for path in (tmp_path / 'results').glob('*.txt')}
    assert names == {f'inception{method}_0.txt' for method in (
        '', '-INTER_CUBIC_n-1', '-INTER_LINEAR', '-tgan-v2_n-2')}
    assert (folders[0] / 'inception_iter-5_INTER_CUBIC_n-1.txt').exists()


def test_rows_of_the_authors_table_are_carried_over(run, folders, tmp_path):
    """Their script writes the rows of before, blank lines between, and then the header."""
    old = [['9.25', '0.1', '9.5', 'UCFDataset', 'WGAN', iteration, '100', '100',
            'TGANUpdaterWGANSVC', '16', 'SVC', 'FALSE', '32', str(folder)]
           for folder, iteration in (('gone', '5'), (folders[0], '5'), (folders[1], '4'))]
    header, a, b, c = (','.join(row) for row in (command.HEADER, *old))
    results = tmp_path / 'results'
    (results / 'inception_0.txt').write_text('another one')
    (results / 'inception_11.txt').write_text('\n'.join([a, '', header, '', b, '', header, c, '']))
    assert run() == 0
    rows = read_table(results / 'inception_12.txt')
    # The first folder's iteration 5 is there; of the second, it is another one.
    assert rows[:3] == old and len(rows) == 4
    assert rows[3][-1] == str(folders[1]) and rows[3][5] == '5'
    assert (results / 'inception_0.txt').read_text() == 'another one'


@pytest.mark.parametrize('content, found', [
    (b'a,b\n', 'the line that begins with "a" has 2 columns, expected 14: Inception Score (Mean)'),
    (b'\xff\xfe', '\'utf-8')])
def test_a_table_that_is_none(run, tmp_path, refused, commands_classify, content, found):
    path = tmp_path / 'results' / 'inception_0.txt'
    path.write_bytes(content)
    assert f'results/inception_0.txt: cannot be read ({found}' in refused(lambda _: run())
    assert path.read_bytes() == content and commands_classify == []


def test_the_newest_where_the_target_is_missing(run, folders, tmp_path, capsys):
    for path in list(folders[0].glob('*_iter_5.npz')):
        shutil.copy(path, path.with_name(path.name.replace('_5', '_12')))
    assert run('--target_iter', '5') == 0
    assert 'the newest is' not in capsys.readouterr().out
    assert run('--target_iter', '7') == 0
    out = capsys.readouterr().out
    assert f'{folders[0]} has no iteration 7; the newest is 12' in out
    assert f'{folders[1]} has no iteration 7; the newest is 5' in out
    rows = read_table(tmp_path / 'results' / 'inception_1.txt')
    assert [row[5] for row in rows] == ['5', '5', '12']


@pytest.mark.parametrize('generator, updater, words', [
    *(('VideoGeneratorInitDefault', updater, words) for updater, words in (
        ('Vanilla', 'Vanilla None FALSE'), ('LSGAN', 'LSGAN None FALSE'),
        ('WGANClip', 'WGAN Clip FALSE'), ('WGANSVC', 'WGAN SVC FALSE'),
        ('WGANParallelSVC', 'WGAN SVC TRUE'), ('WGANVideoFrameDis', 'WGAN SVC TRUE'),
        ('WGANPullingAway', 'WGAN SVC FALSE'), ('OfYourOwn', 'unknown unknown unknown'))),
    ('VideoGenerator3D', 'WGANClip', 'WGAN_VideoGenerator3D Clip FALSE')])
def test_words_of_a_row(generator, updater, words):
    updater, (model, *clipping) = f'TGANUpdater{updater}', words.split()
    system = SimpleNamespace(
        parts={'vgen': SimpleNamespace(name=generator, args={'z_slow_dim': 100}),
               'updater': SimpleNamespace(name=updater)},
        dataset=SimpleNamespace(name='UCFDataset'), iteration=5, batchsize=32)
    measurement = SimpleNamespace(systems=[system], value=4.5, std=0.25, best=5.0)
    assert command.row(measurement, 'results/a') == [
        4.5, 0.25, 5.0, 'UCFDataset', model.replace('_', ' '), 5, 100, 'None', updater, 16,
        *clipping, 32, 'results/a']


def test_interrupted_and_started_again_beside_another_run(run, folders, tmp_path, monkeypatch):
    measure, calls, results = inception_score.measure, [], tmp_path / 'results'

    def interrupt(*args):
        calls.append(args)
        if len(calls) == 1:
            (results / 'inception_0.txt').write_text('of another run')
        if len(calls) == 2:
            raise KeyboardInterrupt
        return measure(*args)

    monkeypatch.setattr(inception_score, 'measure', interrupt)
    assert run() == 130
    assert len(read_table(results / 'inception_1.txt')) == 1
    assert run() == 0
    assert len(read_table(results / 'inception_2.txt')) == 2
    assert len(calls) == 3 and (results / 'inception_0.txt').read_text() == 'of another run'


def test_a_mistake_in_the_last_folder_comes_first(run, folders, refused, commands_classify):
    (folders[1] / 'vgen_iter_5.npz').unlink()
    assert 'no vgen_iter_N.npz in it' in refused(lambda _: run('--target_iter', '5'))
    assert commands_classify == []


@pytest.mark.parametrize('content, found', [
    (None, 'cannot be read'), (': :', 'cannot be read'),
    ('!!python/object/apply:os.system [true]', 'cannot be read'),
    *((content, 'expected a list of result folders') for content in (
        '', 'a: b', '- [1]', (ROOT / 'evaluation' / 'batch_dirs.yml').read_text()))])
def test_lists_that_are_none(here, refused, content, found):
    if content is not None:
        (here / 'dirs.yml').write_text(content)
    assert f'--dir_list dirs.yml: {found}' in refused(command.main, '--dir_list', 'dirs.yml')
