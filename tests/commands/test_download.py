import dataclasses
import hashlib
import http.server
import re
import threading
from pathlib import Path

import numpy as np
import pytest

from tests.robustness.hostile import zipped
from tgan_chainer.__main__ import main
from tgan_chainer.datasets.mnist_dataset import MovingMNISTDataset
from tgan_chainer.datasets.published import PUBLISHED
from tgan_chainer.datasets.ucf_dataset import UCFDataset
from tgan_chainer.errors import EXIT_USER_ERROR, DataError
from tgan_chainer.evaluation.classifier import load_c3d
from tgan_chainer.evaluation.protocols import load_mean
from tgan_chainer.prepare.golf import find_pictures
from tgan_chainer.prepare.ucf101 import find_videos, select_videos

CONTENT = np.random.RandomState(0).bytes(3_000_000)
LISTS = zipped([('ucfTrainTestlist/trainlist01.txt', b'A/v_A_g01_c01.avi 1\n')])
PART, WHOLE = Path('data/mean2.npz.part'), Path('data/mean2.npz')


class Handler(http.server.BaseHTTPRequestHandler):
    """Serves ``content``, of a range if it ``knows_ranges``, and hangs up after ``most`` bytes."""

    def do_GET(self):
        start, content = int(self.headers['Range'][len('bytes='):-1]), self.state['content']
        self.state['asked'].append(start)
        if self.path != '/file':
            return self.send_error(404)
        self.send_response(206 if self.state['knows_ranges'] else 200)
        if self.state['knows_ranges']:
            self.send_header('Content-Range', f'bytes {start}-{len(content) - 1}/{len(content)}')
        else:
            start = 0
        self.send_header('Content-Length', str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start:][:self.state['most']])

    def log_message(self, *args):
        pass


@pytest.fixture
def publish(monkeypatch):
    return lambda name, **changes: monkeypatch.setitem(
        PUBLISHED, name, dataclasses.replace(PUBLISHED[name], **changes))


@pytest.fixture
def server(here, publish):
    """The state of a server that has the mean clip, in whose absence the test's folder is."""
    Handler.state = {'content': CONTENT, 'knows_ranges': True, 'most': None, 'asked': []}
    with http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler) as it:
        threading.Thread(target=it.serve_forever, daemon=True).start()
        for name, content in (('mean', CONTENT), ('ucf101-splits', LISTS)):
            publish(name, address=f'http://127.0.0.1:{it.server_port}/file', size=len(content),
                    sha256=hashlib.sha256(content).hexdigest())
        yield Handler.state
        it.shutdown()


@pytest.mark.parametrize('knows_ranges', [True, False])
def test_what_broke_off_goes_on_and_is_fetched_once(server, knows_ranges, capsys):
    server['most'] = 1_000_000
    assert main(['download', 'mean']) == EXIT_USER_ERROR
    assert 'The same command goes on from here' in capsys.readouterr().err
    assert PART.read_bytes() == CONTENT[:1_000_000] and not WHOLE.exists()
    server |= {'most': None, 'knows_ranges': knows_ranges}
    for _ in range(2):
        assert main(['download', 'mean']) == 0
        assert 'data/mean2.npz: 3,000,000 bytes, sha256 ' in capsys.readouterr().out
        assert WHOLE.read_bytes() == CONTENT and not PART.exists()
    assert server['asked'] == [0, 1_000_000]


def test_one_that_is_whole_but_not_named_yet(server):
    PART.parent.mkdir()
    PART.write_bytes(CONTENT)
    assert main(['download', 'mean']) == 0
    assert WHOLE.read_bytes() == CONTENT and not server['asked']


def test_another_file_and_an_address_that_is_gone_are_refused(server, publish, capsys):
    server['content'] = bytes(3_000_000)

    def download():
        assert main(['download', 'mean']) == EXIT_USER_ERROR
        return capsys.readouterr().err
    assert 'expected mean2.npz as published at ' in download()
    assert list(Path('data').iterdir()) == []
    WHOLE.write_bytes(b'mine')
    assert 'has 4 bytes and sha256 ' in download()
    assert WHOLE.read_bytes() == b'mine'
    WHOLE.unlink()
    publish('mean', address=PUBLISHED['mean'].address + 's')
    assert re.search('HTTP Error 404.* with a browser to data/mean2.npz', download())


def test_lists_are_unpacked(server):
    server['content'] = LISTS
    assert main(['download', 'ucf101-splits']) == 0
    assert Path('data/ucfTrainTestlist/trainlist01.txt').read_text() == 'A/v_A_g01_c01.avi 1\n'


@pytest.mark.parametrize('name', ['c3d', 'ucf101', 'golf'])
def test_without_a_checksum_the_steps_are_said(name, here, capsys):
    assert main(['download', name]) == 0
    file, said = PUBLISHED[name], capsys.readouterr().out
    assert all(part in said for part in (file.address, file.path, file.then))
    assert list(here.iterdir()) == []


@pytest.mark.parametrize('name, read', [
    ('moving-mnist', lambda: MovingMNISTDataset(dataset_path='none.npy')),
    ('ucf101', lambda: UCFDataset(16, 'none.h5', 'none.csv')),
    ('ucf101', lambda: find_videos('.')),
    ('ucf101-splits', lambda: select_videos({}, 'trainlist01.txt')),
    ('golf', lambda: find_pictures('.')),
    ('mean', lambda: load_mean('none.npz')),
    ('c3d', lambda: load_c3d('none.npz'))])
def test_the_error_for_its_absence_names_it(name, read, here):
    with pytest.raises(DataError, match=re.escape(f'{PUBLISHED[name]}; tgan download {name} ')):
        read()


def test_the_documentation_has_addresses_sizes_and_checksums():
    text = (Path(__file__).parents[2] / 'docs' / 'data.md').read_text(encoding='utf-8')
    for name, file in PUBLISHED.items():
        assert f'`{name}`' in text and file.address in text
        if file.sha256:
            assert f'{file.size:,}' in text and file.sha256 in text
