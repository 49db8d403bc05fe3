"""Result folders: which experiment and which networks of one are meant."""
import pytest

from tgan_chainer import results, snapshots


@pytest.mark.parametrize('there, wanted, chosen', [
    ([5, 10], None, 10), ([5, 10], 5, 5), ([100000, 105000], None, 100000),
])
def test_choice_of_the_iteration(tmp_path, there, wanted, chosen):
    for iteration in there:
        (tmp_path / snapshots.NETWORKS['vgen'].format(iteration)).touch()
    assert results.choose_iteration(tmp_path, wanted) == chosen
