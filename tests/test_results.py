import os
from pathlib import Path

import numpy as np
import pytest

from tgan_chainer import infer, results
from tgan_chainer.commands import figures
from tgan_chainer.commands.flags import result_folder
from tgan_chainer.commands.infer import parse_args as infer_flags
from tgan_chainer.commands.interpolate import parse_args as interpolate_flags
from tgan_chainer.errors import ConfigError, SnapshotError
from tgan_chainer.evaluation import calc_inception, gam, tile_prediction
from tgan_chainer.evaluation import video_quality as quality
from tgan_chainer.io import files, snapshots
from tgan_chainer.training.resume import find_snapshot


@pytest.mark.parametrize('there, wanted, chosen', [
    ([5, 10], None, 10), ([5, 10], 5, 5), ([100000, 105000], None, 100000),
])
def test_choice_of_the_iteration(tmp_path, there, wanted, chosen):
    for iteration in there:
        (tmp_path / snapshots.NETWORKS['vgen'].format(iteration)).touch()
    assert results.choose_iteration(tmp_path, wanted) == chosen


@pytest.mark.parametrize('there, experiment, recorded', [
    ([], None, 'config.yml'),                                         # a new folder
    (['config.yml', 'record.json'], 'config.yml', 'config.yml'),      # ours
    (['small.yml'], 'small.yml', 'config.yaml'),                      # the authors'
    (['config.yml'], 'config.yml', 'config.yaml'),                    # also by another's name
    (['small.yml', 'config.yaml'], 'config.yaml', 'config.yaml'),     # resumed; or killed then
    (['small.yml', 'config.yaml', 'record.json'], 'config.yaml', 'config.yaml'),
    (['a.yml', 'b.yml'], None, 'config.yaml'),
    (['small.yml', '._small.yml', 'notes.yml/'], 'small.yml', 'config.yaml'),    # macOS's; a folder
])
def test_no_file_of_the_authors_is_overwritten(tmp_path, there, experiment, recorded):
    for name in there:
        (tmp_path / name).mkdir() if name.endswith('/') else (tmp_path / name).touch()
    assert results.recorded_file(tmp_path) == tmp_path / recorded
    if experiment:
        assert results.experiment_file(tmp_path) == tmp_path / experiment
    else:
        with pytest.raises(SnapshotError, match=r'found (no \.yml|2 \.yml files, a\.yml, b\.yml)'):
            results.experiment_file(tmp_path)


@pytest.fixture
def three_results(here):
    """results/old, new and none: with networks of 2001 and of 2033, and without."""
    for name, time in (('old', 10 ** 9), ('new', 2 * 10 ** 9), ('none', None)):
        folder = here / 'results' / name
        folder.mkdir(parents=True)
        (folder / 'config.yml').touch()
        if time:
            for iteration, earlier in ((5, 0), (10, 5)):
                path = folder / snapshots.NETWORKS['vgen'].format(iteration)
                path.touch()
                os.utime(path, (time - earlier, time - earlier))


def test_latest_is_the_folder_of_the_newest_networks(three_results, capsys):
    assert result_folder('latest') == 'results/new'
    assert capsys.readouterr().err == 'latest: results/new\n'
    assert result_folder('results/old') == 'results/old'
    path = Path('results/new', snapshots.TRAINER.format(10))
    np.savez(path, **{'updater/iteration': 10})
    assert find_snapshot('latest') == path


@pytest.mark.parametrize('parse, flags', [
    (lambda flags: figures.parse_args(['2', *flags]), ['results/old']),
    (infer_flags, ['--video']), (interpolate_flags, []), (quality.parse_args, []),
    (calc_inception.parse_args, []), (tile_prediction.parse_args, []),
    (gam.parse_args, ['results/old'])])
def test_every_command_knows_latest(three_results, parse, flags):
    args = parse(['--result_dir', 'latest', *flags])
    assert args.result_dir in ('results/new', ['results/new', 'results/old'])


def test_latest_without_any(refused):
    assert 'newest result folder in results/, but there is none' in refused(
        infer.main, '--result_dir', 'latest', '--video')


def test_the_parent_of_result_folders_lists_them(three_results, refused):
    listed = 'Result folders in it, newest first:\n  results/new\n  results/old\n'
    assert refused(
        infer.main, '--result_dir', 'results', '--gpu', '-1', '--video').endswith(listed)
    with pytest.raises(SnapshotError) as caught:
        find_snapshot('results')
    assert f'{caught.value}\n'.endswith(listed)


def test_a_record_that_is_not_there_or_damaged(tmp_path):
    path = tmp_path / 'record.json'
    assert results.read_record(path) == []
    for content, message in ((b'[{', ''), (b'\xff', ''),
                             (b'null', 'found NoneType, expected a list of starts')):
        path.write_bytes(content)
        with pytest.raises(SnapshotError, match=f'record.json: is damaged .*{message}.*move it aw'):
            results.read_record(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(SnapshotError, match='is damaged'):
        results.read_record(path)


# -- categories ------------------------------------------------------------------------------------

NAMES = ['ApplyEyeMakeup', 'JugglingBalls', 'JumpRope', 'JumpingJack', 'PlayingSitar', 'Überflug']


def test_names_come_back_in_their_order_or_not_at_all(tmp_path):
    path = tmp_path / 'categories.json'
    for content, message in ((None, 'no such file'),
                             ([1, 2], 'is damaged .*expected a list of names'),
                             (NAMES, 'found 6 names, but the networks know 3 categories')):
        if content:
            files.write_json(path, content)
        with pytest.raises(SnapshotError, match=f'categories.json: .*{message}'):
            results.read_categories(tmp_path, 3)
    assert results.read_categories(tmp_path, 6) == NAMES


@pytest.mark.parametrize('wanted, labels', [
    (['JumpRope', 'ApplyEyeMakeup'], [2, 0]),
    (['JumpRope', 'JumpRope'], [2]),
    (['all'], [0, 1, 2, 3, 4, 5]),
    (['JumpRope', 'all'], [2, 0, 1, 3, 4, 5]),
])
def test_labels_of_names(wanted, labels):
    assert results.find_categories(wanted, NAMES) == labels
    assert results.find_categories(['all'], ['one', 'all']) == [1]    # it is called that


@pytest.mark.parametrize('name, message', [
    ('juggling', "no category 'juggling'; did you mean JugglingBalls, "),
    ('Jumping', 'did you mean JumpingJack, JumpRope'),
    ('sitar', 'did you mean PlayingSitar'),
    ('xyz', 'none of the 7 is like it: ApplyEyeMakeup, JugglingBalls'),
    ('12', "'12'; none of the 7 is like it: .*, 1$"),    # a number is like no other
])
def test_an_unknown_name_lists_those_like_it(name, message):
    with pytest.raises(ConfigError, match=message):
        results.find_categories(['JumpRope', name], [*NAMES, '1'])
