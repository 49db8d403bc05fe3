"""Result folders: which experiment and which networks of one are meant."""
import chainer
import numpy as np
import pytest

from tgan_chainer import results, snapshots
from tgan_chainer.errors import SnapshotError


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
])
def test_no_file_of_the_authors_is_overwritten(tmp_path, there, experiment, recorded):
    for name in there:
        (tmp_path / name).touch()
    assert results.recorded_file(tmp_path) == tmp_path / recorded
    if experiment:
        assert results.experiment_file(tmp_path) == tmp_path / experiment
    else:
        with pytest.raises(SnapshotError, match=r'found (no \.yml|2 \.yml files, a\.yml, b\.yml)'):
            results.experiment_file(tmp_path)


def test_what_only_looks_like_an_experiment_is_passed_over(tmp_path):
    for name in ('small.yml', '._small.yml'):    # the latter by macOS, on foreign disks
        (tmp_path / name).touch()
    (tmp_path / 'notes.yml').mkdir()
    assert results.experiment_file(tmp_path) == tmp_path / 'small.yml'


def test_generators_of_the_authors(authors_result, authors_training):
    fsgen, vgen = results.load_generators(authors_result, 3, chainer.get_device('@numpy'))
    for network, name in ((fsgen, 'gen_iter_3.npz'), (vgen, 'vgen_iter_3.npz')):
        with np.load(authors_training / name) as archive:
            ours = chainer.serializers.npz.serialize(network)
            assert ours.keys() == set(archive.files)
            for key, array in ours.items():
                np.testing.assert_array_equal(array, archive[key])
