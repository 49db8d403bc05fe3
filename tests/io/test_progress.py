"""Progress bars: seldom where nobody watches, and only for what takes long."""
import sys

import pytest

from tgan_chainer.io.progress import chunk_progress, counted, progress, steps


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


def test_steps_are_shown_in_a_log_and_on_a_terminal_with_time_left(monkeypatch, capsys):
    assert list(steps(['a', 'b'])) == ['a', 'b']
    with counted(10, cost=4) as end:
        end('slow', cost=3)
        end('quick')
    assert [line.partition(' [0')[0] for line in capsys.readouterr().err.splitlines()] == [
        '[1/2] a', '[2/2] b', '[ 1/10] slow', '[ 2/10] quick']
    monkeypatch.setattr(sys.stderr, 'isatty', lambda: True)
    with counted(2, cost=4) as end:
        end('slow', cost=2)
    assert '\r[1/2] slow |██████████          | 00:00<' in capsys.readouterr().err
