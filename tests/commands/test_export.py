import sys

import chainer
import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load_file

from tgan_chainer import config, results
from tgan_chainer.__main__ import main
from tgan_chainer.errors import EXIT_USER_ERROR
from tgan_chainer.io import onnx_graph, snapshots
from tgan_chainer.models.sampling import make_video

ROLES = {'gen': 'fsgen', 'vgen': 'vgen', 'vdis': 'vdis'}


def export(result, *flags):
    return main(['export', '--result_dir', str(result), '--out_dir', 'export', *flags])


def run(name, **inputs):
    """Outputs of an exported network, and the names that it gives them."""
    session = onnxruntime.InferenceSession(f'export/{name}.onnx')
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, inputs), strict=True))


@pytest.mark.parametrize('system', [
    'small', 'pair', 'conditional', '3d',
    'configs/ucf101/ucf101_video-gan_vanilla_zdim-100.yml',
    'configs/moving_mnist/mnist_z1-only_wgan_svd_zdim-100_no-beta-all_init-uniform-all.yml'])
def test_every_system(system, make_result, small_experiment, here, capsys):
    is_small = system in ('small', 'pair')
    result = make_result('mine', small_experiment if is_small else system, wscale=0.2)
    if system == 'pair':    # the authors' critic of videos and frames
        experiment = config.load(result / 'config.yml', [
            'models.vdis.name=VideoAndFrameDiscriminator',
            'updater.name=TGANUpdaterWGANVideoFrameDis'])
        (result / 'config.yml').write_text(experiment.dump())
        critic = experiment.build_models().vdis
        critic(np.zeros((1, 1, 16, 64, 64), 'f'))    # decides its sizes
        snapshots.save(result / 'vdis_iter_5.npz', critic)
    assert export(result) == 0
    written = capsys.readouterr().out.splitlines()
    fsgen, vgen, vdis = results.load_system(result, 5, chainer.get_device('@numpy'))
    names = [name for name, role in ROLES.items() if role != 'fsgen' or fsgen]
    assert [line.partition(':')[0] for line in written] == [
        f'export/mine_{name}_iter_5.{kind}' for name in names for kind in ('safetensors', 'onnx')]
    for name in names:
        arrays = load_file(f'export/mine_{name}_iter_5.safetensors')
        with np.load(result / f'{name}_iter_5.npz') as npz:
            assert arrays.keys() == set(npz.files)
            for key in arrays:
                np.testing.assert_array_equal(arrays[key], npz[key], strict=True)

    n = 5    # of which the export has tried none
    np.random.seed(1)
    labels = {'labels': np.arange(n) % 3} if vgen.n_categories else {}
    video, z_slow, z_fast = make_video(fsgen, vgen, n, **labels)
    near = {'rtol': 0, 'atol': 1e-5}    # float32; of some 1e-7 usually
    if fsgen:
        found = run('mine_gen_iter_5', z_slow=z_slow, **labels)
        np.testing.assert_allclose(found['z_fast'], z_fast, **near)
        found = run('mine_vgen_iter_5', z_slow=z_slow, z_fast=z_fast[:, :, 7], **labels)
        np.testing.assert_allclose(found['frame'], video[:, :, 7], **near)
    else:
        found = run('mine_vgen_iter_5', z_slow=z_slow)
        np.testing.assert_allclose(found['video'], video, **near)
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        scores = vdis(video, *labels.values())
    found = run('mine_vdis_iter_5', video=video, **labels)
    scores = scores if system == 'pair' else (scores,)
    assert list(found) == ['score', 'frame_score'][:len(scores)]
    for theirs, ours in zip(found.values(), scores, strict=True):
        # Of the largest score: one that is near 0 is what is left of sums of larger terms.
        np.testing.assert_allclose(theirs, ours.array, rtol=0, atol=1e-4 * np.abs(ours.array).max())


def test_a_file_that_differs_is_not_kept(small_result, here, monkeypatch, capsys):
    (here / 'export').mkdir()
    before = here / 'export' / 'small_gen_iter_10.onnx'
    before.write_text('older')
    monkeypatch.setitem(onnx_graph._OPERATORS, 'ReLU', onnx_graph._OPERATORS['Tanh'])
    assert export(small_result) == EXIT_USER_ERROR
    assert 'small_gen_iter_10.onnx: differs from our network by ' in capsys.readouterr().err
    assert before.read_text() == 'older'
    assert {path.name for path in before.parent.iterdir()} == {
        before.name, 'small_gen_iter_10.safetensors'}


def test_without_critic_counterpart_and_extra(small_result, here, monkeypatch, capsys, refused):
    (small_result / 'vdis_iter_10.npz').unlink()
    assert export(small_result) == 0
    assert len(list((here / 'export').iterdir())) == 4
    monkeypatch.delitem(onnx_graph._OPERATORS, 'Tanh')
    assert export(small_result) == EXIT_USER_ERROR
    assert 'error: Tanh: this function of Chainer has no counterpart' in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, 'onnxruntime', None)
    assert 'pip install onnx onnxruntime safetensors' in refused(
        main, 'export', '--result_dir', small_result)
