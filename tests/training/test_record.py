"""What a result folder says about its starts."""
import pytest

from tests.conftest import full_disk
from tgan_chainer import config
from tgan_chainer.errors import DataError
from tgan_chainer.training import record


def test_sources_are_whole_or_not_there(small_experiment, tmp_path):
    experiment, out = config.load(small_experiment), tmp_path / 'source'
    with full_disk(2000), pytest.raises(DataError, match='cannot write .*frame_seed_generator.py'):
        record.copy_sources(out, experiment)
    assert [path.name for path in out.iterdir()] == ['small.yml']
    record.copy_sources(out, experiment)
    assert len(list(out.iterdir())) == 6
