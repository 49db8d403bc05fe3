import os
import subprocess
import sys
from pathlib import Path

import chainer
import numpy as np
import pytest

from reference import paper
from reference.oracle import scores
from tgan_chainer import results
from tgan_chainer.errors import EXIT_USER_ERROR
from tgan_chainer.evaluation import calc_inception as command
from tgan_chainer.evaluation import classifier, ledger
from tgan_chainer.evaluation.protocols import PROTOCOLS
from tgan_chainer.models.sampling import make_video


@pytest.fixture
def run(result, commands_classify):
    """Function from flags to the exit code of the command for the small system."""
    return lambda *flags: command.main(
        ['--result_dir', str(result), '--calc_iter', '7', '--batchsize', '3', *flags])


def test_numbers_of_the_protocols_are_the_papers():
    published = paper.document()['inception_protocols']
    v1, v2 = PROTOCOLS['tgan-v1'].settings, PROTOCOLS['tgan-v2'].settings
    assert PROTOCOLS['tgan-v1/dropout-off'].settings == v1
    assert published['tgan-v1']['dropout'] == PROTOCOLS['tgan-v1'].dropout
    assert (v1.batchsize, v1.scored, v1.eps, list(v1.seeds)) == tuple(
        published['tgan-v1'][key] for key in ('batch', 'samples', 'eps', 'seeds'))
    assert (v2.scored, v2.eps, len(v2.seeds)) == tuple(
        published['tgan-v2'][key] for key in ('samples', 'eps', 'repeats'))


def test_the_score_is_that_of_the_videos_of_the_seed(run, result, small_classifier, capsys):
    assert run('--seed', '4', '2') == 0
    fsgen, vgen = results.load_system(result, 5, chainer.get_device('@numpy'))[:2]
    expected = []
    for seed in (4, 2):
        np.random.seed(seed)
        ys = [small_classifier()(make_video(fsgen, vgen, 3)[0]) for _ in range(2)]    # 7 // 3
        expected.append(scores.inception_score(np.concatenate(ys)))
    found = [float(line.removeprefix(f'{result} 5 score:'))
             for line in capsys.readouterr().out.splitlines() if ' score:' in line]
    # The small classifier computes in float32, and in chunks of another size.
    assert found == pytest.approx(expected, rel=1e-6)
    assert found[0] != found[1]
    assert (result / 'inception_iter-5_INTER_CUBIC_n-7.txt').read_text().splitlines() == [
        *(f'{result} 5 7 mean2.npz {score}' for score in found),
        f'{result} 5 seeds:4,2 mean:{np.mean(found)} std:{np.std(found)} best:{max(found)}']
    assert not list(result.glob('*.part.npz'))


def test_what_is_written_down_and_the_authors_file_of_one_seed(
        run, result, commands_classify, capsys, tmp_path):
    before = set(result.rglob('*'))
    assert run('--seed', '1', '--c3d', 'my_c3d.npz', '--mean', 'my_mean.npz',
               '--ledger', str(tmp_path / 'mine'), '--out', str(tmp_path / 'out')) == 0
    assert set(result.rglob('*')) == before
    assert commands_classify == [('my_c3d.npz', 'my_mean.npz', 'tgan-v1')]
    found, = ledger.read_folder(tmp_path / 'mine')
    assert f'{result} 5 score:{found.value}\n' in capsys.readouterr().out
    file, = (tmp_path / 'out').iterdir()
    assert file.name == 'inception_iter-5_INTER_CUBIC_n-7.txt'
    assert file.read_text() == f'{result} 5 7 mean2.npz {found.value}\n'
    assert (found.metric, found.protocol, found.samples, found.seeds) == (
        'inception score', 'tgan-v1', 6, [1])
    assert found.weights == {'c3d': 'c' * 64, 'mean': 'd' * 64}
    system, = found.systems
    assert system.networks.keys() == {'gen_iter_5.npz', 'vgen_iter_5.npz'}
    assert found.conditions.gpu is None and found.conditions.packages['chainer'] == '7.8.1'
    assert '--c3d my_c3d.npz' in found.conditions.command_line


@pytest.mark.parametrize('flags, method, protocol', [
    (['--interpolation', 'INTER_LINEAR'], 'INTER_LINEAR', 'tgan-v1/INTER_LINEAR'),
    (['--protocol', 'tgan-v1/dropout-off'], 'INTER_CUBIC_dropout-off', 'tgan-v1/dropout-off'),
    (['--protocol', 'tgan-v2'], 'tgan-v2', 'tgan-v2')])
def test_another_protocol_has_another_name_and_score(run, result, flags, method, protocol):
    assert run() == run(*flags) == 0
    usual, other = ledger.read_folder(result / 'ledger')
    assert (result / f'inception_iter-5_{method}_n-7.txt').exists()
    assert (usual.protocol, other.protocol) == ('tgan-v1', protocol)
    assert usual.value != other.value


def test_interrupted_and_started_again(run, result, monkeypatch, capsys):
    assert run('--seed', '1', '2') == 0
    path = result / 'inception_iter-5_INTER_CUBIC_n-7.txt'
    whole = path.read_bytes()
    path.unlink()
    classify, calls = classifier.Classifier.__call__, []

    def interrupt(self, videos, done):
        calls.append(len(videos))
        if len(calls) == 4:    # the second batch of the second seed
            raise KeyboardInterrupt
        return classify(self, videos, done)

    monkeypatch.setattr(classifier.Classifier, '__call__', interrupt)
    assert run('--seed', '1', '2') == 130
    assert not path.exists()
    assert len(list((result / 'ledger').iterdir())) == 1
    vgen = result / 'vgen_iter_5.npz'
    content, arrays = vgen.read_bytes(), dict(np.load(vgen))
    np.savez(vgen, **{**arrays, 'dc5/b': arrays['dc5/b'] + 1})
    assert run('--seed', '1', '2') == EXIT_USER_ERROR
    assert 'is of an unfinished score of other networks; delete it' in capsys.readouterr().err
    vgen.write_bytes(content)
    assert run('--seed', '1', '2') == 0
    assert path.read_bytes() == whole
    assert len(calls) == 5    # what was classified before was not classified again
    assert not list(result.glob('*.part.npz'))


@pytest.mark.parametrize('experiment', ['colour_experiment', 'small_experiment'])
def test_a_rehearsal_needs_no_file_and_is_marked_everywhere(
        request, make_result, commands_classify, capsys, experiment):
    folder = make_result('result', request.getfixturevalue(experiment))
    before = set(folder.iterdir())
    assert command.main(['--result_dir', str(folder), '--rehearsal', '--seed', '0', '1']) == 0
    assert commands_classify == []
    written, = set(folder.iterdir()) - before
    assert written.name == 'inception_iter-5_INTER_CUBIC_rehearsal.txt'
    lines = written.read_text() + capsys.readouterr().out
    assert lines.startswith(f'rehearsal (no measurement): {folder} 5 8 stand-in ')
    assert all(line.startswith('rehearsal (no measurement): ') for line in lines.splitlines())


@pytest.mark.parametrize('flags, message', [
    *((['--rehearsal', flag, 'x'], f'{flag} is of a measurement: leave it out, or --rehearsal')
      for flag in ('--c3d', '--mean', '--ledger')),
    (['--calc_iter', '2'], '--calc_iter 2 with batches of 3 is too few'),
    (['--protocol', 'tgan-v2', '--interpolation', 'INTER_LINEAR'], 'tgan-v2 has its own'),
    (['--protocol', 'tgan-v2', '--interpolation', 'INTER_NEAREST'], 'tgan-v2 has its own'),
    (['--iter', '7'], 'no networks of iteration 7, only of 5')])
def test_errors(run, refused, flags, message):
    assert message in refused(lambda argv: run(*argv), *flags)


def test_a_data_set(tmp_path, colour_experiment, commands_classify):
    flags = ['--real', str(colour_experiment), '--calc_iter', '12', '--batchsize', '4', '--out',
             str(tmp_path / 'out'), '--seed', '0', '1']
    assert command.main(flags) == 0
    found, = ledger.read_folder(tmp_path / 'out' / 'ledger')
    assert found.systems == [] and found.dataset.videos == 5 and found.samples == 12
    assert found.dataset.sha256['h5path'] and found.values[0] != found.values[1]
    assert (tmp_path / 'out' / 'inception_UCFDataset_INTER_CUBIC_n-12.txt').exists()


def test_grey_videos_have_no_score(small_experiment, refused, commands_classify):
    error = refused(command.main, '--real', small_experiment)
    assert 'videos of 1 channel(s)' in error and '--rehearsal' in error
    assert commands_classify == []


def test_runs_as_the_authors_script(result, tmp_path):
    script = Path(command.__file__).parents[2] / 'evaluation' / 'calc_inception.py'
    done = subprocess.run(
        [sys.executable, script, '--result_dir', result, '--mean', 'nowhere.npz'], cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(script.parents[1])}, capture_output=True, text=True)
    assert done.returncode == EXIT_USER_ERROR
    assert done.stderr.startswith("error: found no file 'nowhere.npz'")
