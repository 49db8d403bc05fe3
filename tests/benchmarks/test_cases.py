"""What each benchmark asks of which side."""
import pytest

from benchmarks import cases
from benchmarks.cases import growth, memory, step
from benchmarks.registry import Session
from benchmarks.sides import Options


@pytest.fixture
def full(fakes):
    """A run in full size on fake workers."""
    return Session(Options(repeats=4), fakes)


def test_sizes(session, full):
    assert (full.size['conv_ch'], full.size['mid_ch'], full.size['width']) == (512, 64, 4)
    assert full.batch(32) == 32
    assert session.size['conv_ch'] < 64 and (session.batch(32), session.batch(8)) == (4, 2)


def test_who_trains(full):
    found = {c.name: c for c in step.trainings(full, 'svc', 32)}
    assert list(found) == ['ours', 'chainer', 'torch', 'torch-like-ours', 'upstream']
    assert {c.args['batch'] for c in found.values()} == {32}
    assert {name: c.args.get('algorithm') for name, c in found.items()} == {
        'ours': 'ours', 'chainer': 'authors', 'torch': 'authors', 'torch-like-ours': 'ours',
        'upstream': None}
    assert 'torch-like-ours' not in [c.name for c in step.trainings(full, 'lsgan', 8)]


def test_one_update_of_five_clips_singular_values():
    assert step.update_weights('svc') == pytest.approx((0.8, 0.2))
    assert step.update_weights('clip') == (1.0,)


def test_arithmetic_of_a_step(full):
    g0 = [100 * 512, 512 * 256 * 4, 256 * 128 * 4 * 2, 128 * 128 * 4 * 4, 128 * 100 * 4 * 8]
    g1 = [100 * 4096, 100 * 4096, *(
        (512 >> i) * (256 >> i) * 4 ** 2 * (4 << i) ** 2 for i in range(4)), 32 * 3 ** 2 * 64 ** 2]
    d = [64 * 4 ** 3 * 8 * 32 ** 2, *(
        (32 << i) * (64 << i) * 4 ** 3 * (8 >> i) * (32 >> i) ** 2 for i in (1, 2, 3)),
        512 * 4 ** 2]
    # Forward and two gradients, of D for both batches; none of latent vectors and real videos.
    products = 3 * sum(g0) - g0[0] + 16 * (3 * sum(g1) - g1[0]) + 6 * sum(d) - d[0]
    assert sum(row.total for row in step.count(full, 'svc', 8)) == 2 * 8 * products
    # Another pass through D's fakes, without its filters and without the gradient of the video.
    assert sum(row.total for row in step.count(full, 'vanilla', 8)) == 2 * 8 * (
        products + sum(d) - d[0])


def test_peak_memory(full, fakes):
    fakes.add('ours', [[0.0], [200]] * 3)
    fakes.add('chainer', [[0.0], [300], [0.0], [500], [0.0], [400]])
    result = memory.run(full)
    comparison, = result.comparisons
    # Three rounds, however many are asked for, each in processes of their own.
    assert comparison.series['chainer'].raw == ((300,), (500,), (400,))
    assert comparison.ratios()['chainer'].median == 2
    assert comparison.quantity == 'memory'
    assert {what for what, _ in result.not_run} == {
        'PyTorch eager', 'PyTorch eager, algorithm as ours', "authors' checkout"}
    assert [entry for entry in fakes.log if entry[1] == 'ours'] == [
        ('start', 'ours'), ('prepare', 'ours'), ('run', 'ours')] * 3


def test_growth_is_relative_to_ours_at_the_usual_size(session, fakes):
    fakes.add('ours', [[1.0], [2.0]] + [[4.0], [2.0]] * 2)
    fakes.add('chainer', [[1.0], [2.0]] + [[6.0], [12.0]] * 2)
    result = growth.run(session, 'batch')
    comparison, = result.comparisons
    assert list(comparison.series) == ['ours-4', 'ours-2', 'chainer-2', 'chainer-4']
    assert {name: ratio.median for name, ratio in comparison.ratios().items()} == {
        'ours-2': 0.5, 'chainer-2': 1.5, 'chainer-4': 3}
    assert comparison.quantity == 'growth'
    assert {key: result.data[key] for key in ('axis', 'usual', 'values')} == {
        'axis': 'batch', 'usual': 4, 'values': [2, 4]}


def test_growth_of_the_frame(full, fakes):
    fakes.add('ours', [[1.0]] * 99)
    result = growth.run(full, 'width')
    assert list(result.comparisons[0].series) == ['ours-64', 'ours-32', 'ours-128']


def test_names_say_what_they_are():
    for name, benchmark in cases.registry().items():
        assert name == benchmark.name and benchmark.about
