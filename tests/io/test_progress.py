"""Progress bars: seldom where nobody watches, and only for what takes long."""
import sys

import pytest

from tgan_chainer.io.progress import chunk_progress, progress


@pytest.mark.parametrize('is_terminal, interval', [(False, 60), (True, 0.2)])
def test_a_log_file_gets_a_line_a_minute(monkeypatch, capsys, is_terminal, interval):
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: is_terminal)
    with progress(total=3, unit='it') as bar:
        assert (bar.mininterval, bar.unit, bar.total) == (interval, 'it', 3)


def test_chunks_are_passed_on_and_counted_in_videos(monkeypatch, capsys):
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True)
    assert list(chunk_progress(range(0, 100, 8))) == list(range(0, 100, 8))
    assert capsys.readouterr().err == ''    # too quick to be shown
    bar = chunk_progress(range(0, 100, 8), unit='frame')
    assert (bar.unit, bar.unit_scale, bar.delay) == ('frame', 8, 5)


def test_a_log_has_plain_lines(capsys):
    assert list(progress(range(2), unit='it', desc='seed 1')) == [0, 1]
    assert capsys.readouterr().err == ''    # it was short
    assert list(progress(range(2), unit='it', desc='seed 1', delay=0)) == [0, 1]
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith('seed 1: 0/2 [') and last.startswith('seed 1: 2/2 [')
