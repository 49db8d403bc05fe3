"""How long the robustness tests run."""
import pytest


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
