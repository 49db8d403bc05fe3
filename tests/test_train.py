import json
import os
import re
import signal
import sys

import chainer
import numpy as np
import pytest

from tests.conftest import differing, read_log
from tgan_chainer import config, train
from tgan_chainer.commands.train import parse_args
from tgan_chainer.distributed import connect
from tgan_chainer.errors import EXIT_DIVERGED, ConfigError, TGANError
from tgan_chainer.io import snapshots
from tgan_chainer.prepare.moving_mnist import make_moving_mnist
from tgan_chainer.training import data
from tgan_chainer.training import flags as training_flags

pytestmark = pytest.mark.usefixtures('here')


def run(experiment, *flags):
    return train.main(['--config_path', str(experiment), *flags])


def test_what_a_training_leaves_behind(small_experiment, tmp_path, capsys):
    assert run(small_experiment, '--out', 'result') == 0
    result = tmp_path / 'result'
    assert {path.name for path in result.iterdir()} == {
        'config.yml', 'source', 'record.json', 'log', 'log.csv', 'loss.png',
        'loss_gen.png', 'loss_dis.png', 'singular_values.png', 'gamma_ratio.png', 'preview',
        *(template.format(n) for template in (snapshots.TRAINER, *snapshots.NETWORKS.values())
          for n in (4, 8))}
    assert {path.name for path in (result / 'preview').iterdir()} == {
        'image_img_00000008.png',
        *(f'video_00000008.{suffix}' for suffix in ('avi', 'mov', 'gif'))}
    assert (result / 'source' / 'small.yml').read_text() == small_experiment.read_text()
    assert (result / 'source' / 'tgan_updater_wgan.py').is_file()

    log = json.loads((result / 'log').read_text())
    assert [entry['iteration'] for entry in log] == [2, 4, 6, 8]
    assert {'vdis/loss_gen', 'vdis/loss_dis', 'vdis/c3/sigma', 'epoch'} <= log[0].keys()
    start, = json.loads((result / 'record.json').read_text())
    assert start['command_line'].startswith('tgan train --config_path')
    assert start['seed'] == 0
    assert start['packages']['chainer'] == '7.8.1'

    out = capsys.readouterr().out
    start = out[:out.index('writing to result\n')].splitlines()
    assert [line.split()[0] for line in start] == ['device', 'networks', 'data', 'updates']
    assert re.search(r'epoch +iteration +vdis/loss_gen +vdis/loss_dis +elapsed_time', out)
    assert 'finished at iteration 8; results are in result' in out


@pytest.mark.slow
def test_quality_is_in_log_and_plots_and_changes_nothing(small_experiment, tmp_path, capsys):
    make_moving_mnist('mnist.npy', 256)
    for out, every in (('with', 2), ('without', 'null')):
        assert run(small_experiment, '--out', out, '--set', f'quality_interval={every}', '--set',
                   'dataset.args.dataset_path=mnist.npy', '--iterations', '2') == 0
        assert bool(re.search('quality/dimensions +quality/frechet', capsys.readouterr().out)) == (
            out == 'with')
        for plot in ('quality', 'quality_frechet', 'quality_inception'):
            assert (tmp_path / out / f'{plot}.png').exists() == (out == 'with')
    changed = differing(tmp_path / 'with', tmp_path / 'without', 2)
    assert {key.split(':')[0] for key in changed} <= {snapshots.TRAINER.format(2)}
    assert all('quality/frechet' in entry for entry in read_log(tmp_path / 'with'))


def test_tensorboard_and_snapshots_that_stay(small_experiment, tmp_path):
    pytest.importorskip('tensorboardX', reason='not installed (the extra [tensorboard])')
    assert run(small_experiment, '--out', 'result', '--iterations', '5', '--tensorboard',
               '--set', 'snapshot_keep=1') == 0
    assert snapshots.iterations('result', snapshots.TRAINER) == [5]
    events, = (tmp_path / 'result').glob('events.out.tfevents.*')
    assert all(what in events.read_bytes() for what in (b'vdis/loss_gen', b'GIF89a'))
    assert train.main(['--resume', 'result', '--iterations', '6']) == 0
    assert not events.exists() and list((tmp_path / 'result').glob('events.out.tfevents.*'))


def test_tensorboard_that_is_not_installed(small_experiment, refused, monkeypatch):
    monkeypatch.setitem(sys.modules, 'tensorboardX', None)
    assert 'the extra [tensorboard] brings it: pip install' in refused(
        train.main, '--config_path', small_experiment, '--tensorboard')


@pytest.mark.parametrize('setting', ['TGAN_NUM_THREADS', 'TGAN_CPU_KERNELS'])
def test_a_wrong_setting_leaves_no_folder(small_experiment, refused, monkeypatch, setting):
    monkeypatch.setenv('TGAN_NUM_THREADS', 'x' if setting == 'TGAN_NUM_THREADS' else '1')
    kernels = 'x' if setting == 'TGAN_CPU_KERNELS' else 'tgan'
    with chainer.using_config('tgan_cpu_kernels', kernels):
        assert setting in refused(train.main, '--config_path', small_experiment)


@pytest.mark.parametrize('at', [0, 3])
def test_a_signal_writes_a_snapshot_from_which_resume_goes_on_bit_for_bit(
        small_experiment, tmp_path, capsys, monkeypatch, at):
    run_trainer = chainer.training.Trainer.run

    def run_with_signal(trainer, **kwargs):
        trainer.extend(lambda trainer: signal.raise_signal(signal.SIGINT), name='signal',
                       trigger=lambda trainer: trainer.updater.iteration == at)
        if not at:
            signal.raise_signal(signal.SIGINT)
        run_trainer(trainer, **kwargs)
        # The rate of the next update: after one of three that fall, or after none.
        rate = trainer.updater.get_optimizer('vdis').lr
        assert rate == pytest.approx(5e-5 * (2 / 3 if at else 1))

    flags = '--iterations', '5', '--set', 'rates_fall_from=2'
    with monkeypatch.context() as patch:
        patch.setattr(chainer.training.Trainer, 'run', run_with_signal)
        assert run(small_experiment, '--out', 'stopped', *flags) == 0
    out, err = capsys.readouterr()
    assert f'stopped by SIGINT at iteration {at}' in out and 'Traceback' not in err
    # Before the first update optimizers have no state yet, so that nothing could be resumed.
    assert ('continue with: tgan train --resume stopped' in out) == bool(at)
    assert snapshots.iterations('stopped', snapshots.TRAINER) == [at][:at]
    if at:
        stopped, whole = tmp_path / 'stopped', tmp_path / 'whole'
        assert read_log(stopped)[-1]['iteration'] == at
        assert (stopped / 'loss_gen.png').exists()
        assert train.main(['--resume', 'stopped']) == 0
        assert len(json.loads((stopped / 'record.json').read_text())) == 2
        assert run(small_experiment, '--out', 'whole', *flags) == 0
        assert not differing(whole, stopped, 5) and read_log(whole) == read_log(stopped)
        assert (whole / 'preview' / 'image_img_00000005.png').exists()
        # Another end would be another fall.
        assert train.main(['--resume', 'whole', '--iterations', '6']) == 2
        assert 'iterations 5 there, 6 here' in capsys.readouterr().err


def test_seed_decides(small_experiment, tmp_path):
    for out, seed in (('a', '1'), ('b', '2')):    # the same for one seed: see resume
        assert run(small_experiment, '--out', out, '--seed', seed, '--iterations', '2') == 0
    assert 'vgen_iter_2.npz:dc1/W' in differing(tmp_path / 'a', tmp_path / 'b', 2)


def load(experiment, *flags):
    return training_flags.load_experiment(parse_args(['--config_path', str(experiment), *flags]))


def test_flags_change_the_experiment(small_experiment):
    experiment = load(small_experiment, '--epoch', '3', '--batchsize', '4', '--seed', '7',
                      '--batch_norm', 'multi_node')
    assert (experiment.iterations, experiment.epoch, experiment.batchsize, experiment.seed,
            experiment.batch_norm) == (None, 3, 4, 7, 'multi_node')
    trainer = train.build(experiment, chainer.get_device('@numpy'), connect(None)).trainer
    assert trainer.stop_trigger.iterations == 5    # ceil(3 * 6 / 4)
    assert training_flags.load_experiment(parse_args([])).source == 'configs/default.yml'


def test_any_key_can_be_set(small_experiment):
    flags = ['--set', 'dataset.args.dataset_path=x=1.npy', '--set', 'make_moving_mnist={size: 32}',
             '--set', 'make_moving_mnist.n_videos=7', '--set', 'optimizer.vdis.args.lr=1e-3',
             '--set', 'batchsize=3', '--set', 'iterations=', '--seed', '4', '--set', 'seed=5']
    experiment = load(small_experiment, *flags)
    assert experiment.dataset.args == {'n_frames': 16, 'dataset_path': 'x=1.npy'}
    assert (experiment.make_moving_mnist.size, experiment.make_moving_mnist.n_videos) == (32, 7)
    assert experiment.optimizer.of('vdis').args == {'lr': 1e-3}
    assert experiment.optimizer.args == {'lr': 5e-5}
    assert (experiment.batchsize, experiment.iterations, experiment.seed) == (3, None, 4)
    assert config.load(small_experiment).batchsize == 2


def test_a_mistake_in_the_file_is_not_blamed_on_a_flag(small_experiment):
    with small_experiment.open('a') as file:
        file.write('batchsizes: 3\n')
    with pytest.raises(ConfigError, match=f'^{small_experiment}: batchsizes: unknown key'):
        load(small_experiment, '--set', 'batchsize=4')


def test_result_folders_are_never_overwritten(small_experiment, refused):
    experiment = config.load(str(small_experiment))
    folders = [str(training_flags.new_result_folder(parse_args(flags), experiment))
               for flags in [['--test']] * 3 + [[]] * 2]
    assert folders[:3] == ['results/test', 'results/test_1', 'results/test_2']
    assert re.fullmatch(r'results/small_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_0', folders[3])
    assert folders[3] != folders[4]
    assert 'results/test exists' in refused(
        train.main, '--config_path', small_experiment, '--out', 'results/test')


@pytest.mark.parametrize('settings, flags, out, resume', [
    ({}, [], None, None),
    ({'result_dir': 'r'}, [], 'r', None),
    ({'result_dir': 'r'}, ['--out', 'o'], 'o', None),
    ({'result_dir': 'r'}, ['--test'], None, None),
    ({'result_dir': 'r'}, ['--resume', 's'], None, 's'),
    ({'result_dir': 'r'}, ['--resume', 's', '--branch'], 'r', 's'),
    ({'resume': '', 'result_dir': 'r'}, [], 'r', None),
    ({'resume': 'r/snapshot_iter_4.npz'}, [], None, 'r/snapshot_iter_4.npz'),
    ({'resume': 'r/snapshot_iter_4.npz'}, ['--resume', 's'], None, 's'),
    ({'resume': 'r/snapshot_iter_4.npz', 'result_dir': 'r/'}, [], None, 'r/snapshot_iter_4.npz'),
    ({'resume': 'r/snapshot_iter_4.npz', 'result_dir': 'q'}, [], ConfigError, None),
    ({'resume': 'r/s.npz', 'result_dir': 'q'}, ['--branch'], 'q', 'r/s.npz'),
    ({'resume': 'r/snapshot_iter_4.npz'}, ['--out', 'o'], ConfigError, None),
    ({'resume': 'r/snapshot_iter_4.npz'}, ['--test'], ConfigError, None),
])
def test_folders_of_the_experiment_yield_to_flags(small_experiment, settings, flags, out, resume):
    args = parse_args(flags)
    experiment = config.load(str(small_experiment)).replace(**settings)
    if out is ConfigError:
        with pytest.raises(ConfigError, match='resume: found r/snapshot_iter_4.npz, .* not in'):
            training_flags.take_folders(args, experiment)
    else:
        training_flags.take_folders(args, experiment)
        assert (args.out, args.resume) == (out, resume)


def test_a_diverging_loss_stops_and_keeps_the_last_snapshot(small_experiment, tmp_path, capsys):
    with np.errstate(all='ignore'):
        assert run(small_experiment, '--out', 'result', '--set', 'snapshot_interval=1', '--set',
                   'optimizer={name: SGD, args: {lr: 1.0e+30}}') == EXIT_DIVERGED
    err = capsys.readouterr().err
    assert 'Traceback' not in err
    assert re.search(r'error: iteration \d+: .* (is nan|is inf|is -inf|is not finite)', err)
    for path in (tmp_path / 'result').glob('*_iter_*.npz'):
        with np.load(path) as archive:
            assert all(np.isfinite(archive[key]).all() for key in archive.files
                       if archive[key].dtype.kind == 'f')


@pytest.mark.parametrize('flags, message', [
    ('--config_path nowhere.yml', 'nowhere.yml: there is no such file'),
    ('--config_path configs/base.yml', 'data/ucf101_train.h5'),
    ('--resume nowhere', 'nowhere: there is no such result folder'),
    ('--resume latest', 'latest: is the newest result folder in results/, but there is none'),
    ('--set models.fsgen.args.z_slow_dim=5', 'z_slow_dim of .*5 and 4'),
    ('--set models.vgen.args.z_fast_dim=6', 'z_fast_dim of .*4 and 6'),
    ('--set models.vgen.args.out_channels=3', r'\(16, 3, 64, 64\) and \(16, 1, 64, 64\)'),
    ('--set models.vdis.args.in_channels=3', 'in_channels of vdis .*1 and 3'),
    ('--set models.vdis.args.top_width=2', 'top_width of vdis .*4 and 2'),
    ('--set dataset.args.n_frames=12', r'\(12, 1, 64, 64\)'),
    ('--set batchsize=7', 'batchsize: found 7, but the data set holds 6 videos'),
    ('--set quality_interval=2', 'quality_interval: found 6 videos, expected at least 256'),
])
def test_what_a_user_can_fix_is_one_message(small_experiment, refused, flags, message):
    assert re.search(message, refused(
        train.main, '--config_path', small_experiment, *flags.split()))


def test_moving_mnist_is_made_once(small_experiment, tmp_path, capsys):
    path = tmp_path / 'made.npy'
    small_experiment.write_text(config.load(small_experiment, [
        f'dataset.args.dataset_path={path}', 'make_moving_mnist={n_videos: 5, seed: 1}']).dump())
    experiment = config.load(str(small_experiment))
    path.with_name('made_2.npy').touch()    # of another experiment
    data.make_data(experiment)
    assert len(experiment.dataset.build()) == 5
    made = path.stat().st_mtime_ns
    data.make_data(experiment)
    assert path.stat().st_mtime_ns == made
    assert capsys.readouterr().out == (
        f'making {path}, which is not there: 5 videos of moving digits, 0 MB\n')
    data.make_data(experiment.replace(make_moving_mnist={'n_videos': 6}))
    assert capsys.readouterr().out == (
        f'{path} exists and has 5 videos, not the 6 of make_moving_mnist: it is used as it is; for '
        'more, name another file\n')

    path.unlink()
    for change, message in (
            ({'batchsize': 6}, 'batchsize: found 6, but the data set holds 5 videos'),
            ({'quality_interval': 2}, 'quality_interval: found 5 videos, expected at least 256')):
        with pytest.raises(TGANError, match=message):
            data.make_data(experiment.replace(**change))
        assert not path.exists()
    data.make_data(experiment)

    misspelled = path.with_name('maed.npy')
    data.make_data(config.load(small_experiment, [f'dataset.args.dataset_path={misspelled}']))
    assert f'; that of {small_experiment} is {path}; did you mean {path}' in capsys.readouterr().out


def test_labels_are_made_with_their_videos_only(small_experiment):
    experiment = config.load(small_experiment, [
        'dataset.name=MovingMNISTDatasetLabelled', 'dataset.args.dataset_path=made.npy',
        'dataset.args.config_path=made_pd.csv', 'make_moving_mnist={n_videos: 5, size: 32}'])
    data.make_data(experiment)
    assert len(experiment.dataset.build().category_prior) > 1
    os.remove('made_pd.csv')    # the videos may be others than these settings make
    data.make_data(experiment)
    assert not os.path.exists('made_pd.csv')
