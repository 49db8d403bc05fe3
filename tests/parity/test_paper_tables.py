import datetime
import re

import chainer
import pytest

from parity import checks, paper_tables
from parity.__main__ import main
from parity.check import Verdict
from parity.checks import claims
from reference import paper
from tgan_chainer import config
from tgan_chainer.evaluation import ledger

UCF = ledger.DataSet(name='UCFDataset', files={'h5path': 'ucf101_train.h5'},
                     sha256={'h5path': 'a' * 64}, videos=9537)
MNIST = ledger.DataSet(name='MovingMNISTDataset', files={'dataset_path': 'mnist_test_seq.npy'},
                       sha256={'dataset_path': 'b' * 64}, videos=10000)

UNIFORM = '_zdim-100_no-beta-all_init-uniform-all'
EXPERIMENTS = {
    'TGAN, SVC': f'ucf101/ucf101_wgan_svd{UNIFORM}',
    'TGAN, weight clipping': f'ucf101/ucf101_wgan_clip{UNIFORM}',
    'TGAN, normal': 'ucf101/ucf101_vanilla_zdim-100_no-beta',
    'Conditional TGAN, SVC': f'ucf101/ucf101_conditional_wgan_svd{UNIFORM}',
    '3D model, SVC': f'ucf101/ucf101_3d-model_wgan_svd{UNIFORM}',
    '3D model, weight clipping': f'ucf101/ucf101_3d-model_wgan_clip{UNIFORM}',
    'Video GAN, normal': 'ucf101/ucf101_video-gan_vanilla_zdim-100',
    'Video GAN, SVC': 'ucf101/ucf101_video-gan_wgan_svd_zdim-100',
}
OPPONENTS = {
    '3D model (GAN)': 'mnist_3d-model_vanilla_zdim-100_no-beta-all_init-default_noise',
    '3D model (SVC)': f'mnist_3d-model_wgan_svd{UNIFORM}',
    'TGAN (G1 with z1 only)': f'mnist_z1-only_wgan_svd{UNIFORM}',
}
MNIST_TGAN = f'moving_mnist/mnist_wgan_svd{UNIFORM}'


def system(name, trained_on, **changes):
    """A trained system of a packaged experiment."""
    experiment = config.load(f'configs/{name}.yml')
    parts = {role: ledger.PartRecord(name=part.name, args=ledger.arguments(part))
             for role in ledger.PARTS if (part := getattr(experiment, role)) is not None}
    return ledger.SystemRecord(**{
        'result_dir': 'r', 'config_sha256': 'c' * 64, 'seed': 0,
        'iteration': 100000, 'networks': {'vgen_iter_100000.npz': 'd' * 64}, 'parts': parts,
        'batchsize': experiment.batchsize, 'batch_norm_statistics': 'chainer2',
        'optimizer': experiment.optimizer.model_dump(exclude_none=True),
        'dataset': trained_on, **changes})


def measured(values, systems, day=1, **changes):
    found = ledger.measurement(values, ['command'], chainer.get_device('@numpy'), **{
        'metric': 'inception score', 'systems': systems, 'dataset': None, 'protocol': 'tgan-v1',
        'samples': 9984, 'seeds': list(range(len(values))), 'weights': {'c3d': 'e' * 64},
        **changes})
    date = {'date': datetime.datetime(2026, 1, day, tzinfo=datetime.timezone.utc)}
    return found.model_copy(update={'conditions': found.conditions.model_copy(update=date)})


def score(values=(11.0, 11.0, 12.0, 12.0), day=1, **changes):
    """An inception score of TGAN with SVC; ``changes`` are of the system."""
    return measured(values, [system(EXPERIMENTS['TGAN, SVC'], UCF, **changes)], day)


def battle(opponent, value=1.5, day=1, **changes):
    systems = [system(MNIST_TGAN, MNIST),
               system(f'moving_mnist/{OPPONENTS[opponent]}', MNIST, **changes)]
    critic = {'threshold': 0.5, 'calibrated': True, 'calibration_accuracy': 0.9, 'on_fakes': 0.5,
              'on_test': 1.0}
    outcome = ledger.Battle(
        critics=[critic, critic], r_test=1.0, winner='A', interval=[1.4, 1.6],
        test_interval=[1.0, 1.0], confidence=0.95, calibration=1000, held_out=False)
    return measured((value,), systems, day, metric='GAM', dataset=MNIST, battle=outcome,
                    samples=1000)


def cells(table, measurements):
    """{label: (reported, here, difference, elsewhere)}, with each note in its number's place."""
    lines = paper_tables.table(table, measurements, as_markdown=True)
    notes = dict(line.split('. ', 1) for line in lines if line[:1].isdigit())
    rows = [re.sub(r'\((\d+)\)', lambda number: f'({notes[number[1]]})', line)[2:-2].split(' | ')
            for line in lines if line[:1] == '|'][2:]
    return {label: texts for label, *texts in rows}


def test_nothing_measured():
    for table in ('table3', 'table4'):
        found = cells(table, [])
        assert len(found) == len(paper.rows(table))
        for _, *rest in found.values():
            assert rest == [f'not measured ({paper_tables.NEEDS[table]})', '', '']
    assert found['TGAN, SVC'][0] == '11.85 ± 0.07' and found['UCF-101 dataset'][0] == '34.49 ± 0.03'


@pytest.mark.parametrize('name', [*EXPERIMENTS, *OPPONENTS])
def test_every_measurement_at_full_size_finds_its_row(name):
    table, other, label, measurement = (
        ('table3', 'table4', f'TGAN against {name}', battle(name)) if name in OPPONENTS else
        ('table4', 'table3', name, measured((1.5,) * 4, [system(EXPERIMENTS[name], UCF)])))
    assert [label for label, texts in cells(table, [measurement]).items()
            if texts[1].startswith('1.50')] == [label]
    assert cells(other, [measurement]) == cells(other, [])


def test_measured_rows():
    _, here, difference, elsewhere = cells('table4', [score()])['TGAN, SVC']
    assert (here[:13], difference, elsewhere) == ('11.50 ± 0.50 ', '-0.35', '')
    for text in ('9984 videos', 'seeds 0, 1, 2, 3', 'tgan-v1', 'c3d eeeeeeee', 'r at 100000',
                 '2026-01-01'):
        assert text in here
    _, here, difference, _ = cells('table3', [battle('3D model (GAN)')])[
        'TGAN against 3D model (GAN)']
    assert here.startswith('1.50 [1.40, 1.60], r_test 1.00, winner A (') and difference == '-0.20'
    assert 'real videos of the training' in here
    assert paper_tables.number(battle('3D model (GAN)', float('nan'))).startswith('undefined, 0/0')


def test_the_newest_counts_and_all_others_are_shown():
    found = [score((value,) * 4, day=day, iteration=iteration) for day, (value, iteration) in
             enumerate([(1.0, 100000), (2.0, 100000), (3.0, 5), (4.0, 6)], start=1)]
    texts = cells('table4', found)['TGAN, SVC']
    assert texts[1].startswith('2.00 ± 0.00')
    assert [line[:4] for line in texts[3].split('<br>')] == ['4.00', '3.00']


@pytest.mark.parametrize('changes, reason', [
    ({'iteration': 99999}, '99999 updates instead of 100000'),
    ({'batchsize': 4}, 'batch size 4 instead of 32'),
    ({'ranks': 4}, 'batch size 128 instead of 32'),
    ({'ranks': 4, 'batchsize': 8}, 'devices 4 instead of 1'),
    ({'batch_norm_statistics': 'chainer7'}, 'batch normalisation of chainer7'),
    ({'rates_fall_from': 0}, 'rates that fall from 0 instead of None'),
    ({'optimizer': {'name': 'RMSprop', 'args': {'lr': 1e-3}}}, "'lr': 0.001"),
    ({'dataset': UCF.model_copy(update={'videos': 12})}, '12 videos in UCF-101 instead of 9537'),
    ({'dataset': UCF.model_copy(update={'videos': None})}, 'an unknown number of videos'),
    ({'dataset': MNIST}, 'data set MovingMNISTDataset instead of UCF-101'),
    ({'protocol': 'tgan-v2'}, 'protocol tgan-v2'),
    ({'protocol': 'tgan-v1/dropout-off'}, 'protocol tgan-v1/dropout-off instead of tgan-v1'),
    ({'protocol': 'tgan-v1/INTER_LINEAR'}, 'protocol tgan-v1/INTER_LINEAR'),
    ({'samples': 48}, 'videos scored 48'),
    ({'seeds': [1, 2, 3, 4]}, r'seeds [1, 2, 3, 4] instead of [0, 1, 2, 3]')])
def test_what_is_not_as_in_the_paper(changes, reason):
    of_system = changes.keys() & ledger.SystemRecord.model_fields.keys()
    measurement = (score(**changes) if of_system else score().model_copy(update=changes))
    _, here, difference, elsewhere = cells('table4', [measurement])['TGAN, SVC']
    assert here.startswith('not measured') and not difference
    assert paper_tables.number(measurement) in elsewhere and reason in elsewhere


def test_digits_that_were_made_here():
    made = MNIST.model_copy(update={'files': {'dataset_path': 'moving_mnist_train.npy'}})
    assert paper_tables.deviations(battle('3D model (SVC)', dataset=made)) == [
        'r: data moving_mnist_train.npy instead of mnist_test_seq.npy']


def test_what_both_systems_have_in_common_is_said_once():
    whole = battle('3D model (SVC)')
    a, b = (system.model_copy(update={'result_dir': name, 'iteration': 7})
            for name, system in zip('ab', whole.systems, strict=True))
    for role, argument, value in (('fsgen', 'z_slow_dim', 8), ('vgen', 'conv_ch', 128),
                                  ('vdis', 'mid_ch', 16), ('updater', 'freq', 1)):
        a.parts[role].args[argument] = value
    assert paper_tables.deviations(whole.model_copy(update={'systems': [a, b]})) == [
        'a: z_slow_dim 8 instead of 100', 'a: conv_ch 128 instead of 512',
        'a: mid_ch 16 instead of 64', 'a: freq 1 instead of 5',
        'a and b: 7 updates instead of 100000']


def test_the_data_set_itself():
    whole = measured((34.0,) * 4, [], dataset=UCF)
    part = measured((5.0,) * 4, [], day=2, dataset=UCF.model_copy(update={'videos': 10}))
    texts = cells('table4', [whole, part])['UCF-101 dataset']
    assert texts[1].startswith('34.00 ± 0.00') and texts[3].startswith('5.00')
    assert cells('table4', [measured((2.0,) * 4, [], dataset=MNIST)]) == cells('table4', [])


def test_a_system_of_no_table():
    lsgan = score()
    lsgan.systems[0].parts['updater'] = ledger.PartRecord(name='TGANUpdaterLSGAN', args={})
    assert cells('table4', [lsgan]) == cells('table4', [])
    for as_markdown in (False, True):
        of_no_row = paper_tables.report([lsgan, score()], as_markdown).partition('Of no row:')[2]
        assert of_no_row.count('inception score 11.50') == 1
        assert 'Of no row' not in paper_tables.report([score()], as_markdown)


def test_quality_of_moving_digits_over_trainings():
    def quality(distance, day=1, **changes):
        row = ledger.QualityRecord(distance=distance, dimensions=.5, motion=1, bright=1, frechet=9,
                                   brightness=0, brightest=1, inception=5)
        return measured([9.], [system(MNIST_TGAN, MNIST, iteration=7, **changes)], day,
                        metric='video quality', protocol='tgan-mm-v1', dataset=MNIST,
                        quality={'generated': row, 'real': row})
    found = [quality(.1), quality(.9, day=2), *(
        quality(value, result_dir=str(value)) for value in (.7, .8))]
    text = paper_tables.report(found, as_markdown=True)
    assert '| TGAN, SVC | 3 of 7 updates | 0.80 (0.70 to 0.90) | 0.50 (0.50 to 0.50) |' in text
    assert 'Of no row' not in text and 'Quality' not in paper_tables.report([score()])
    assert re.search(r'\nTGAN, SVC +3 of 7', paper_tables.report(found))

def test_the_command(tmp_path, capsys):
    for each in (score(), score((1.0,) * 4, iteration=5, result_dir='a|b')):
        ledger.write(tmp_path, each)
    command = ['tables', '--ledger', str(tmp_path)]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert re.search(r'\nTGAN, SVC +11.85 ± 0.07  11.50 ± 0.50 \(2\)  -0.35 +1.00 ± 0.00 \(3\)\n',
                     out)
    assert '\n(2) 9984 videos a seed, seeds 0, 1, 2, 3, tgan-v1' in out
    assert '5 updates instead of 100000' in ' '.join(out.split())    # lines wrap anywhere
    file = tmp_path / 'tables.md'
    assert main([*command, '--markdown', str(file)]) == 0
    markdown = file.read_text()
    assert '| TGAN, SVC | 11.85 ± 0.07 | 11.50 ± 0.50 (2) | -0.35 | 1.00 ± 0.00 (3) |' in markdown
    assert "Table 4: inception score on UCF-101, by the authors' script: C3D's" in markdown
    assert '\n2. 9984 videos a seed' in markdown and 'a|b at 5' in markdown
    assert markdown.count('not measured (1)') == out.count('not measured (1)') == 11


def test_our_ledger_is_sound(capsys):
    assert main(['tables']) == 0
    assert len(re.findall(' not measured ', capsys.readouterr().out)) == 12
    assert all(path.suffix in ('.json', '.md') for path in paper_tables.LEDGER.iterdir())

@pytest.fixture
def claim(tmp_path, monkeypatch):
    """Function from a table and measurements to the outcome of its check."""
    monkeypatch.setattr(paper_tables, 'LEDGER', tmp_path)

    def run(table, *measurements):
        for each in measurements:
            ledger.write(tmp_path, each)
        return checks.registry()[f'claims/{table}'].run()
    return run


@pytest.mark.parametrize('measurements, verdict, part', [
    ([], 'not run', 'measured 0 of 9 rows; the others: needs UCF-101, C3D weights and a GPU'),
    ([score()], 'not run', 'measured 1 of 9'),
    ([score((1.0,) * 4, iteration=10)], 'not run', 'measured 0 of 9'),
    ([score((9.0,) * 4)], 'failed', None)])
def test_what_proves_nothing(claim, measurements, verdict, part):
    outcome = claim('table4', *measurements)
    assert outcome.verdict.value == verdict and (part or '') in (outcome.why_not_run or '')
    assert outcome.text.count('not measured') == 9 - len(outcome.comparisons)
    for each in measurements:
        assert paper_tables.number(each) in outcome.text


def test_all_rows(claim):
    found = [battle(opponent, row.ratio * 1.05, day)
             for day, (row, opponent) in enumerate(
                 zip(paper.rows('table3'), OPPONENTS, strict=True), start=1)]
    outcome = claim('table3', *found)
    assert outcome.verdict is Verdict.PASSED and len(outcome.comparisons) == 3
    assert all(each.tolerance == claims.REPRODUCED.value for each in outcome.comparisons)
