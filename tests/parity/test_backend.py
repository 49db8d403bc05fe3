"""Kernels and devices of a run. What runs on a device is tried on the double: tests/trust."""
import os
from unittest import mock

import chainer
import numpy as np
import pytest
from chainer.backend import CpuDevice

from parity import backend, replay, runner
from parity.check import Verdict
from parity.checks import registry
from tgan_chainer.errors import ConfigError
from tgan_chainer.evaluation.c3d_ft import C3D
from tgan_chainer.functions import choice


@pytest.fixture(autouse=True)
def settings(monkeypatch):
    monkeypatch.setattr(backend, 'device', backend.device)
    monkeypatch.setattr(chainer.global_config, 'tgan_cpu_kernels', 'tgan')


@pytest.mark.parametrize('kernels', ['chainer', 'tgan'])
def test_kernels_are_those_of_this_process(kernels):
    backend.use(kernels, -1)
    assert choice.runs_on_cpu_kernels(np.ones(1)) == (kernels == 'tgan')
    assert backend.describe() == f'{kernels} on @numpy'


def test_unknown_kernels():
    with pytest.raises(ConfigError, match="'fast'; expected one of tgan, chainer"):
        backend.use('fast', -1)


def test_other_processes_use_the_same_kernels_and_no_tf32():
    with mock.patch.dict(os.environ, runner._ENVIRONMENT), runner._pool(1, 'chainer', -1) as pool:
        assert pool.submit(backend.describe).result() == 'chainer on @numpy'
        assert pool.submit(os.getenv, 'NVIDIA_TF32_OVERRIDE').result() == '0'


# The only check of a device that is too large for the double.
@pytest.mark.slow
def test_c3d_goes_to_the_device_and_its_results_come_back(monkeypatch):
    device = mock.create_autospec(CpuDevice(), spec_set=True, xp=np)
    monkeypatch.setattr(backend, 'device', device)
    monkeypatch.setattr(replay, 'recorded', replay.recorded.__wrapped__)
    with mock.patch.object(C3D, 'to_device') as to_device:
        outcome = registry()['metrics/c3d-activations/chainer-7.8.1'].run()
    assert outcome.verdict is Verdict.PASSED, outcome.error
    to_device.assert_called_once_with(device)
