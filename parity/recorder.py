"""`python -m parity record`: make the recordings again, and compare them with the shipped ones.

    python -m parity record --upstream DIR --out DIR [--python PATH] [--only PATTERN]

OUT gets chainer-VERSION/ and MANIFEST.json, in the format of reference/golden/. Exit code 1 if
something could not be recorded, 2 for what cannot be asked. A deviation is printed, not judged:
reference/PROVENANCE.md says how far float32 recordings drift from one machine to the next.
"""
import argparse
import fnmatch
import sys
from pathlib import Path

from parity.upstream import Upstream, UpstreamError, reading
from reference import recordings
from tgan_chainer.commands.run import run_command
from tgan_chainer.errors import TGANError

_HASHED = ('models', 'params', 'sha256_of_examples')
"""Where a json file holds sha256 of what is the same on every machine."""


class RecordError(TGANError):
    """Something could not be recorded; the rest was."""

    exit_code = 1


def main(argv=None):
    """Run the command; returns its exit code."""
    return run_command(_record, _parse_args(argv))


def _parse_args(argv):
    parser = argparse.ArgumentParser(
        prog='python -m parity record',
        description="Record a checkout of the authors' repository, and compare the recordings with "
        'those of this project.')
    parser.add_argument('--upstream', required=True, type=Path, metavar='DIR',
                        help="a checkout of the authors' repository")
    parser.add_argument('--out', required=True, type=Path, metavar='DIR',
                        help='where to write; a new folder, or an empty one')
    parser.add_argument('--python', metavar='PATH',
                        help='the interpreter that runs the checkout (by default this one)')
    parser.add_argument('--only', action='append', metavar='PATTERN',
                        help='make the recordings whose name has this part, or matches this shell '
                        'pattern; may be given again')
    return parser.parse_args(argv)


def _record(args):
    with Upstream(args.upstream, args.python) as upstream:
        version = upstream.release
        upstream.tell_what_it_lacks()
        names = _choose(recordings.names(version), args.only)
        folder = _make_folder(args.out, version)
        failed = {}
        for i, name in enumerate(names, start=1):
            print(f'[{i}/{len(names)}] {name}', file=sys.stderr, flush=True)
            try:
                upstream.record(name, folder)
            except UpstreamError as error:
                failed[name] = str(error)
    made = [name for name in names if name not in failed]
    shipped = {name: recordings.load(name, version) for name in made}
    with reading(args.out):
        lines = [_line(recordings.load(name, version), shipped[name]) for name in made]
    print(_table(version, lines))
    if failed:
        raise RecordError('not recorded: ' + '; '.join(
            f'{name} ({error})' for name, error in failed.items()))


def _choose(names, patterns):
    chosen = [name for name in names if not patterns or any(
        pattern in name or fnmatch.fnmatch(name, pattern) for pattern in patterns)]
    if not chosen:
        raise UpstreamError(f'no recording matches {" or ".join(patterns)}; there are: '
                            f'{", ".join(names)}')
    return chosen


def _make_folder(out, version):
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UpstreamError(f'{out} is there already; expected a new folder, or an empty one')
    # A folder of recordings has one for every release, maybe empty.
    for each in recordings.CHAINERS:
        (out / f'chainer-{each}').mkdir(parents=True)
    return out / f'chainer-{version}'


# -- comparison ------------------------------------------------------------------------------------

def _line(fresh, shipped):
    """Name, largest deviation, where it is, hashes that are equal, as text."""
    deviations = dict(_deviations(fresh, shipped))
    where = max(deviations, key=deviations.get, default='')
    largest = f'{deviations[where]:.1e}' if deviations else ''
    found, expected = dict(_hashes(fresh.meta)), dict(_hashes(shipped.meta))
    equal = sum(found.get(key) == sha256 for key, sha256 in expected.items())
    return fresh.name, largest, where, f'{equal} of {len(expected)}' if expected else ''


def _deviations(fresh, shipped):
    """Yield (tensor, deviation), rounding noise left out; what only one of the two has is inf."""
    for key in sorted(fresh.arrays.keys() | shipped.arrays.keys()):
        if key.partition('.')[2] in recordings.ROUNDING_NOISE:
            continue
        if key not in fresh.arrays or key not in shipped.arrays:
            yield key, float('inf')
            continue
        found, expected = fresh.arrays[key].ravel(), shipped.arrays[key].ravel()
        same = found.shape == expected.shape
        yield key, recordings.deviation(found, expected) if same else float('inf')
    for found, expected in zip(fresh.meta.get('trace', ()), shipped.meta.get('trace', ()),
                               strict=False):
        for key, loss in expected['loss'].items():
            error = abs(found['loss'].get(key, float('nan')) - loss) / (abs(loss) or 1.0)
            yield f'{key} of update {expected["iteration"]}', error
    for i, (found, expected) in enumerate(
            zip(fresh.meta.get('scores', ()), shipped.meta.get('scores', ()), strict=False)):
        yield f'score {i}', abs(found - expected) / expected


def _hashes(meta):
    """Yield (path, sha256) of what has to be equal byte for byte."""
    def walk(path, value):
        if isinstance(value, dict):
            if 'key' in value:    # of a list: its place says less than its key
                path = (*path[:-1], value['key'])
            for key, inner in value.items():
                yield from walk((*path, key), inner)
        elif isinstance(value, list):
            for i, inner in enumerate(value):
                yield from walk((*path, i), inner)
        elif isinstance(value, str) and len(value) == 64:
            yield path, value

    for key in _HASHED:
        yield from walk((key,), meta.get(key))


def _table(version, lines):
    header = (f'recording (Chainer {version})', 'deviation', 'largest in', 'equal hashes')
    rows = [header, *lines]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return '\n'.join(
        '  '.join(f'{cell:<{width}}' for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows)
