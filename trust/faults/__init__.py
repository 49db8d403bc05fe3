"""Faults: trainings are killed, starved and damaged, and nothing that was finished may be lost.

After each fault every file under its final name must open whole, and the training must go on from
its last snapshot to the end that it has without the fault, bit for bit.
"""
import argparse
import functools
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tgan_chainer.commands.flags import positive
from tgan_chainer.commands.run import run_command
from tgan_chainer.errors import ConfigError
from tgan_chainer.io import files
from trust.faults import cases, lab

EXIT_FAILED = 1
_INSIDE = 'TRUST_MOUNTS'    # set in the process that has mounts of its own


def registry(n_kills, can_mount):
    """Name -> function of (lab, rng) that returns an :class:`~trust.faults.cases.Outcome`."""
    strikes = {'kill/any moment': cases.at_any_moment,
               'kill/file written': cases.while_a_file_is_written,
               'kill/file operation': cases.at_a_file_operation}
    kills = {name: functools.partial(cases.killed, strike=strike,
                                     n=len(range(i, n_kills, len(strikes))))
             for i, (name, strike) in enumerate(strikes.items())}
    disks = {name: functools.partial(case, n=n, can_mount=can_mount) for name, case, n in (
        ('disk/full', cases.full_disk, 8), ('disk/file size', cases.file_size, 6),
        ('disk/read-only', cases.read_only_folder, 4))}
    damages = {}
    for what, damage in (('truncated', lab.truncate), ('flipped', lab.flip_bits)):
        damages[f'{what}/trainer'] = functools.partial(cases.damaged_trainer, n=4, damage=damage)
        damages[f'{what}/network'] = functools.partial(cases.damaged_network, n=6, damage=damage)
        for kind in ('npy', 'h5'):
            damages[f'{what}/{kind}'] = functools.partial(
                cases.damaged_data, n=4, damage=damage, kind=kind)
    clocks = {'clock/between': functools.partial(cases.clock_between, n=2),
              'clock/during': functools.partial(cases.clock_during, n=2)}
    return {**kills, **disks, **damages, **clocks}


def main(argv=None):
    """Command line -> exit code: 0, 1 after a failure, 2 for what cannot be asked."""
    arguments = sys.argv[1:] if argv is None else argv
    args = parse_args(arguments)
    if _INSIDE not in os.environ and _has_mounts():
        # Mounts that nobody else sees, and that go away with the process.
        return subprocess.call(['unshare', '--mount', sys.executable, '-m', 'trust', 'faults',
                                *arguments], env={**os.environ, _INSIDE: '1'})
    rows = []
    code = run_command(_run, args, rows)
    return code or (EXIT_FAILED if any(row['failures'] for row in rows) else 0)


def _has_mounts():
    """Whether this user may have mounts of his own."""
    if os.geteuid() or not shutil.which('unshare'):
        return False
    command = ['unshare', '--mount', 'mount', '-t', 'tmpfs', 'none', '/mnt']
    return not subprocess.run(command, capture_output=True).returncode


def parse_args(argv=None):
    """Arguments of the command."""
    parser = argparse.ArgumentParser(
        prog='python -m trust faults',
        description='Kill, starve and damage trainings of a small experiment, and see that nothing '
        'that was finished is lost. Exit code 1 if something is.',
        epilog='docs/trust.md says what is promised.')
    parser.add_argument('--kills', type=positive, default=50, metavar='N',
                        help='kill -9, so many times in all (default: 50)')
    parser.add_argument('--seed', type=int, default=0, help='of the faults (default: 0)')
    parser.add_argument('--only', nargs='+', metavar='CASE', help='cases whose names begin so')
    parser.add_argument('--json', type=Path, metavar='FILE', help='write the table as JSON, too')
    return parser.parse_args(argv)


def _run(args, rows):
    chosen = choose(registry(args.kills, _INSIDE in os.environ), args.only)
    with tempfile.TemporaryDirectory(prefix='trust-faults-') as folder:
        bench = lab.Lab(Path(folder))
        print(f'an undisturbed training takes {bench.seconds:.1f} s of the processor and '
              f'{bench.operations} operations on files\n{HEADER}', flush=True)
        for name, case in chosen.items():
            rows.append(run_case(name, case, bench, args.seed))
            print(line(rows[-1]), flush=True)
    if args.json:
        files.write_json(args.json, {'seed': args.seed, 'cases': rows})


def choose(available, prefixes):
    """The cases whose names begin with one of the prefixes; all without any.

    Raises:
        ConfigError: No name begins with a prefix.
    """
    for prefix in prefixes or ():
        if not any(name.startswith(prefix) for name in available):
            raise ConfigError(f'--only {prefix}: expected the beginning of one of '
                              f'{", ".join(available)}')
    return {name: case for name, case in available.items()
            if not prefixes or name.startswith(tuple(prefixes))}


def run_case(name, case, bench, seed):
    """Run a case -> row of the table, a dict. Failures are printed."""
    before = time.monotonic()
    outcome = case(bench, random.Random(f'{name}/{seed}'))
    for failure in outcome.failures:
        print(f'FAILED: {name}: {failure}', file=sys.stderr)
    return {'case': name, 'runs': outcome.runs, 'found': dict(outcome.found),
            'seconds': time.monotonic() - before, 'failures': outcome.failures}


HEADER = f'{"case":<22}{"faults":>7}{"seconds":>9}{"failures":>10}  found'


def line(row):
    """A row of the table."""
    found = ', '.join(f'{what}: {n}' for what, n in row['found'].items() if n)
    return (f'{row["case"]:<22}{row["runs"]:>7}{row["seconds"]:>9.0f}{len(row["failures"]):>10}'
            f'  {found}')
