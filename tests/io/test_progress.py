"""Progress bars: seldom where nobody watches, and only for what takes long."""
import io
import sys

import pytest

from tgan_chainer.io.progress import Steps, chunk_progress, progress, steps


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


def test_a_log_has_plain_lines(capsys):
    assert list(progress(range(2), unit='it', desc='seed 1')) == [0, 1]
    assert capsys.readouterr().err == ''    # it was short
    assert list(progress(range(2), unit='it', desc='seed 1', delay=0)) == [0, 1]
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith('seed 1: 0/2 [') and last.startswith('seed 1: 2/2 [')
    assert list(steps(['a', 'b'])) == ['a', 'b']
    with Steps(10, cost=4) as shown:
        shown.end('slow', cost=3)
        shown.end('quick', cost=1)
    assert [line.partition(' [0')[0] for line in capsys.readouterr().err.splitlines()] == [
        '[1/2] a', '[2/2] b', '[ 1/10] slow', '[ 2/10] quick']


def test_a_terminal_has_a_bar_with_time_left(monkeypatch):
    monkeypatch.setattr(sys, 'stderr', Terminal())
    with Steps(2, cost=4) as shown:
        shown.end('slow', cost=2)
    assert '\r[1/2] slow |##########          | 00:00<' in sys.stderr.getvalue()
