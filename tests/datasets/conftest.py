"""The input files of the recording `datasets-seed0`, made anew."""
import h5py
import pandas as pd
import pytest

from reference import recordings


@pytest.fixture(scope='session')
def inputs():
    return recordings.dataset_inputs()


@pytest.fixture(scope='session')
def ucf_paths(inputs, tmp_path_factory):
    """h5 file and pickled table."""
    folder = tmp_path_factory.mktemp('ucf')
    h5path, config_path = folder / 'ucf101_train.h5', folder / 'ucf101_train_pd.pkl'
    with h5py.File(h5path, 'w') as file:
        file['image'] = inputs.ucf_image
    start, end = zip(*inputs.ucf_spans, strict=True)
    pd.DataFrame({'category': ['Archery', 'Archery', 'YoYo', 'YoYo'], 'group': 1, 'scene': 1,
                  'start': start, 'end': end}).to_pickle(config_path)
    return str(h5path), str(config_path)
