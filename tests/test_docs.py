"""The documentation: its examples run, its links lead somewhere."""
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

from tgan_chainer import train

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / 'README.md', ROOT / 'CHANGELOG.md', *sorted((ROOT / 'docs').glob('*.md'))]


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    text = re.sub(r'```.*?```', '', page.read_text(encoding='utf-8'), flags=re.DOTALL)
    links = re.findall(r'\]\(([^)\s]+)\)', text)
    local = [link.partition('#')[0] for link in links if not link.startswith(('http', '#'))]
    missing = [link for link in local if not (page.parent / link).exists()]
    assert not missing


def test_the_parts_of_extending_are_trained(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (ROOT / 'docs' / 'extending.md').read_text(encoding='utf-8')
    blocks = re.findall(r'```(\w+)\n(.*?)```', text, flags=re.DOTALL)
    for language, block in blocks:
        if language == 'yaml':
            (tmp_path / 'bars.yml').write_text(block)
            continue
        folder, name = re.match(r'# tgan_chainer/(\w+)/(\w+\.py)\n', block).groups()
        (tmp_path / folder).mkdir()
        (tmp_path / folder / name).write_text(block)
        # As if the file lay in the package.
        package = importlib.import_module(f'tgan_chainer.{folder}')
        monkeypatch.setattr(package, '__path__', [*package.__path__, str(tmp_path / folder)])
    assert [language for language, _ in blocks] == ['python', 'python', 'python', 'yaml']

    assert train.main(['--config_path', 'bars.yml', '--out', 'result']) == 0
    with np.load('result/vgen_iter_2.npz') as vgen:
        assert vgen['l0f/W'].shape == (16 * 16, 20)
    assert {'adding_generator.py', 'tgan_updater_hinge.py', 'bars_dataset.py'} <= {
        path.name for path in Path('result/source').iterdir()}
