"""Each packaged experiment of a system without authors' code, made small: trained, then sampled."""
import json

import chainer
import h5py
import numpy as np
import pytest
import yaml
from PIL import Image

from tests.conftest import differing
from tests.movies import read_movie
from tgan_chainer import infer, results, train
from tgan_chainer.errors import EXIT_USER_ERROR
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
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plots, 'CHARTS', ())    # half the time; tested elsewhere


@pytest.fixture(scope='module')
def ucf101(tmp_path_factory):
    """Arguments of a UCF-101 of six videos: one, two and three of a category."""
    folder = tmp_path_factory.mktemp('ucf101')
    pixels = np.random.RandomState(0).randint(256, size=(6 * 17, 3, 64, 85), dtype=np.uint8)
    with h5py.File(folder / 'images.h5', 'w') as file:
        file['image'] = pixels
    names = [CATEGORIES[i] for i in (0, 1, 1, 2, 2, 2)]
    rows = [f'{name},{17 * i},{17 * (i + 1)}' for i, name in enumerate(names)]
    (folder / 'table.csv').write_text('\n'.join(['category,start,end', *rows, '']))
    return {'h5path': str(folder / 'images.h5'), 'config_path': str(folder / 'table.csv')}


@pytest.fixture(scope='module')
def make_small(ucf101, moving_mnist, tmp_path_factory, shrunk):
    def make(name):
        document = shrunk(f'configs/{EXPERIMENTS[name]}')
        data = ucf101 if 'ucf101' in EXPERIMENTS[name] else {'dataset_path': str(moving_mnist)}
        document['dataset']['args'].update(data)
        if 'freq' in document['updater']['args']:
            document['updater']['args']['freq'] = 1
        document.update(batchsize=2, iterations=2, snapshot_interval=2, preview_videos=3,
                        display_interval=2)
        path = tmp_path_factory.mktemp('experiment') / f'{name}.yml'
        path.write_text(yaml.safe_dump(document))
        return path
    return make


def run(experiment, *flags):
    return train.main(['--config_path', str(experiment), *flags])


def sample(*flags):
    return infer.main(['--result_dir', 'result', '--gpu', '-1', '--out_dir', 'videos', *flags])


@pytest.mark.parametrize('name', EXPERIMENTS)
def test_train_then_infer(name, make_small, tmp_path):
    assert run(make_small(name), '--out', 'result') == 0
    result = tmp_path / 'result'
    networks = {'vgen', 'vdis'} if name.startswith(('3d', 'video')) else snapshots.NETWORKS.keys()
    assert {path.name for path in result.glob('*.npz')} == {
        template.format(2) for template in (snapshots.TRAINER,
                                            *(snapshots.NETWORKS[each] for each in networks))}
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
    strips = [np.array(Image.open(tmp_path / 'videos' / f'result_iter-2_seed-0_{i}.png'))
              for i in (0, 1)]
    assert strips[0].shape[:2] == (64, 16 * 64)    # those of grey videos have one channel
    assert (strips[0] != strips[1]).any()


@pytest.mark.parametrize('name', ['conditional', 'video gan'])
def test_resume_is_bit_identical(name, make_small, tmp_path):
    experiment = make_small(name)
    assert run(experiment, '--out', 'whole') == 0
    assert run(experiment, '--out', 'parts', '--iterations', '1') == 0
    assert train.main(['--resume', 'parts', '--iterations', '2']) == 0
    assert not differing(tmp_path / 'whole', tmp_path / 'parts', 2)


# -- categories ------------------------------------------------------------------------------------


def test_a_row_for_each_category(make_result, tmp_path, capsys):
    result = make_result('result', 'conditional', wscale=0.3)
    assert sample('--result_dir', str(result), '--video', '--images', '--n', '3', '--category',
                  'C', '--category', 'A', '--category', 'C') == 0
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


def test_every_category_and_what_is_wrong_with_one(make_result, tmp_path, capsys):
    result = make_result('result', 'conditional')
    flags = '--result_dir', str(result), '--images', '--n', '1'
    assert sample(*flags, '--category', 'all') == 0
    assert {path.name for path in (tmp_path / 'videos').iterdir()} == {
        f'result_iter-5_seed-0_{name}_0.png' for name in 'ABC'}
    assert sample(*flags, '--category', 'D') == EXIT_USER_ERROR
    assert "no category 'D'" in capsys.readouterr().err
    (result / 'categories.json').unlink()
    assert sample(*flags, '--category', 'A') == EXIT_USER_ERROR
    assert 'categories.json: there is no such file' in capsys.readouterr().err
    assert sample(*flags) == 0    # drawn from the prior, without a name


@pytest.mark.parametrize('role', ['fsgen', 'vgen', 'vdis', 'dataset'])
def test_categories_that_do_not_agree(make_small, role, capsys, tmp_path):
    path = make_small('conditional')
    document = yaml.safe_load(path.read_text())
    if role == 'dataset':
        document['dataset']['name'] = 'UCFDataset'
        expected = 'n_categories of the data set and fsgen must be the same, found 0 and 3'
    else:
        document['models'][role]['args']['n_categories'] = 4
        expected = f'n_categories of the data set and {role} must be the same, found 3 and 4'
    path.write_text(yaml.safe_dump(document))
    assert run(path, '--out', 'result') == EXIT_USER_ERROR
    assert expected in capsys.readouterr().err
    assert not (tmp_path / 'result').exists()
