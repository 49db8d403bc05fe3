"""Progress bars: seldom where nobody watches, and only for what takes long."""
import io
import sys

import pytest

from tgan_chainer.io.progress import chunk_progress, progress


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize('stream, interval', [(io.StringIO, 60), (Terminal, 0.2)])
def test_a_log_file_gets_a_line_a_minute(monkeypatch, stream, interval):
    monkeypatch.setattr(sys, 'stderr', stream())
    with progress(total=3, unit='it') as bar:
        assert (bar.mininterval, bar.unit, bar.total) == (interval, 'it', 3)


def test_chunks_are_passed_on_and_counted_in_videos(monkeypatch):
    monkeypatch.setattr(sys, 'stderr', Terminal())
    assert list(chunk_progress(range(0, 100, 8))) == list(range(0, 100, 8))
    assert sys.stderr.getvalue() == ''    # too quick to be shown
    bar = chunk_progress(range(0, 100, 8), unit='frame')
    assert (bar.unit, bar.unit_scale, bar.delay) == ('frame', 8, 5)
