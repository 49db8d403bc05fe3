"""`python -m parity record`: make the recordings again, and compare them with the shipped ones.

    python -m parity record --upstream DIR --out DIR [--python PATH] [--only PATTERN]

OUT gets chainer-VERSION/ and MANIFEST.json, in the format of reference/golden/. Exit code 1 if
something could not be recorded, 2 for what cannot be asked. A deviation is printed, not judged:
reference/PROVENANCE.md says how far float32 recordings drift from one machine to the next.
"""
import argparse
from pathlib import Path

import numpy as np

from parity.__main__ import matches
from parity.check import NotRunError
from parity.upstream import Upstream
from reference import recordings
from tgan_chainer.commands.run import run_command
from tgan_chainer.errors import TGANError
from tgan_chainer.io import layout
from tgan_chainer.io.progress import steps


class RecordError(TGANError):
    """Something could not be recorded; the rest was."""

    exit_code = 1


def main(argv=None):
    """Run the command; returns its exit code."""
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
    return run_command(_record, parser.parse_args(argv))


def _record(args):
    rows, failed = [], []
    upstream = Upstream(args.upstream, args.python)
    version = upstream.release
    there_are = recordings.names(version)
    names = [name for name in there_are if matches(name, args.only)]
    if not names:
        raise TGANError(f'no recording matches {" or ".join(args.only)}; there are: '
                        f'{", ".join(there_are)}')
    folder = _make_folder(args.out, version)
    for name in steps(names):
        try:
            fresh = upstream.record(name)
        except NotRunError as error:
            failed.append(f'{name} ({error})')
            continue
        recordings.write(folder, fresh)
        rows.append(_row(fresh, recordings.load(name, version)))
    recordings.write_manifest(args.out)
    columns = f'recording (Chainer {version})', 'deviation', 'largest in', 'equal hashes'
    print('\n'.join(layout.text(columns, rows)))
    if failed:
        raise RecordError(f'not recorded: {"; ".join(failed)}')


def _make_folder(out, version):
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise TGANError(f'{out} is there already; expected a new folder, or an empty one')
    # A folder of recordings has one for every release, maybe empty.
    for each in recordings.CHAINERS:
        (out / f'chainer-{each}').mkdir(parents=True)
    return out / f'chainer-{version}'


# -- comparison ------------------------------------------------------------------------------------

def _row(fresh, shipped):
    """Name, largest deviation, where it is, hashes that are equal, as strings."""
    (found, found_hashes), (expected, hashes) = map(_contents, (fresh, shipped))
    deviations = {}    # rounding noise left out; what only one of the two has is inf
    for key in sorted(found.keys() | expected.keys()):
        if key.partition('.')[2] not in recordings.ROUNDING_NOISE:
            same = key in found and key in expected and found[key].shape == expected[key].shape
            deviations[key] = (recordings.deviation(found[key], expected[key]) if same
                               else float('inf'))
    where = max(deviations, key=deviations.get, default='')
    equal = sum(found_hashes.get(path) == sha256 for path, sha256 in hashes.items())
    return (fresh.name, f'{deviations[where]:.1e}' if where else '', where,
            f'{equal} of {len(hashes)}' if hashes else '')


def _contents(recording):
    """Its arrays, losses and scores by a name; and the sha256 that have to be equal, by a path."""
    meta = recording.meta
    losses = {f'{key} of update {step["iteration"]}': loss for step in meta.get('trace', ())
              for key, loss in step['loss'].items()}
    scores = {f'score {i}': score for i, score in enumerate(meta.get('scores', ()))}
    numbers = {**recording.arrays, **losses, **scores}
    return {key: np.ravel(value) for key, value in numbers.items()}, dict(_hashes(meta))


def _hashes(value, path=''):
    if isinstance(value, str) and len(value) == 64:
        yield path, value
    elif isinstance(value, list):    # of arrays with a key: their place says less
        for i, each in enumerate(value):
            key = each.get('key', i) if isinstance(each, dict) else i
            yield from _hashes(each, f'{path}/{key}')
    elif isinstance(value, dict):
        for key, each in value.items():
            if key != 'y_sha256':    # the sum over a video's bytes differs between machines
                yield from _hashes(each, f'{path}/{key}')
