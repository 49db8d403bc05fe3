"""Initial networks of the oracle.

Their arrays are the package's, the recorded ones byte for byte (layer 2 of `python -m parity`).
"""
import numpy as np
import pytest

from parity import replay
from reference import recordings
from reference.oracle import networks, training


@pytest.fixture(scope='session')
def initial():
    """Function from a recording to the oracle's networks and their initial states in float64."""
    def initial(recording):
        configuration = recordings.models(recording)
        built = replay.build(configuration, recording.chainer)
        return networks.build_models(configuration), {
            name: networks.as_float64(replay.state(network)) for name, network in built.items()}
    return initial


@pytest.fixture(scope='session')
def start(initial):
    """Function from a `train-*` recording to a `Training` by its recipe, and its videos."""
    def start(recording):
        updater = recording.meta['updater']
        trained = training.Training(
            *initial(recording), training.updater(updater['cls'], **updater['kwargs']),
            np.random.RandomState(recordings.SEED_OFFSETS['training']),
            f'chainer{recording.chainer[0]}')
        return trained, recordings.training_videos(recording)
    return start
