import html
import json
import re
import shutil
import subprocess
from xml.etree import ElementTree

import pytest

from parity import report

CHROMIUM = shutil.which('chromium') or shutil.which('google-chrome')


@pytest.fixture
def text(checks):
    return report.page([check.run() for check in checks.values()])


def test_structure(text, checks):
    tags = list(ElementTree.fromstring(text).iter())    # it is XML, too
    assert sorted(tag.get('data-check') for tag in tags if tag.tag == 'details') == sorted(checks)
    # Nothing is fetched, but by who follows a link: to a layer, or elsewhere.
    links = [tag.get('href') for tag in tags if tag.tag == 'a']
    assert {link[1:] for link in links if link[0] == '#'} == {
        tag.get('id') for tag in tags} - {None} == {'trajectories', 'forward', 'metrics'}
    for tag in tags:
        for name in ('src', 'href', 'action', 'data'):
            assert tag.tag == 'a' or tag.get(name, 'data:').startswith('data:')
    assert not re.search(r'url\(|@import', text)
    assert re.findall('https?://[^"]+', text) == [link for link in links if link[0] != '#'] != []


@pytest.mark.parametrize('part', [
    "default-src 'none'", '<p class="verdict">FAILED: 2 passed, 2 failed, 1 not run</p>',
    '<header class="failed">', 'data-check="forward/differs" open="">',
    'data-check="metrics/misses">', 'rounding &lt;of&gt; float32', 'needs a file &amp; time',
    'no such &lt;layer&gt;', '<pre>debug 1: (16, 100, 1)</pre>', 'vdis.c1.b',
    '<td>NOT OK</td><td>D</td>', '<a href="#metrics">7. metrics</a>: NOTHING RAN: 0 passed',
    '<td>revision</td>'])
def test_what_it_says(text, part):
    assert part in text


FRAME = '''<!DOCTYPE html><body><iframe src="page.html" width="WIDTH" height="800"></iframe><script>
onload = () => {
  const page = frames[0], rows = [...page.document.querySelectorAll('details')];
  rows.forEach(row => row.open || row.querySelector('summary').click());
  document.body.dataset.seen = JSON.stringify({
    open: rows.filter(row => row.open && row.querySelector('.body').offsetHeight > 20).length,
    width: page.document.documentElement.scrollWidth, window: page.innerWidth,
    fetched: page.performance.getEntriesByType('resource').map(entry => entry.name)
      .filter(name => !name.startsWith('data:'))});
}
</script></body>'''


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason='needs Chromium')
@pytest.mark.parametrize('width', [390, 1200])
def test_in_a_browser(text, tmp_path, width):
    (tmp_path / 'page.html').write_text(text)
    frame = tmp_path / 'frame.html'
    frame.write_text(FRAME.replace('WIDTH', str(width)))
    run = subprocess.run(
        [CHROMIUM, '--headless', '--allow-file-access-from-files', '--no-sandbox', '--disable-gpu',
         '--disable-quic', '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync', '--enable-logging=stderr',
         f'--user-data-dir={tmp_path / "profile"}', '--dump-dom',
         '--virtual-time-budget=5000', frame.as_uri()],
        capture_output=True, text=True, timeout=120, check=True)
    seen = json.loads(html.unescape(re.search('data-seen="([^"]*)"', run.stdout).group(1)))
    assert seen['open'] == text.count('<details')
    assert seen['fetched'] == []
    assert seen['width'] <= seen['window'] <= width
    assert 'CONSOLE' not in run.stderr
