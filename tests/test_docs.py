import importlib
import json
import re
from pathlib import Path

import numpy as np
import pytest

from tests.movies import read_movie
from tgan_chainer import train
from tgan_chainer.__main__ import main

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob('*.md')), *sorted((ROOT / 'docs').glob('*.md'))]
CITING = ('benchmarks', 'docs', 'parity', 'reference', 'tests', 'tgan_chainer', 'trust')


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r'```.*?```', '', page.read_text(encoding='utf-8'), flags=re.DOTALL)
    links = re.findall(r'\]\(([^)\s]+)\)', text)
    local = [link.partition('#')[0] for link in links if not link.startswith(('http', '#'))]
    missing = [link for link in local if not (page.parent / link).exists()]
    missing += [path for path in re.findall(r'`(tests/[\w/.]+)`', text)
                if not (ROOT / path).exists()]
    assert not missing


def test_every_cited_fact_is_there():
    facts = (ROOT / 'docs' / 'facts.md').read_text(encoding='utf-8')
    sections = re.findall(r'^## (\d+)\. ', facts, flags=re.MULTILINE)
    assert sections == [str(number) for number in range(1, 12)]
    cited = [(file, numbers) for folder in CITING for file in (ROOT / folder).rglob('*.*')
             if file.suffix in {'.py', '.md', '.yml', '.json'} and file != Path(__file__)
             for numbers in re.findall(r'\bFACTS\b((?: (?:and )?§(?:\d+|n)\b,?)*)', re.sub(
                 r'\n[ #]*', ' ', file.read_text(encoding='utf-8')))]    # without line breaks
    assert len(cited) > 40
    assert [(file, numbers) for file, numbers in cited if not numbers or
            not set(re.findall(r'\d+', numbers)) <= set(sections)] == []
    assert re.search(r'"FACTS §n" .* section n\s+of \[facts\.md\]\(facts\.md\)',
                     (ROOT / 'docs' / 'differences.md').read_text(encoding='utf-8'))


def test_the_notebook_has_no_outputs():
    cells = json.loads((ROOT / 'docs' / 'start.ipynb').read_text(encoding='utf-8'))['cells']
    code = [cell for cell in cells if cell['cell_type'] == 'code']
    assert code and not any(cell['outputs'] or cell['execution_count'] for cell in code)


def test_the_parts_of_extend_are_trained(here, monkeypatch):
    text = (ROOT / 'docs' / 'extend.md').read_text(encoding='utf-8')
    blocks = re.findall(r'```(\w+)\n(.*?)```', text, flags=re.DOTALL)
    for language, block in blocks:
        if language == 'yaml':
            (here / 'bars.yml').write_text(block)
            continue
        folder, name = re.match(r'# tgan_chainer/(\w+)/(\w+\.py)\n', block).groups()
        (here / folder).mkdir()
        (here / folder / name).write_text(block)
        # As if the file lay in the package.
        package = importlib.import_module(f'tgan_chainer.{folder}')
        monkeypatch.setattr(package, '__path__', [*package.__path__, str(here / folder)])
    assert [language for language, _ in blocks] == ['python', 'python', 'python', 'yaml']

    assert train.main(['--config_path', 'bars.yml', '--out', 'result']) == 0
    with np.load('result/vgen_iter_2.npz') as vgen:
        assert vgen['l0f/W'].shape == (16 * 16, 20)
    assert {'wide_generator.py', 'tgan_updater_hinge.py', 'bars_dataset.py'} <= {
        path.name for path in Path('result/source').iterdir()}


@pytest.fixture
def python_page(here, make_result):
    """What the code of python.md that needs no PyTorch leaves behind, and the code that does."""
    make_result('mine', 'configs/default.yml', (1500,), z_slow_dim=100, z_fast_dim=100, conv_ch=128,
                mid_ch=32, wscale=0.2)
    text = (ROOT / 'docs' / 'python.md').read_text(encoding='utf-8')
    ours, onnx, torch = re.findall(r'```python\n(.*?)```', text, flags=re.DOTALL)
    names = {}
    exec(ours, names)
    names['ours'] = names.pop('videos')
    command, = re.findall(r'    tgan (export .*)', text)
    assert main(command.split()) == 0
    exec(onnx, names)
    return names, torch


def test_the_code_of_python_runs(python_page):
    names, _ = python_page
    assert names['ours'].shape == (16, 1, 16, 32, 32)
    assert names['scores'].shape == (16,)
    assert read_movie('best.avi').shape == (16, 32, 32, 3)
    assert np.ptp(names['ours']) > 1
    np.testing.assert_allclose(names['videos'], names['ours'], rtol=0, atol=1e-4)    # float32


def test_the_pytorch_of_python_runs(request, monkeypatch):
    pytest.importorskip('torch', reason='PyTorch is not installed')
    names, code = request.getfixturevalue('python_page')
    monkeypatch.syspath_prepend(ROOT / 'benchmarks')
    exec(code, names)
    np.testing.assert_allclose(names['videos'], names['ours'], rtol=0, atol=1e-4)    # float32
    critic = names['load_arrays'](
        importlib.import_module('torch_worker').VideoDiscriminator(names['size']),
        names['load_file']('export/mine_vdis_iter_1500.safetensors'))
    scores = critic(names['torch'].from_numpy(names['ours'])).detach().numpy().ravel()
    np.testing.assert_allclose(scores, names['scores'], rtol=1e-4)
