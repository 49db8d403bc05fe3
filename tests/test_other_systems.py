import json
import re
from pathlib import Path

import chainer
import numpy as np
import pytest
import yaml
from PIL import Image

from tests.conftest import differing
from tests.evaluation.conftest import write_ucf101
from tests.movies import read_movie
from tgan_chainer import config, infer, results, train
from tgan_chainer.extensions import plots
from tgan_chainer.io import pictures, snapshots
from tgan_chainer.models.sampling import make_video

# Those of moving_mnist_small/ are of the same systems.
EXPERIMENTS = [name for name in config.packaged_names() if re.match(
    '(ucf101|moving_mnist)/.*_(conditional|3d-model|video-gan|z1-only)', name)]
CONDITIONAL, = (name for name in EXPERIMENTS if 'conditional' in name)
CATEGORIES = ['Archery', 'HandstandPushups', 'YoYo']


@pytest.fixture(autouse=True)
def without_charts(here, monkeypatch):
    monkeypatch.setattr(plots, 'CHARTS', ())    # half the time; tested elsewhere


@pytest.fixture
def make_small(moving_mnist, tmp_path, shrunk):
    def make(name):
        document = shrunk(f'configs/{name}')
        data = {'dataset_path': str(moving_mnist)} if 'mnist' in name else (
            write_ucf101(tmp_path, [CATEGORIES[i] for i in (0, 1, 1, 2, 2, 2)]))
        document['dataset']['args'] |= data
        if 'freq' in document['updater']['args']:
            document['updater']['args']['freq'] = 1
        document |= {'batchsize': 2, 'iterations': 2, 'snapshot_interval': 2, 'preview_videos': 3,
                     'display_interval': 2}
        path = tmp_path / Path(name).name
        path.write_text(yaml.safe_dump(document))
        return path
    return make


def run(experiment, *flags):
    return train.main(['--config_path', str(experiment), *flags])


def sample(*flags, result='result'):
    return infer.main(['--result_dir', str(result), '--gpu', '-1', '--out_dir', 'videos', *flags])


@pytest.mark.parametrize('name', EXPERIMENTS)
def test_train_then_infer(name, make_small, tmp_path):
    assert run(make_small(name), '--out', 'result') == 0
    result, is_conditional = tmp_path / 'result', name == CONDITIONAL
    networks = snapshots.NETWORKS.keys() - ({'fsgen'} if re.search('3d-|video-', name) else ())
    assert {path.name for path in result.glob('*.npz')} == {snapshots.TRAINER.format(2), *(
        snapshots.NETWORKS[each].format(2) for each in networks)}
    entry, = json.loads((result / 'log').read_text())
    losses = [key for key in entry if key.startswith('vdis/loss')]
    assert len(losses) == 2 and all(np.isfinite(entry[key]) for key in losses)
    assert ('vgen/penalty' in entry) == ('video-gan' in name)
    sheet = Image.open(result / 'preview' / 'image_img_00000002.png')
    assert sheet.size == (16 * 64 + is_conditional * pictures.NAMES_WIDTH,
                          (3 + ('mnist' in name)) * 64)    # with a row of real videos
    sources = {path.name for path in (result / 'source').iterdir()}
    assert {Path(name).name, 'video_gan.py' if 'video-gan' in name else 'conditional_tgan.py'
            if is_conditional else 'video_discriminator.py'} <= sources

    assert (result / 'categories.json').exists() == is_conditional
    if is_conditional:
        assert json.loads((result / 'categories.json').read_text()) == CATEGORIES
        with np.load(result / 'gen_iter_2.npz') as archive:
            np.testing.assert_allclose(archive['category_prior'], [1 / 6, 2 / 6, 3 / 6], rtol=1e-15)

    assert sample('--images', '--n', '2', '--iter', '2') == 0
    one, other = (np.array(Image.open(tmp_path / 'videos' / f'result_iter-2_seed-0_{i}.png'))
                  for i in (0, 1))
    assert one.shape[:2] == (64, 16 * 64)    # those of grey videos have one channel
    assert (one != other).any()


@pytest.mark.parametrize('name', [CONDITIONAL, 'ucf101/ucf101_video-gan_vanilla_zdim-100.yml'])
def test_resume_is_bit_identical(name, make_small, tmp_path):
    experiment = make_small(name)
    assert run(experiment, '--out', 'whole') == 0
    assert run(experiment, '--out', 'parts', '--iterations', '1') == 0
    assert train.main(['--resume', 'parts', '--iterations', '2']) == 0
    assert not differing(tmp_path / 'whole', tmp_path / 'parts', 2)


def test_a_row_for_each_category(make_result, tmp_path, capsys):
    result = make_result('result', 'conditional', wscale=0.3)
    assert sample('--video', '--images', '--n', '3', '--category', 'C', '--category', 'A',
                  '--category', 'C', result=result) == 0
    stem = 'videos/result_iter-5_seed-0'
    names = [f'{stem}_C+A+C{suffix}' for suffix in ('.avi', '.mp4', '.gif')] + [
        f'{stem}_{name}_{i}.png' for name in 'CA' for i in range(3)]
    assert capsys.readouterr().out.split()[-9:] == names

    generators = results.load_system(result, 5, chainer.get_device('@numpy'))[:2]
    np.random.seed(0)
    videos, _, _ = make_video(*generators, 6, labels=np.array([2, 2, 2, 0, 0, 0], 'i'))
    videos = pictures.infer_pixels(videos)
    for name, video in zip(names[3:], videos, strict=True):
        np.testing.assert_array_equal(np.array(Image.open(tmp_path / name)),
                                      pictures.frame_sheet(video[None]))

    grid = read_movie(tmp_path / names[2])
    assert grid.shape == (16, 2 * 64, 3 * 64 + pictures.NAMES_WIDTH, 3)
    grid = grid[:, :, :3 * 64]
    # What the palette costs, and what a wrong order of the videos would.
    error, wrong = (np.abs(grid - pictures.tile_movie(order, columns=3).astype(float)).mean()
                    for order in (videos, videos[::-1]))
    assert error < wrong / 1.5


def test_every_category_and_what_is_wrong_with_one(make_result, tmp_path, refused):
    result = make_result('result', 'conditional')
    flags = '--result_dir', str(result), '--gpu', '-1', '--images', '--n', '1'
    assert infer.main([*flags, '--category', 'all']) == 0
    assert {path.name for path in (tmp_path / 'infer').iterdir()} == {
        f'result_iter-5_seed-0_{name}_0.png' for name in 'ABC'}
    assert "no category 'D'" in refused(infer.main, *flags, '--category', 'D')
    (result / 'categories.json').unlink()
    assert 'categories.json: there is no such file' in refused(
        infer.main, *flags, '--category', 'A')
    assert infer.main([*flags]) == 0    # drawn from the prior, without a name


@pytest.mark.parametrize('role', ['fsgen', 'vgen', 'vdis', 'dataset'])
def test_categories_that_do_not_agree(make_small, role, refused):
    path = make_small(CONDITIONAL)
    document = yaml.safe_load(path.read_text())
    if role == 'dataset':
        document['dataset']['name'] = 'UCFDataset'
        found = 'fsgen must be the same, found 0 and 3'
    else:
        document['models'][role]['args']['n_categories'] = 4
        found = f'{role} must be the same, found 3 and 4'
    path.write_text(yaml.safe_dump(document))
    assert f'n_categories of the data set and {found}' in refused(
        train.main, '--config_path', path, '--out', 'result')
