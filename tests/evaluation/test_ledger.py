"""Records of measurements: written, read back, and refused when they are damaged."""
import json

import chainer
import numpy as np
import pytest

from tgan_chainer import config
from tgan_chainer.errors import DataError
from tgan_chainer.evaluation import ledger
from tgan_chainer.io.files import sha256

CPU = chainer.get_device('@numpy')


@pytest.fixture
def system(result):
    file = result / 'config.yml'
    return ledger.describe_system(result, file, config.load(file), 5, ('fsgen', 'vgen'))


def measurement(system, values=(2.0, 3.0), **changes):
    return ledger.measurement(values, ['calc_inception.py', '--seed', 'a b'], CPU, **{
        'metric': 'inception score', 'systems': [system], 'dataset': None, 'protocol': 'tgan-v1',
        'samples': 9984, 'seeds': [*range(len(values))], 'weights': {'c3d': 'a' * 64}, **changes})


def test_written_and_read_back_by_date_under_safe_names(system, tmp_path):
    odd = system.model_copy(update={'result_dir': '../a b|c'})
    measurements = [measurement(odd, (i, i + 1.0)) for i in range(3)]
    paths = {ledger.write(tmp_path / 'ledger', each) for each in measurements[::-1]}
    assert len(paths) == 3
    for path in paths:
        assert path.parent == tmp_path / 'ledger'
        assert path.name.startswith('inception-score_..-a-b-c-5_')
    assert ledger.read_folder(tmp_path / 'ledger') == measurements
    last = measurements[-1]
    assert (last.value, last.std, last.best) == (2.5, 0.5, 3.0)
    assert last.conditions.command_line == "calc_inception.py --seed 'a b'"


@pytest.mark.parametrize('value', [np.nan, np.inf, 1.5])
def test_a_battle_is_written_and_read_back(system, tmp_path, value):
    critic = {'threshold': -np.inf, 'calibrated': True, 'calibration_accuracy': 0.5,
              'on_fakes': 0.0, 'on_test': 1.0}
    written = measurement(
        system, (value,), metric='GAM', systems=[system, system], dataset=system.dataset,
        battle=ledger.Battle(critics=[critic, critic], r_test=1.0, winner='tie',
                             interval=[0.5, np.inf], test_interval=[1.0, 1.0], confidence=0.95,
                             calibration=10, held_out=True))
    path = ledger.write(tmp_path, written)
    found = ledger.read(path)
    np.testing.assert_array_equal(found.values, written.values)
    assert found.battle == written.battle
    json.loads(path.read_text(), parse_constant=pytest.fail)    # no NaN, which is not JSON


def test_what_a_system_is(system, result, ucf101):
    assert (system.result_dir, system.seed, system.batchsize) == ('colour_0', 0, 2)
    assert system.networks == {name: sha256(result / name)
                               for name in ('gen_iter_5.npz', 'vgen_iter_5.npz')}
    assert system.config_sha256 == sha256(result / 'config.yml')
    assert system.parts['vgen'].args['conv_ch'] == 16
    assert system.parts['updater'].args['shuffle_time_order'] is None    # a default
    assert system.optimizer == {'name': 'RMSprop', 'args': {'lr': 5e-5}}
    assert system.dataset == ledger.DataSet(
        name='UCFDataset', videos=5, files={'h5path': 'ucf.h5', 'config_path': 'ucf.csv'},
        sha256={name: sha256(path) for name, path in ucf101.items()})


@pytest.mark.parametrize('old, new, there', [
    ('/ucf.h5', '/gone.h5', {'config_path'}),
    ('/ucf.csv', '/ucf.pkl', {'h5path', 'config_path'})])    # a table in place of a pickle
def test_data_that_are_not_there(result, old, new, there):
    path = result / 'config.yml'
    path.write_text(path.read_text().replace(old, new))
    found = ledger.describe_dataset(config.load(path).dataset)
    assert {name for name, digest in found.sha256.items() if digest} == there
    assert (found.videos is None) == ('h5path' not in there)
    assert found.files['config_path'] == 'ucf.csv'


@pytest.mark.parametrize('change, found', [
    (lambda record: record.pop('seeds'), 'seeds: Field required'),
    (lambda record: record.update(note='mine'), 'note: Extra inputs'),
    (lambda record: record.update(value=9.0), 'do not follow from the values'),
    (lambda record: record.update(std=0.0), 'do not follow from the values'),
    (lambda record: record['seeds'].append(9), '3 seeds and 2 values'),
    (lambda record: record.update(format=1), 'format: Input should be 2'),
    (lambda record: record['weights'].update({'c3d': 'A'}), 'weights.c3d: String should'),
    (lambda record: record['conditions'].update(date='today'), 'conditions.date'),
    (lambda record: record['systems'].append(record['systems'][0]), 'an inception score either'),
    (lambda record: record.update(metric='FID'), 'metric: Input should be'),
    (lambda record: record.update(metric='video quality'), 'a video quality one system, quality'),
    (lambda record: record.update(samples=0), 'samples: Input should be greater than 0'),
])
def test_damaged_records(system, tmp_path, change, found):
    path = ledger.write(tmp_path, measurement(system))
    record = json.loads(path.read_text())
    change(record)
    path.write_text(json.dumps(record))
    with pytest.raises(DataError, match=f'{path.name}: is not a whole record.*{found}'):
        ledger.read(path)


@pytest.mark.parametrize('read, message', [
    (ledger.read, 'cannot be read'), (ledger.read_folder, 'no such folder')])
def test_a_file_or_folder_that_is_missing(tmp_path, read, message):
    with pytest.raises(DataError, match=message):
        read(tmp_path / 'nowhere')
