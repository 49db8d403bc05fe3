import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tgan_chainer import infer, results
from tgan_chainer.commands import figures
from tgan_chainer.device import get_device
from tgan_chainer.errors import DataError
from tgan_chainer.extensions import plots
from tgan_chainer.io import pictures
from tgan_chainer.models.sampling import draw_labels, draw_z_slow

CPU = get_device(-1)
LOG = [{'iteration': i, 'vdis/loss_gen': 1 / i, 'vdis/loss_dis': -1.0} for i in range(1, 30)]


@pytest.fixture
def result(small_result):
    (small_result / 'log').write_text(json.dumps(LOG))
    return small_result


def run(number, *flags):
    return figures.main([str(number), *map(str, flags)])


def picture(number):
    path, = Path('figures').glob(f'figure_{number}_*.png')
    return np.array(Image.open(path).convert('RGB'))


def sheet_of(folder, n):
    """What a figure is to show of a result folder: its first ``n`` videos, bordered in white."""
    generators = results.load_system(folder, results.choose_iteration(folder, None), CPU)[:2]
    np.random.seed(0)
    videos = pictures.infer_pixels(infer.make_video(*generators, n)[0])
    return pictures.frame_sheet(pictures.frame_borders(videos))


def test_losses_are_those_of_the_logs_a_row_each(
        result, make_result, small_experiment, capsys, monkeypatch):
    other, drawn, draw = make_result('other', small_experiment), [], plots.draw
    (other / 'log').write_text(json.dumps(LOG[:5]))
    monkeypatch.setattr(plots, 'draw', lambda *args: drawn.append(draw(*args)) or drawn[-1])
    assert run(2, '--result_dir', result, other) == 0
    assert capsys.readouterr().out == 'figures/figure_2_small+other.png\n'
    assert picture(2).shape == (2 * 450, 1000, 3)
    first, second = (figure.axes[0] for figure in drawn)
    assert first.get_title() == 'WGAN, singular value clipping: small, MovingMNISTDataset'
    assert first.get_xlim() == second.get_xlim()
    for axes, log in ((first, LOG), (second, LOG[:5])):
        line, = axes.lines
        assert line.get_xydata().tolist() == [[e['iteration'], e['vdis/loss_gen']] for e in log]


@pytest.mark.parametrize('content, message', [
    (None, 'No such file'),
    *((damaged, 'no list of entries') for damaged in (
        '[', '3', '[' * 100_000, '[{"iteration": 1, "vdis/loss_gen": [1]}]',
        '[{"vdis/loss_gen": 1}]')),
    ('[]', 'no loss_gen in its 0 entries'),
    ('[{"iteration": 1, "vdis/loss_dis": 0}]', 'no loss_gen in its 1 entries'),
])
def test_a_log_that_has_no_losses(tmp_path, content, message):
    if content is not None:
        (tmp_path / 'log').write_text(content)
    with pytest.raises(DataError, match=message):
        figures.read_losses(tmp_path)


@pytest.mark.parametrize('number', [3, 4, 5])
def test_a_sheet_shows_what_infer_makes_pixel_for_pixel(result, number):
    assert run(number, '--result_dir', result, '--gpu', '-1', '--n', '1') == 0
    assert Path(f'figures/figure_{number}_small_iter-10_seed-0.png').exists()
    np.testing.assert_array_equal(picture(number), sheet_of(result, 1))


def test_sheets_of_several_systems_stand_under_their_names(result, make_result, small_experiment):
    other = make_result('other', small_experiment, z_slow_dim=6)
    assert run(3, '--result_dir', result, other, '--gpu', '-1', '--n', '2') == 0
    found, height = picture(3), 2 * 68
    assert found.shape == (2 * (22 + height), 16 * 68, 3)
    for block, folder in zip(np.split(found, 2), (result, other), strict=True):
        np.testing.assert_array_equal(block[22:], sheet_of(folder, 2))
        assert block[:22].min() < 100 and (block[:22, 200:] == 255).all()


def test_interpolation_shows_the_first_given_frames_and_wraps(result):
    assert run(6, '--result_dir', result, '--gpu', '-1', '--n', '2', '--between', '2',
               '--frames', '3') == 0
    found = picture(6)
    assert found.shape == (2 * 68, 7 * 68, 3)
    assert [tuple(found[0, 68 * i]) == (214, 39, 40) for i in range(7)] == [
        True, False, False, True, False, False, True]
    Path('figures/figure_6_small_iter-10_seed-0_between-2.png').unlink()
    assert run(6, '--result_dir', result, '--gpu', '-1', '--n', '2', '--frames', '8') == 0
    found = picture(6)    # of 29 frames, which go on in a second row
    assert found.shape == (2 * (22 + 2 * 68), 16 * 68, 3) and (found[-68:, -3 * 68:] == 255).all()


def test_a_row_a_category(make_result, here):
    folder = make_result('cond', 'conditional')
    assert run(7, '--result_dir', folder, '--gpu', '-1', '--category', 'B', '--category', 'A') == 0
    assert Path('figures/figure_7_cond_iter-5_seed-0_B+A.png').exists()
    found = picture(7)
    assert found.shape == (2 * (22 + 68), 16 * 68, 3)
    assert infer.main(['--result_dir', str(folder), '--gpu', '-1', '--images', '--n', '1',
                       '--category', 'B', '--category', 'A']) == 0
    for name, top in (('B', 22), ('A', 112)):
        strip = np.array(Image.open(f'infer/cond_iter-5_seed-0_{name}_0.png'))
        shown = found[top + 2:top + 66].reshape(64, 16, 68, 3)[:, :, 2:-2].reshape(64, 1024, 3)
        np.testing.assert_array_equal(shown, strip)


def test_every_row_of_a_conditional_system_has_its_name(make_result, here, monkeypatch):
    folder, named = make_result('cond', 'conditional'), []
    monkeypatch.setattr(pictures, 'name_rows', lambda sheet, names: named.append(names) or sheet)
    assert run(3, '--result_dir', folder, '--gpu', '-1', '--n', '6') == 0
    fsgen, _ = results.load_system(folder, 5, CPU)[:2]
    np.random.seed(0)
    draw_z_slow(fsgen, 6)
    assert named == [['ABC'[label] for label in draw_labels(fsgen, 6)]]
    sheet = sheet_of(folder, 6)
    np.testing.assert_array_equal(picture(3), sheet)
    (folder / 'categories.json').unlink()    # then without
    assert run(3, '--result_dir', folder, '--gpu', '-1', '--n', '1') == 0 and named[1:] == [None]


def test_errors_leave_no_file(result, refused):
    for number, flags, message in ((3, ['nowhere'], 'nowhere: there is no such result folder'),
                                   (7, ['--category', 'A'], 'is not conditional')):
        assert message in refused(
            figures.main, number, '--gpu', '-1', '--result_dir', result, *flags)
