import chainer
import pytest

from tests.conftest import full_disk
from tgan_chainer import config, train
from tgan_chainer.distributed import OneProcess
from tgan_chainer.errors import DataError
from tgan_chainer.training import record


def test_overview(small_experiment, moving_mnist, monkeypatch):
    monkeypatch.setenv('TGAN_NUM_THREADS', '3')
    experiment, ranks, device = config.load(small_experiment), OneProcess(), chainer.get_device(-1)
    experiment = experiment.replace(iterations=8000)
    training = train.build(experiment, device, ranks)
    sizes = [f'{sum(param.size for param in model.params()):,}' for model in training.system]
    assert record.overview(experiment, training, ranks).splitlines() == [
        "device    CPU, 3 thread(s), this package's kernels",
        f'networks  G0 {sizes[0]}, G1 {sizes[1]}, D {sizes[2]} parameters',
        f'data      6 videos, T x C x H x W = 16 x 1 x 64 x 64, from {moving_mnist}',
        'updates   8,000, each of 2 videos']

    training.trainer.updater.iteration = 5
    training.system.vdis.add_link('late', chainer.links.Linear(None, 2))
    ranks.size = 2
    lines = record.overview(experiment, training, ranks).splitlines()
    assert lines[0].endswith(', 2 ranks')
    assert 'D over ' in lines[1]
    assert lines[2].endswith(str(moving_mnist))
    assert lines[3] == 'updates   8,000 (5 done), each of 2 videos a rank'


def test_sources_are_whole_or_not_there(small_experiment, tmp_path):
    experiment, out = config.load(small_experiment), tmp_path / 'source'
    with full_disk(2000), pytest.raises(DataError, match='cannot write .*frame_seed_generator.py'):
        record.copy_sources(out, experiment)
    assert [path.name for path in out.iterdir()] == ['small.yml']
    record.copy_sources(out, experiment)
    assert len(list(out.iterdir())) == 6
