"""`python -m parity record`: make the recordings again, and compare them with the shipped ones.

OUT gets chainer-VERSION/ and MANIFEST.json, as in reference/golden/. Exit code 1 if something could
not be recorded. A deviation is printed, not judged: reference/PROVENANCE.md says how far float32
recordings drift from one machine to the next.
"""
import argparse
import json
import sys
from pathlib import Path

import numpy as np

from parity import layout
from parity.check import Comparisons, NotRunError, Tolerance, choose
from parity.upstream import Upstream
from reference import recordings
from tgan_chainer.errors import TGANError
from tgan_chainer.io import files
from tgan_chainer.io.progress import steps


def main(argv):
    """Run the command -> exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m parity record',
        description="Record a checkout of the authors' repository, and compare the recordings with "
        'those of this project.')
    add = parser.add_argument
    add('--upstream', required=True, type=Path, metavar='DIR',
        help="a checkout of the authors' repository")
    add('--out', required=True, type=Path, metavar='DIR',
        help='where to write; a new folder, or an empty one')
    add('--python', metavar='PATH',
        help='the interpreter that runs the checkout (by default this one)')
    add('--only', action='append', metavar='PATTERN',
        help='make the recordings whose name has this part, or matches this shell pattern; may be '
        'given again')
    args = parser.parse_args(argv)
    upstream = Upstream(args.upstream, args.python)
    version = upstream.release
    there_are = recordings.names(version)
    names = choose('recording', there_are, args.only, f'there are: {", ".join(there_are)}')
    if args.out.exists() and (not args.out.is_dir() or any(args.out.iterdir())):
        raise TGANError(f'{args.out} is there already; expected a new folder, or an empty one')
    # A folder of recordings has one for every release, maybe empty.
    for each in recordings.CHAINERS:
        (args.out / f'chainer-{each}').mkdir(parents=True)
    rows, failed = [], []
    for name in steps(names):
        try:
            fresh = upstream.record(name)
        except NotRunError as error:
            failed.append(f'{name} ({error})')
            continue
        stem = args.out / f'chainer-{version}' / name
        files.write_text(f'{stem}.json', json.dumps(fresh.meta, indent=1, sort_keys=True))
        if fresh.arrays:
            with files.atomic_path(f'{stem}.npz') as npz:
                np.savez_compressed(npz, **fresh.arrays)
        rows.append(_row(fresh, recordings.load(name, version)))
    recordings.write_manifest(args.out)
    print('\n'.join(layout.text(
        (f'recording (Chainer {version})', 'deviation', 'largest in', 'equal hashes'), rows)))
    if failed:
        print(f'error: not recorded: {"; ".join(failed)}', file=sys.stderr)
    return int(bool(failed))


def _row(fresh, shipped):
    """Name, largest deviation, where it is, hashes that are equal, as strings."""
    (found, found_hashes), (expected, hashes) = map(_contents, (fresh, shipped))
    deviations = Comparisons(shipped.name)    # rounding noise left out
    for key in sorted(found.keys() | expected.keys()):
        if key.partition('.')[2] not in recordings.ROUNDING_NOISE:    # only in one: inf
            deviations.close('', key, found.get(key, ()), expected.get(key, ()), Tolerance(0, ''))
    largest = max(deviations, key=lambda each: each.max_rel, default=None)
    equal = sum(found_hashes.get(path) == sha256 for path, sha256 in hashes.items())
    return (fresh.name, *((f'{largest.max_rel:.1e}', largest.tensor) if largest else ('', '')),
            f'{equal} of {len(hashes)}' if hashes else '')


def _contents(recording):
    """Its arrays, losses and scores by a name; and the sha256 that have to be equal, by a path."""
    meta = recording.meta
    losses = {f'{key} of update {step["iteration"]}': loss for step in meta.get('trace', ())
              for key, loss in step['loss'].items()}
    scores = {f'score {i}': score for i, score in enumerate(meta.get('scores', ()))}
    return {**recording.arrays, **losses, **scores}, dict(_hashes(meta))


def _hashes(value, path=''):
    if isinstance(value, str) and len(value) == 64:
        yield path, value
    if isinstance(value, list):    # of arrays with a key: their place says less
        value = {each.get('key', i) if isinstance(each, dict) else i: each
                 for i, each in enumerate(value)}
    for key, each in value.items() if isinstance(value, dict) else ():
        if key != 'y_sha256':    # the sum over a video's bytes differs between machines
            yield from _hashes(each, f'{path}/{key}')
