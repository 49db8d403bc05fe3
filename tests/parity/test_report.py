"""The page: its structure always, and in a browser where there is one."""
import html.parser
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from parity import figures, page
from parity.figures import Series

VOID = {'meta', 'link', 'img', 'br'}

CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')


class Structure(html.parser.HTMLParser):
    """Tags that are open, attributes by tag, and whether every tag was closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.unbalanced, self.tags = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            self.unbalanced.append(tag)


@pytest.fixture
def text(results):
    return page.render(results)


def test_structure(text, results):
    found = Structure(text)
    assert not found.unbalanced and not found.open
    rows = [attributes['data-check'] for tag, attributes in found.tags if tag == 'details']
    assert sorted(rows) == sorted(result.name for result in results)


def test_nothing_is_fetched(text):
    for _, attributes in Structure(text).tags:
        for name in ('src', 'href', 'action', 'data'):
            assert (attributes.get(name) or 'data:').startswith('data:')
    assert not re.search(r'url\(|@import|https?://', text)
    assert "default-src 'none'" in text


def test_verdict_and_rows(text):
    assert '<p class="verdict">2 passed, 2 failed, 2 not run</p>' in text
    assert '<header class="failed">' in text
    assert 'data-check="forward/differs" open>' in text
    assert 'data-check="metrics/misses">' in text
    assert 'rounding &lt;of&gt; float32' in text and 'needs a file &amp; time' in text
    assert 'no such &lt;layer&gt;' in text
    assert '11.85 ± 0.07' in text and 'vdis.c1.b' in text
    assert '<th>measured &lt;here&gt;</th>' in text


def test_figures(text):
    assert 'Chainer 2 is not Chainer 7' in text
    assert 'singular values of c0' in text
    assert text.count('<polyline class="line theirs"') >= 3


def test_logarithmic_differences_of_zero_are_drawn_at_the_bottom():
    drawn = figures.chart('d', [Series('d', [0.0, 1e-12, None], 'gap')], log=True)
    assert '>equal</text>' in drawn
    points = re.search('points="([^"]*)"', drawn).group(1).split()
    assert len(points) == 2
    assert float(points[0].split(',')[1]) > float(points[1].split(',')[1])


@pytest.mark.parametrize('values', [[1.0], [0.0, 0.0], [0.1 + 0.2, 0.3], [-1e-300, 1e300],
                                    [float('nan'), 1.0]])
@pytest.mark.parametrize('log', [False, True])
def test_charts_of_odd_values(values, log):
    assert 'nan' not in figures.chart('title', [Series('label', values, 'ours')], log=log)


def test_charts_of_nothing():
    assert figures.chart('title', [Series('label', [None], 'ours')]) == ''
    assert figures.histogram(()) == figures.sparkline(()) == ''


# -- in a browser ----------------------------------------------------------------------------------

PROBE = '''
<script>
addEventListener('load', () => {
  const rows = [...document.querySelectorAll('details')];
  rows.forEach(row => { if (!row.open) row.querySelector('summary').click(); });
  const seen = {
    open: rows.filter(row => row.open && row.querySelector('.body').offsetHeight > 20).length,
    width: document.documentElement.scrollWidth, window: innerWidth,
    fetched: performance.getEntriesByType('resource').map(entry => entry.name)
      .filter(name => !name.startsWith('data:')),
  };
  parent.postMessage(JSON.stringify(seen), '*');
});
</script>
'''

FRAME = '''<!DOCTYPE html>
<script>addEventListener('message', event => document.body.dataset.seen = event.data);</script>
<body><iframe src="page.html" width="{width}" height="800"></iframe></body>
'''


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason='needs Chromium')
@pytest.mark.parametrize('width', [390, 1200])
def test_in_a_browser(text, tmp_path, width):
    (tmp_path / 'page.html').write_text(text.replace('</body>', PROBE + '</body>'))
    (tmp_path / 'frame.html').write_text(FRAME.format(width=width))
    run = browse(tmp_path, '--dump-dom', '--virtual-time-budget=5000')
    seen = json.loads(html.unescape(re.search('data-seen="([^"]*)"', run.stdout).group(1)))
    assert seen['open'] == text.count('<details')
    assert seen['fetched'] == []
    assert seen['width'] <= seen['window'] <= width
    assert 'CONSOLE' not in run.stderr


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason='needs Chromium')
def test_printed(text, tmp_path):
    (tmp_path / 'frame.html').write_text(text)
    browse(tmp_path, f'--print-to-pdf={tmp_path / "page.pdf"}')
    assert (tmp_path / 'page.pdf').read_bytes().startswith(b'%PDF')


def browse(folder, *options):
    """Open frame.html of a folder in headless Chromium."""
    profile = Path(folder, 'profile')
    return subprocess.run(
        [CHROMIUM, '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
         '--no-first-run', '--disable-background-networking', '--disable-component-update',
         '--disable-sync', '--enable-logging=stderr', f'--user-data-dir={profile}', *options,
         Path(folder, 'frame.html').as_uri()],
        capture_output=True, text=True, timeout=120, check=True)
