"""Each packaged experiment of a system without authors' code, made small: trained, then sampled."""
import json

import chainer
import numpy as np
import pytest
import yaml
from PIL import Image

from tests.conftest import differing
from tests.evaluation.conftest import write_ucf101
from tests.movies import read_movie
from tgan_chainer import infer, results, train
from tgan_chainer.extensions import plots
from tgan_chainer.io import pictures, snapshots
from tgan_chainer.models.sampling import make_video

EXPERIMENTS = {
    'conditional': 'ucf101/ucf101_conditional_wgan_svd_zdim-100_no-beta-all_init-uniform-all.yml',
    '3d clip': 'ucf101/ucf101_3d-model_wgan_clip_zdim-100_no-beta-all_init-uniform-all.yml',
    '3d svc': 'ucf101/ucf101_3d-model_wgan_svd_zdim-100_no-beta-all_init-uniform-all.yml',
    'video gan': 'ucf101/ucf101_video-gan_vanilla_zdim-100.yml',
    'video gan svc': 'ucf101/ucf101_video-gan_wgan_svd_zdim-100.yml',
    'z1': 'moving_mnist/mnist_z1-only_wgan_svd_zdim-100_no-beta-all_init-uniform-all.yml',
    '3d gan mnist':
        'moving_mnist/mnist_3d-model_vanilla_zdim-100_no-beta-all_init-default_noise.yml',
    '3d svc mnist':
        'moving_mnist/mnist_3d-model_wgan_svd_zdim-100_no-beta-all_init-uniform-all.yml',
}

CATEGORIES = ['Archery', 'HandstandPushups', 'YoYo']


@pytest.fixture(autouse=True)
def without_charts(here, monkeypatch):
    monkeypatch.setattr(plots, 'CHARTS', ())    # half the time; tested elsewhere


@pytest.fixture
def make_small(moving_mnist, tmp_path, shrunk):
    def make(name):
        document = shrunk(f'configs/{EXPERIMENTS[name]}')
        data = {'dataset_path': str(moving_mnist)} if 'mnist' in EXPERIMENTS[name] else (
            write_ucf101(tmp_path, [CATEGORIES[i] for i in (0, 1, 1, 2, 2, 2)]))
        document['dataset']['args'] |= data
        if 'freq' in document['updater']['args']:
            document['updater']['args']['freq'] = 1
        document |= {'batchsize': 2, 'iterations': 2, 'snapshot_interval': 2, 'preview_videos': 3,
                     'display_interval': 2}
        path = tmp_path / f'{name}.yml'
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
    result = tmp_path / 'result'
    networks = {'vgen', 'vdis'} if name.startswith(('3d', 'video')) else snapshots.NETWORKS.keys()
    assert {path.name for path in result.glob('*.npz')} == {snapshots.TRAINER.format(2), *(
        snapshots.NETWORKS[each].format(2) for each in networks)}
    entry, = json.loads((result / 'log').read_text())
    losses = [key for key in entry if key.startswith('vdis/loss')]
    assert len(losses) == 2 and all(np.isfinite(entry[key]) for key in losses)
    assert ('vgen/penalty' in entry) == name.startswith('video')
    sheet = Image.open(result / 'preview' / 'image_img_00000002.png')
    real_rows = 0 if 'ucf101' in EXPERIMENTS[name] else 1
    named = pictures.NAMES_WIDTH if name == 'conditional' else 0
    assert sheet.size == (16 * 64 + named, (3 + real_rows) * 64)
    sources = {path.name for path in (result / 'source').iterdir()}
    assert {f'{name}.yml', 'video_gan.py' if 'video' in name else 'conditional_tgan.py'
            if name == 'conditional' else 'video_discriminator.py'} <= sources

    assert (result / 'categories.json').exists() == (name == 'conditional')
    if name == 'conditional':
        assert json.loads((result / 'categories.json').read_text()) == CATEGORIES
        with np.load(result / 'gen_iter_2.npz') as archive:
            np.testing.assert_allclose(archive['category_prior'], [1 / 6, 2 / 6, 3 / 6], rtol=1e-15)

    assert sample('--images', '--n', '2', '--iter', '2') == 0
    one, other = (np.array(Image.open(tmp_path / 'videos' / f'result_iter-2_seed-0_{i}.png'))
                  for i in (0, 1))
    assert one.shape[:2] == (64, 16 * 64)    # those of grey videos have one channel
    assert (one != other).any()


@pytest.mark.parametrize('name', ['conditional', 'video gan'])
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

    generators = results.load_generators(result, 5, chainer.get_device('@numpy'))
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
    error, wrong = (np.abs(grid - pictures.tile_movie(order, rows=2).astype(float)).mean()
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
    path = make_small('conditional')
    document = yaml.safe_load(path.read_text())
    if role == 'dataset':
        document['dataset']['name'] = 'UCFDataset'
        expected = 'n_categories of the data set and fsgen must be the same, found 0 and 3'
    else:
        document['models'][role]['args']['n_categories'] = 4
        expected = f'n_categories of the data set and {role} must be the same, found 3 and 4'
    path.write_text(yaml.safe_dump(document))
    assert expected in refused(train.main, '--config_path', path, '--out', 'result')
