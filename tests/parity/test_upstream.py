import ast
import fnmatch
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from parity import __main__ as parity_main
from parity import upstream
from parity.check import Check, Verdict
from reference import recordings
from tgan_chainer import config

STAND_IN = Path(__file__).with_name('stand_in')


@pytest.fixture(scope='module', autouse=True)
def no_process_stays():
    yield
    upstream.session.cache_clear()


@pytest.fixture
def checkout(tmp_path):
    """Function (path in the checkout, old text, new text) -> a stand-in that was changed so."""
    def changed(path, old, new):
        folder = tmp_path / 'checkout'
        shutil.copytree(STAND_IN, folder)
        text = (folder / path).read_text()
        assert old in text
        (folder / path).write_text(text.replace(old, new))
        return folder

    yield changed
    upstream.session.cache_clear()


def checks(directory):
    """The checks of a checkout by name, without their layer."""
    return {check.name.removeprefix('upstream/'): check for check in upstream.checks(directory)}


@pytest.fixture(scope='module')
def live():
    return checks(STAND_IN)


def slow(*case):
    return pytest.param(*case, marks=pytest.mark.slow)


@pytest.mark.parametrize('name, updates', [
    *((name, None) for name in (
        'init-small', 'init-small_noise', 'forward-small-b2-train-f64',
        'forward-small-b2-test-f64', 'infer-small', 'inception', 'datasets-MovingMNISTDataset',
        'datasets-UCFDataset', 'datasets-UCFDatasetAugmented', 'datasets-GolfDataset',
        'datasets-GolfDatasetAugmented', 'strips-grey', 'strips-colour')),
    *((f'train-{name}-b4-f64', 2) for name in (
        'small-clip', 'small-lsgan', 'small-svc1', 'small-svc_shuffle', 'small_noise-vanilla')),
    slow('train-small-parallel_svc-b4-f64', 6),    # one after the first clipping
    slow('train-pair-video_frame-b4-f64', 2),
    *(slow(name, None) for name in (
        'c3d', 'score-small', 'init-beta_default', 'forward-beta_uniform-b2-train-f64',
        'init-pair', 'forward-pair-b2-train-f64', 'forward-pair-b2-test-f64'))])
def test_the_stand_in_computes_the_same(live, name, updates):
    outcome = live[name].run(**{'updates': updates} if updates else {})
    assert outcome.verdict is Verdict.PASSED, outcome
    assert 'equal bit for bit' in outcome.text
    assert {each.reference[:37] for each in outcome.comparisons} <= {
        "the authors' code, live (Chainer 7.8.", 'zero'}
    if name.startswith('train-small'):
        assert set(outcome.excluded) == recordings.ROUNDING_NOISE


def test_every_class_and_updater_has_a_check(live):
    models = {entry['class'] for networks in recordings.configurations().values()
              for entry in networks.values()}
    assert len(models) == 11
    assert {f'init-{config}' for config in recordings.configurations()} <= set(live)
    for updater in ('clip', 'svc', 'svc1', 'parallel_svc', 'lsgan', 'vanilla', 'video_frame'):
        assert fnmatch.filter(live, f'train-*-{updater}-*'), updater
    # Chainer 2 trains in float32 where its losses do.
    assert {'train-small_noise-vanilla-b4-seed0', 'train-small-svc-b4-seed0-f64'} <= set(
        upstream._trainings('2.0.2'))


@pytest.mark.parametrize('path, old, new, name, limits', [
    ('models/video_discriminator.py', 'SLOPE = 0.2', 'SLOPE = 0.1', 'forward-small-b2-train-f64',
     {}),
    ('updaters/tgan_updater_wgan.py', 'BOUND = 1', 'BOUND = 1.01', 'train-small-svc1-b4-f64',
     {'updates': 2}),
    ('datasets/mnist_dataset.py', 'LEVELS = 128', 'LEVELS = 127.5', 'datasets-MovingMNISTDataset',
     {}),
    ('infer.py', '* 128 + 128', '* 127 + 128', 'strips-grey', {}),
    ('infer.py', 'name), strip)', 'name), strip.astype(int))', 'strips-grey', {}),    # truncated
    ('infer.py', '[..., ::-1]', '', 'strips-colour', {}),
    ('infer.py', '_seed-{', '_{', 'strips-grey', {}),
])
def test_another_computation_is_caught(checkout, path, old, new, name, limits):
    """One of each kind; that other layers' checks can fail is what parity/mutations.py shows."""
    outcome = checks(checkout(path, old, new))[name].run(**limits)
    assert outcome.verdict is Verdict.FAILED and outcome.error is None, outcome


def test_experiment_files(tmp_path):
    """The packaged ones stand in for theirs: equal, but for the golf paths."""
    shutil.copytree(config.PACKAGED, tmp_path / 'configs')
    check = Check('upstream/experiments', upstream.experiment_files, (tmp_path,))
    golf = tmp_path / 'configs/golf/golf_wgan_clip_zdim-100_no-beta-all_init-uniform-all.yml'
    golf.write_text(golf.read_text().replace('data/golf', '/elsewhere/golf'))
    outcome = check.run()
    assert outcome.verdict is Verdict.PASSED, outcome
    assert [line.split('_')[1] for line in outcome.text.splitlines()
            if line.endswith(': not compared: root_path, config_path')] == ['wgan', 'wgan']
    whole = golf.read_text()
    for old, new in (('wscale: 0.01', 'wscale: 0.02'), ('WGANClip', 'WGANSVC'),
                     ('batchsize: 32', 'batchsize: 16'), ('n_frames: 16, root', 'root')):
        assert old in whole
        golf.write_text(whole.replace(old, new, 1))
        assert check.run().verdict is Verdict.FAILED, old
    golf.rename(tmp_path / 'configs/golf/unknown.yml')
    assert 'no such file' in check.run().error
    shutil.rmtree(tmp_path / 'configs')
    assert 'there are no experiment files' in check.run().why_not_run


@pytest.mark.parametrize('path, old, new, name, reasons', [
    ('models/video_discriminator.py', ' VideoDiscriminator(', ' Undefined(', 'init-pair',
     ["NameError: name 'Undefined'", '(models/video_discriminator.py, line ']),
    ('datasets/mnist_dataset.py', 'MovingMNISTDataset', 'MNIST', 'datasets-MovingMNISTDataset',
     ['found no MovingMNISTDataset in', 'it has chainer, np, LEVELS, MNIST']),
    ('infer.py', 'import cv2', 'import no_cv2 as cv2', 'strips-grey',
     ['no_cv2.imwrite was called, but no_cv2 is not installed for']),
    ('datasets/mnist_dataset.py', 'import chainer', 'import os, sys; print("lost", file=sys.stderr)'
     '; sys.stderr.flush(); os._exit(3)\nimport chainer', 'datasets-MovingMNISTDataset',
     ['ended with exit code 3: lost'])])
def test_what_fails_there_has_not_run(checkout, path, old, new, name, reasons):
    live = checks(checkout(path, old, new))[name]
    for _ in range(2 if 'exit code' in reasons[0] else 1):    # the process is gone, and stays so
        outcome = live.run()
        assert outcome.verdict is Verdict.NOT_RUN
        for reason in reasons:
            assert reason in outcome.why_not_run


def test_a_module_that_is_missing_matters_only_when_used(checkout):
    folder = checkout('evaluation/calc_inception.py', 'import cupy as cp',
                      'import no_such_module.part as cp')
    assert checks(folder)['inception'].run().verdict is Verdict.PASSED


@pytest.mark.parametrize('command', [[], ['record', '--out', 'out']])
def test_a_missing_file_is_named(checkout, tmp_path, monkeypatch, capsys, command):
    monkeypatch.chdir(tmp_path)
    folder = checkout('infer.py', 'make_video', 'make_video')
    (folder / 'infer.py').unlink()
    assert parity_main.main([*command, '--upstream', str(folder)]) == 2
    assert 'is no checkout of pfnet-research/tgan: there is no infer.py' in capsys.readouterr().err
    assert not Path('out').exists()


def test_the_runner_is_python_3_6_and_leaves_nothing_behind(live):
    for name in ('parity/upstream_runner', 'parity/serving', 'parity/driver',
                 'benchmarks/recipe', 'benchmarks/upstream_worker'):
        ast.parse((STAND_IN.parents[2] / f'{name}.py').read_text(), feature_version=(3, 6))
    live['inception'].run()
    assert not list(STAND_IN.rglob('__pycache__'))


def record(upstream, out, *only):
    return parity_main.main(['record', '--upstream', str(upstream), '--out', str(out), *only])


def test_recordings_are_of_the_shipped_format(tmp_path, monkeypatch):
    names = ('datasets-seed0', 'forward-small-b2-seed0-train-f64', 'inception-seed0',
             'infer-small-seed0')
    only = [f'--only={name}' for name in names]
    assert record(STAND_IN, tmp_path, *only) == 0
    shipped = {name: recordings.load(name, '7.8.1') for name in names}
    monkeypatch.setattr(recordings, 'GOLDEN', tmp_path)
    assert recordings.names('7.8.1') == names
    for name, theirs in shipped.items():
        ours = recordings.load(name, '7.8.1')
        assert ours.meta.keys() == theirs.meta.keys()
        assert ours.arrays.keys() == theirs.arrays.keys()
        for key, array in theirs.arrays.items():
            assert (ours.arrays[key].dtype, ours.arrays[key].shape) == (array.dtype, array.shape)
            # Float32 sampling on another BLAS; what is float64 agrees to 1e-12.
            np.testing.assert_allclose(ours.arrays[key], array, 0, 1e-5 * abs(array).max(), name)


@pytest.mark.parametrize('path, old, new, only, code, expected', [
    ('models/video_discriminator.py', 'SLOPE = 0.2', 'SLOPE = 0.1', 'forward-small*train*', 0,
     r'seed0-train-f64 +[0-9.]+e[-+]0[01] +(D_|stat_vdis)'),
    ('models/video_discriminator.py', 'SLOPE = 0.2', 'SLOPE = 0.1', 'datasets-*', 0,
     r'recording \(Chainer 7.8.1\) +deviation +largest in +equal hashes\n[- ]+\n'
     'datasets-seed0 +60 of 60'),
    ('evaluation/calc_inception.py', 'EPS = 1e-7', 'EPS = undefined', 'inception', 1,
     r'not recorded: inception-seed0 \(.*NameError'),
    ('infer.py', 'make_video', 'make_video', 'nothing', 2,
     'no recording matches nothing; there are: c3d-seed0, ')])
def test_what_recording_says(checkout, tmp_path, capsys, path, old, new, only, code, expected):
    command = checkout(path, old, new), tmp_path / 'out', '--only', only
    assert record(*command) == code
    assert re.search(expected, ''.join(capsys.readouterr()))
    assert (tmp_path / 'out').exists() == (code < 2)
    if code == 1:
        assert record(*command) == 2
        assert 'is there already' in capsys.readouterr().err
