"""How long the robustness tests run, and the trainings that they disturb."""
import random

import pytest

from tests.robustness.lab import Lab


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
def rng(request):
    return random.Random(request.node.name)


@pytest.fixture(scope='session')
def lab(tmp_path_factory):
    """One undisturbed training for all tests."""
    return Lab(tmp_path_factory.mktemp('lab'))
