import json
import re

import chainer
import numpy as np
import pytest
from chainer import serializers

from tgan_chainer import config, infer, results, train
from tgan_chainer.distributed import OneProcess
from tgan_chainer.io import snapshots
from tgan_chainer.training.resume import resume

# What Chainer 2 does not write (measured on a snapshot of its).
NOT_IN_CHAINER_2 = re.compile(
    r'extension_triggers/.*|stop_trigger/.*|extensions/LogReport/(_trigger|_summary)/.*|'
    r'updater/optimizer:\w+/.+/t')


@pytest.fixture(params=['chainer 2', 'chainer 7'])
def theirs(request, authors_result):
    if request.param == 'chainer 2':
        rewrite(authors_result / 'snapshot_iter_3.npz', lambda arrays: {
            key: array for key, array in arrays.items() if not NOT_IN_CHAINER_2.fullmatch(key)})
    return authors_result


def rewrite(path, change):
    with np.load(path) as archive:
        arrays = change(dict(archive))
    np.savez(path, **arrays)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob('*') if path.is_file()}


def resumed(path, experiment, seed=0):
    """A training that goes on from a snapshot, whatever was drawn before; what does not go on."""
    training = train.build(experiment, chainer.get_device(-1), OneProcess())
    np.random.seed(seed)
    return training, resume(training.trainer, path, experiment, training.random_state, OneProcess())


def test_all_that_their_trainer_kept_is_taken_over(theirs, recwarn):
    path = theirs / 'snapshot_iter_3.npz'
    experiment = config.load(results.experiment_file(theirs))
    training, note = resumed(path, experiment)
    trainer = training.trainer
    assert note.startswith(f'{path} holds no random state: random numbers are drawn anew')
    with np.load(path) as archive:
        of_chainer_2 = 'updater/optimizer:vdis/c0/W/t' not in archive
    assert ('batch_norm_statistics: chainer7' in note) != of_chainer_2
    assert not recwarn.list

    ours = {f'updater/{key}': value
            for key, value in serializers.npz.serialize(trainer.updater).items()}
    with np.load(path) as archive:
        keys = {key for key in archive.files if key.startswith('updater/')}
        for key in keys:
            np.testing.assert_array_equal(ours[key], archive[key], err_msg=key)
        assert trainer.get_extension('LogReport').log == json.loads(
            str(archive['extensions/LogReport/_log']))
    counts = {key for key in ours if key.startswith('updater/optimizer:') and key.endswith('/t')}
    assert len(counts) > 30 and {int(ours[key]) for key in counts} == {3}
    assert ours.keys() == keys | counts

    drawn = np.random.rand()    # follows from seed and iteration
    resumed(path, experiment, seed=1)
    assert drawn == np.random.rand()
    training.random_state.seed_all()
    assert drawn != np.random.rand()


def test_their_training_goes_on_and_their_folder_stays_theirs(theirs, capsys):
    before = contents(theirs)
    assert train.main(['--resume', str(theirs), '--iterations', '4']) == 0
    out = capsys.readouterr().out
    assert out.count('holds no random state') == 1 and f'resuming in {theirs}' in out
    log = json.loads((theirs / 'log').read_text())
    assert [entry['iteration'] for entry in log] == [1, 2, 3, 4]
    with np.load(theirs / 'snapshot_iter_4.npz') as archive:
        assert archive['updater/optimizer:vdis/c0/W/t'] == 4

    after = contents(theirs)
    changed = {path.name for path in before if before[path] != after[path]}
    assert changed == {'log', 'loss_gen.png', 'loss_dis.png'}
    # Their infer.py takes any *.yml, and knows their spelling only.
    assert [path.name for path in theirs.glob('*.yml')] == ['small_svd.yml']
    assert config.load(results.experiment_file(theirs)).iterations == 4
    assert train.main(['--resume', str(theirs), '--iterations', '5']) == 0
    assert config.load(results.experiment_file(theirs)).iterations == 5
    assert [path.name for path in theirs.glob('*.yml')] == ['small_svd.yml']
    assert infer.main(['--result_dir', str(theirs), '--gpu', '-1', '--n', '1', '--images',
                       '--out_dir', str(theirs / 'infer')]) == 0


def test_a_finished_training_says_so_and_nothing_is_changed(authors_result, capsys):
    assert train.main(['--resume', str(authors_result), '--iterations', '5']) == 0
    before = contents(authors_result)
    capsys.readouterr()
    for flags in ([], ['--iterations', '4'], ['--epoch', '1']):
        assert train.main(['--resume', str(authors_result), *flags]) == 0
        out, err = capsys.readouterr()
        assert re.fullmatch(r'\S+/snapshot_iter_5.npz is at iteration 5 of [345]: nothing is left '
                            r'to do\. .*--iterations or --epoch\n', out)
        assert not err
    assert contents(authors_result) == before


def with_states(*names):
    def change(arrays):
        states = [key for key in arrays if key.endswith('/ms')]
        others = {f'{key[:-2]}{name}': arrays[key] for key in states for name in names}
        return {key: array for key, array in arrays.items() if key not in states} | others
    return change


@pytest.mark.parametrize('name, change, setting, message', [
    ('vdis_iter_3.npz', None, None, 'is no snapshot of a training.* expected a snapshot_iter_N'),
    ('small_svd.yml', None, None, r'cannot be loaded \(File is not a zip'),
    ('snapshot_iter_3.npz', None, 'dataset.args.dataset_path=other.npy',
     'another data set: it was trained on 6 videos, here are 5'),
    ('snapshot_iter_3.npz', None, 'optimizer={name: Adam, args: {}}',
     'another optimizer: it has trained fsgen by RMSprop, that of .*/small_svd.yml is Adam'),
    ('snapshot_iter_3.npz', None, 'optimizer.name=SGD', 'fsgen by RMSprop, that of .* is SGD'),
    ('snapshot_iter_3.npz', with_states('m', 'v'), None, 'fsgen by Adam, .* is RMSprop'),
    ('snapshot_iter_3.npz', with_states('mean'), None, r"one with the states \('mean',\), that of"),
    ('snapshot_iter_3.npz', None, 'models.video_discriminator.args.mid_ch=3',
     r'other networks: its vdis has bn0/avg_mean of float32 \(2,\), that of .* \(3,\)'),
    ('snapshot_iter_3.npz', None, 'models.video_discriminator.name=VideoDiscriminatorInitUniform',
     'its vdis has no bn0/beta, which that of .* has'),
    ('snapshot_iter_3.npz', lambda arrays: {**arrays, 'updater/model:vgen/bn9/N': 0}, None,
     'its vgen has bn9/N, which that of .* has not'),
], ids=lambda value: value[:20] if isinstance(value, str) else '')
def test_another_snapshot_is_refused_by_its_cause(
        authors_result, moving_mnist, here, refused, name, change, setting, message):
    np.save('other.npy', np.load(moving_mnist)[:, :5])
    # An older one, to which no message may send: it is no better.
    (authors_result / 'snapshot_iter_2.npz').write_bytes(
        (authors_result / 'snapshot_iter_3.npz').read_bytes())
    if change:
        rewrite(authors_result / name, change)
    before, flags = contents(authors_result), ['--branch', '--set', setting] if setting else []
    err = refused(train.main, '--resume', authors_result / name, *flags)
    assert re.fullmatch(f'error: .*{re.escape(name)}: .*{message}.*\n', err), err
    assert 'the one before' not in err
    assert contents(authors_result) == before


def test_a_damaged_one_is_not_called_one_of_something_else(authors_result, refused):
    path = authors_result / 'snapshot_iter_3.npz'
    rewrite(path, dict)    # uncompressed
    whole = path.read_bytes()
    before = path.with_name('snapshot_iter_2.npz')
    before.write_bytes(whole)
    # More than what zipfile reads at once, with which it would have seen the checksum.
    header = whole.index(b"'shape': (16, 8, 4", whole.index(b'updater/model:vgen/dc1/W.npy'))
    name_in_directory = whole.rindex(b'updater/model:vdis/bn0/gamma.npy')
    for at, flipped in ((header, b"'shape': (17"), (name_in_directory, b'updater/model:vdiz')):
        path.write_bytes(whole[:at] + flipped + whole[at + len(flipped):])
        err = refused(train.main, '--resume', authors_result)
        assert 'It is damaged' in err and err.endswith(f'before it: --resume {before}\n')


def test_what_is_no_snapshot_is_noticed_before_data_are_made(authors_result, here, refused):
    data = here / 'made.npy'
    path = authors_result / 'small_svd.yml'
    path.write_text(re.sub(r'dataset_path: [^}]*', f'dataset_path: {data}', path.read_text())
                    + 'make_moving_mnist: {n_videos: 6}\n')
    for name in ('gen_iter_3.npz', 'snapshot_iter_9.npz'):
        refused(train.main, '--resume', authors_result / name)    # without a file or a word of it
    (authors_result / 'snapshot_iter_3.npz').write_bytes(b'PK')
    assert 'It is damaged' in refused(train.main, '--resume', authors_result)


@pytest.fixture
def two_snapshots(authors_result):
    path = authors_result / 'snapshot_iter_4.npz'
    path.write_bytes((authors_result / 'snapshot_iter_3.npz').read_bytes())
    rewrite(path, lambda arrays: {**arrays, 'updater/iteration': 4})
    return authors_result


@pytest.mark.parametrize('name, flags, message', [
    ('snapshot_iter_3.npz', [], r'its folder holds newer snapshots, to iteration 4.* or add --bra'),
    ('snapshot_iter_4.npz', ['--batchsize', '3', '--seed', '5'],
     r'other settings \(batchsize 2 there, 3 here; seed 0 there, 5 here\).* or add --branch'),
    ('snapshot_iter_4.npz', ['--set', 'optimizer.args.lr=1e-3'], 'lr 5e-05 there, 0.001 here'),
    ('snapshot_iter_4.npz', ['--set', 'optimizer.vdis.name=SGD'], 'vdis.name None there, SGD here'),
])
def test_no_two_trainings_in_one_folder(two_snapshots, refused, name, flags, message):
    before = contents(two_snapshots)
    assert re.search(message, refused(train.main, '--resume', two_snapshots / name, *flags))
    assert contents(two_snapshots) == before


def test_what_changes_no_number_may_change_and_a_damaged_newer_one_is_in_nobodys_way(two_snapshots):
    (two_snapshots / 'snapshot_iter_4.npz').write_bytes(b'PK')
    assert train.main(['--resume', str(two_snapshots / 'snapshot_iter_3.npz'), '--iterations', '4',
                       '--set', 'display_interval=1', '--set', 'preview_videos=1']) == 0
    snapshots.require_whole(two_snapshots / 'snapshot_iter_4.npz')


def test_a_branch_leaves_its_origin_alone_and_has_whole_records(
        two_snapshots, here, capsys):
    snapshot = two_snapshots / 'snapshot_iter_3.npz'
    (two_snapshots / 'record.json').write_text('[{"iteration": 0}, {"iteration": 3}]')
    before = contents(two_snapshots)
    for out in ([], ['--out', 'named']):
        assert train.main(['--resume', str(snapshot), '--branch', '--set', 'batchsize=3',
                           '--iterations', '4', *out]) == 0
    assert contents(two_snapshots) == before
    assert f'writing to named, continuing from {snapshot}' in capsys.readouterr().out
    branch = here / 'results' / f'{two_snapshots.name}_branch_0'
    assert snapshots.iterations(branch, snapshots.TRAINER) == [4]
    assert config.load(branch / 'config.yml').batchsize == 3
    assert (branch / 'source' / 'tgan_updater_wgan.py').is_file()
    log = json.loads((branch / 'log').read_text())
    assert [entry['iteration'] for entry in log] == [1, 2, 3, 4]
    first, second = json.loads((branch / 'record.json').read_text())
    assert first == {'iteration': 0}
    assert (second['iteration'], second['branched_from']) == (3, str(snapshot))


def test_a_branch_of_nothing_and_one_that_the_experiment_names(two_snapshots, tmp_path, refused):
    assert '--branch: continues from a snapshot; add --resume' in refused(train.main, '--branch')
    path = tmp_path / 'again.yml'
    path.write_text((two_snapshots / 'small_svd.yml').read_text()
                    + f'resume: {two_snapshots / "snapshot_iter_3.npz"}\n'
                    f'result_dir: {tmp_path / "named"}\niterations: 4\n')
    assert train.main(['--config_path', str(path), '--branch']) == 0
    assert (tmp_path / 'named' / 'snapshot_iter_4.npz').exists()


def test_a_snapshot_without_an_experiment_beside_it(authors_result, refused):
    (authors_result / 'small_svd.yml').unlink()
    assert 'found no .yml file' in (err := refused(train.main, '--resume', authors_result))
    assert err.endswith('; or give --config_path\n')
