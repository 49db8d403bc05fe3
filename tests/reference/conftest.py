"""What several tests of the oracle need: initial networks and trained ones, computed once."""
from functools import cache

import numpy as np
import pytest

from reference import recordings
from reference.oracle import layers, networks, optimizers, training

#: Which running-statistics rule each recorded release follows.
SEMANTICS = {'2.0.2': layers.CHAINER2, '7.8.1': layers.CHAINER7}


class Run:
    """A training run of the oracle, kept as the recordings keep theirs."""

    def __init__(self, config, updater, statistics, batch, n_updates):
        models = networks.build_models(recordings.configurations()[config])
        states = networks.init_models(models, np.random.RandomState(0), statistics)
        videos = recordings.synthetic_videos(
            recordings.N_TRAINING_VIDEOS, models['vdis'].in_channels,
            recordings.SEED_OFFSETS['videos'])
        rng = np.random.RandomState(recordings.SEED_OFFSETS['training'])
        trained = training.Training(models, states, updater, rng, statistics)
        self.losses, self.l2 = [], []
        for i in range(n_updates):
            taken = np.arange(i * batch, (i + 1) * batch) % len(videos)
            self.losses.append(trained.update(videos[taken]))
            self.l2.append({
                network: {key: np.linalg.norm(state[key].ravel())
                          for key in state if networks.is_parameter(key)}
                for network, state in trained.states.items()})
            if i == 0:
                self.grads_after_first = trained.grads
        self.states = trained.states


@cache
def _run(*args):
    return Run(*args)


@pytest.fixture(scope='session')
def run_of():
    """Function from a `train-*` recording to the oracle's run of the same recipe."""
    def run_of(recording):
        meta = recording.meta
        updater = training.updater(meta['updater']['cls'], **meta['updater']['kwargs'])
        # In training only singular value clipping reads running statistics; for every other
        # updater one run must agree with both releases.
        reads_statistics = updater.constraint is optimizers.singular_value_clipping
        statistics = SEMANTICS[recording.chainer] if reads_statistics else layers.CHAINER2
        return _run(meta['config'], updater, statistics, meta['batch'], len(meta['trace']))
    return run_of


@pytest.fixture(scope='session')
def initial():
    """Function from configuration and release to (networks, initial float32 states)."""
    def initial(config, chainer):
        models = networks.build_models(recordings.configurations()[config])
        states = networks.init_models(models, np.random.RandomState(0), SEMANTICS[chainer])
        return models, states
    return initial


@pytest.fixture(scope='session')
def semantics():
    """Release to running-statistics rule."""
    return SEMANTICS
