"""How long the robustness tests run, and the trainings that they disturb."""
import contextlib
import random

import pytest

from tests.robustness.lab import Lab, own_mounts
from tgan_chainer.io.progress import progress


def pytest_addoption(parser):
    parser.addoption('--robustness', type=int, default=0, metavar='N', help='for tests/robustness: '
                     'N kills, N/10 of each other fault, N*1000 hostile files for each reader')


def pytest_generate_tests(metafunc):
    """Number the faults of a kind, each of which is drawn from its number."""
    if 'fault_number' in metafunc.fixturenames:
        n_faults = max(1, metafunc.config.getoption('--robustness', 0) // 10)
        metafunc.parametrize('fault_number', range(n_faults))


@pytest.fixture
def robustness(pytestconfig):
    return pytestconfig.getoption('--robustness', 0)


@pytest.fixture
def progress_of(robustness, capfd):
    """Context of a number and a name: a bar, which is shown in long runs only."""
    @contextlib.contextmanager
    def show(total, name):
        with (capfd.disabled() if robustness else contextlib.nullcontext(),
              progress(total=total, desc=name, disable=not robustness) as bar):
            yield bar
    return show


@pytest.fixture
def rng(request):
    return random.Random(request.node.name)


@pytest.fixture(scope='session')
def lab(tmp_path_factory, can_mount):
    """One undisturbed training for all tests; its processes see the mounts."""
    return Lab(tmp_path_factory.mktemp('lab'))


@pytest.fixture(scope='session')
def can_mount():
    """Whether this process may mount file systems, which nobody else sees."""
    return own_mounts()
