"""What is done to trainings; each case returns what was found and what failed."""
import json
import os
import resource
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass, field

from tgan_chainer.errors import EXIT_USER_ERROR
from tgan_chainer.io import snapshots
from trust.faults import lab as lab_
from trust.faults.lab import half_written, has_snapshot, leftovers, truncate
from trust.processes import cpu_seconds

MAX_LEFTOVERS = 1
"""Hidden files that a killed process may leave: it writes one file at a time."""

KILLS_IN_A_ROW = 6
"""Kills of one training before it may come to its end."""


@dataclass
class Outcome:
    """What came of a case.

    Attributes:
        runs (int): Processes that a fault was done to.
        found (Counter): What was seen -> how often.
        failures (list of str): What should not have been.
    """

    runs: int = 0
    found: Counter = field(default_factory=Counter)
    failures: list = field(default_factory=list)


# -- kill -9 ---------------------------------------------------------------------------------------

def killed(lab, rng, n, strike):
    """Kill trainings ``n`` times in all, resume them, and let each end after some kills."""
    outcome = Outcome()
    while outcome.runs < n:
        out = lab.new_folder()
        for _ in range(min(KILLS_IN_A_ROW, n - outcome.runs)):
            if not has_snapshot(out):
                shutil.rmtree(out, ignore_errors=True)
            if not strike(lab, rng, out):
                outcome.found['ended before the kill'] += 1
                break
            outcome.runs += 1
            _look_at_remains(out, outcome)
        outcome.failures += lab.finish(out)
        outcome.found['continued to the same end'] += 1
        if leftovers(out):
            outcome.failures.append(f'{leftovers(out)} are left after an undisturbed end')
        shutil.rmtree(out)
    return outcome


def _look_at_remains(out, outcome):
    """What a kill left must be whole, and little."""
    outcome.failures += half_written(out) if out.exists() else []
    left = leftovers(out) if out.exists() else []
    outcome.found['left a hidden file'] += bool(left)
    outcome.found['before the first snapshot'] += not has_snapshot(out)
    if len(left) > MAX_LEFTOVERS:
        outcome.failures.append(f'{len(left)} hidden files: {left}')


def _kill(process):
    """Kill a process -> whether it had not ended before."""
    process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


def at_any_moment(lab, rng, out):
    """Strike after a random share of the processor time that a training takes."""
    process = lab.train(out)
    enough = rng.uniform(0.2, lab.seconds)
    _wait_until(lambda: process.poll() is not None or cpu_seconds(process.pid) > enough,
                lab_.SECONDS)
    return _kill(process)


def while_a_file_is_written(lab, rng, out):
    """Strike within milliseconds after a hidden file has come into being."""
    process = lab.train(out)
    seen, wanted = set(), rng.randint(1, 25)

    def is_time():
        if out.exists():
            seen.update(path.name for path in leftovers(out))
        return len(seen) >= wanted or process.poll() is not None
    _wait_until(is_time, lab_.SECONDS, pause=0.001)
    time.sleep(rng.choice((0, 0, 0.002, 0.01, 0.05)))
    return _kill(process)


def at_a_file_operation(lab, rng, out):
    """The process kills itself before the Nth operation on its files."""
    process = lab.train(out, fault=f'kill:{rng.randint(1, lab.operations)}')
    process.communicate(timeout=lab_.SECONDS)
    return process.returncode == -signal.SIGKILL


def _wait_until(condition, seconds, pause=0.01):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(pause)


# -- disks -----------------------------------------------------------------------------------------

def full_disk(lab, rng, n, can_mount):
    """The disk is full in the middle of a training."""
    outcome = Outcome()
    if not can_mount:
        outcome.found['not run: no mount without root; see "file size"'] = 1
        return outcome
    size = sum(path.stat().st_size for path in lab.whole.rglob('*') if path.is_file())
    for number in range(n):
        disk = lab.new_folder()
        # At even distances, since a random place is in the large files nearly always.
        with lab_.small_disk(disk, int(size * (number + rng.random()) / n)) as enlarge:
            out = disk / 'result'
            _expect_refusal(lab.wait(lab.train(out)), outcome, 'cannot write')
            outcome.failures += half_written(out) + [
                f'{path} is left' for path in leftovers(out)]
            enlarge()
            outcome.failures += lab.finish(out)
    return outcome


def file_size(lab, rng, n, can_mount):
    """No file may be longer than a limit (RLIMIT_FSIZE): writing fails in its middle."""
    outcome = Outcome()
    sizes = [path.stat().st_size for path in lab.whole.rglob('*') if path.is_file()]
    for _ in range(n):
        out, limit = lab.new_folder(), rng.choice(sizes) - rng.randint(1, 300)
        process = lab.train(out, preexec_fn=lambda limit=limit: resource.setrlimit(
            resource.RLIMIT_FSIZE, (limit, limit)))
        _expect_refusal(lab.wait(process), outcome, 'cannot write')
        outcome.failures += half_written(out) + [f'{path} is left' for path in leftovers(out)]
        outcome.failures += lab.finish(out)
    return outcome


def read_only_folder(lab, rng, n, can_mount):
    """The result folder can no longer be written to, from a start on or from some moment on."""
    outcome = Outcome()
    outcome.found['by mount' if can_mount else 'by permissions'] += 0
    for number in range(n):
        out = _copy_until(lab, 2)
        if number % 2:
            process = lab.train(out)
            later = out / snapshots.TRAINER.format(4)
            _wait_until(later.exists, lab_.SECONDS)
            with lab_.read_only(out, can_mount):
                _expect_refusal(lab.wait(process), outcome, 'cannot write')
        else:
            with lab_.read_only(out, can_mount):
                _expect_refusal(lab.wait(lab.train(out)), outcome, 'cannot write')
        outcome.failures += half_written(out) + lab.finish(out)
    return outcome


# -- damaged files ---------------------------------------------------------------------------------

def damaged_trainer(lab, rng, n, damage):
    """The newest snapshot is damaged: refused, and the one before continues; or not read there."""
    outcome = Outcome()
    for _ in range(n):
        out = _copy_until(lab, 4)
        damage(rng, out / snapshots.TRAINER.format(4))
        ended = lab.wait(lab.train(out))
        if ended.returncode:
            _expect_refusal(ended, outcome, f'--resume {out / snapshots.TRAINER.format(2)}')
            ended = lab.wait(lab.start('train.py', '--resume', out / snapshots.TRAINER.format(2)))
        else:
            outcome.runs += 1
            outcome.found['the damage is where nothing is read'] += 1
        if ended.returncode:
            outcome.failures.append(f'code {ended.returncode}: {ended.stderr[-500:]}')
        outcome.failures += lab.differences(out)
    return outcome


def damaged_network(lab, rng, n, damage):
    """G0 or G1 is damaged: infer.py refuses it, or makes the same pictures."""
    outcome = Outcome()
    _, pictures = _infer(lab, _copy_until(lab, 4))
    for number in range(n):
        out = _copy_until(lab, 4)
        damage(rng, out / snapshots.NETWORKS[('fsgen', 'vgen')[number % 2]].format(4))
        ended, found = _infer(lab, out)
        if ended.returncode:
            _expect_refusal(ended, outcome, 'cannot be loaded')
        else:
            outcome.runs += 1
            outcome.found['the damage is where nothing is read'] += 1
            outcome.failures += ['the pictures are others'] * (found != pictures)
    return outcome


def _infer(lab, out):
    """Make pictures of iteration 4 -> CompletedProcess, contents of the pictures."""
    folder = lab.new_folder()
    ended = lab.wait(lab.start('infer.py', '--result_dir', out, '--iter', '4', '--gpu', '-1',
                               '--n', '1', '--images', '--out_dir', folder))
    return ended, [path.read_bytes() for path in sorted(folder.glob('*'))]


def damaged_data(lab, rng, n, damage, kind):
    """The data file is damaged: refused, or trained on where only pixels are others."""
    outcome = Outcome()
    whole = getattr(lab, kind)
    for _ in range(n):
        data = lab.new_folder().with_suffix(whole.suffix)
        shutil.copyfile(whole, data)
        damage(rng, data)
        experiment = lab.write_experiment(f'{data.stem}.yml', data)
        ended = lab.wait(lab.train(lab.new_folder(), '--iterations', '1', experiment=experiment))
        if ended.returncode or damage is truncate:
            _expect_refusal(ended, outcome, data.name, must=damage is truncate)
        else:
            outcome.runs += 1
            outcome.found['other pixels, which nothing tells'] += 1
    return outcome


# -- clocks ----------------------------------------------------------------------------------------

def clock_between(lab, rng, n):
    """Files of older snapshots are newer by their times: the number decides."""
    outcome = Outcome()
    for _ in range(n):
        out = _copy_until(lab, 4)
        for path in out.rglob('*'):
            os.utime(path, (1, 1) if '_4' in path.name else (4e9, rng.uniform(3e9, 4e9)))
        ended = lab.wait(lab.train(out))
        outcome.runs += 1
        first = json.loads((out / 'record.json').read_text())[-1]['iteration']
        if ended.returncode or first != 4:
            outcome.failures.append(f'resumed from {first}: {ended.stderr[-500:]}')
        outcome.failures += lab.differences(out)
        outcome.found['continued to the same end'] += 1
    return outcome


def clock_during(lab, rng, n):
    """The clock jumps to 1970, 2100 and back, again and again, while a training runs."""
    outcome = Outcome()
    for number in range(n):
        out = lab.new_folder() if number % 2 else _copy_until(lab, 2)
        ended = lab.wait(lab.train(out, fault='clock'))
        outcome.runs += 1
        if ended.returncode:
            outcome.failures.append(f'code {ended.returncode}: {ended.stderr[-500:]}')
        else:
            outcome.failures += [*half_written(out), *lab.differences(out)]
            outcome.found['came to the same end'] += 1
    return outcome


# -- common ----------------------------------------------------------------------------------------

def _copy_until(lab, iteration):
    """A copy of the undisturbed training as it was after a snapshot -> its folder."""
    out = lab.new_folder()
    shutil.copytree(lab.whole, out)
    for template in (snapshots.TRAINER, *snapshots.NETWORKS.values()):
        for later in snapshots.iterations(out, template):
            if later > iteration:
                (out / template.format(later)).unlink()
    return out


def _expect_refusal(ended, outcome, message, must=False):
    """A process must have ended with one message about the fault, or, unless it ``must``, not have
    met it."""
    outcome.runs += 1
    if not ended.returncode and not must:
        outcome.found['not met'] += 1
    elif (ended.returncode != EXIT_USER_ERROR or 'Traceback' in ended.stderr
          or message not in ended.stderr):
        outcome.failures.append(
            f'code {ended.returncode}, expected {EXIT_USER_ERROR} and {message!r}: '
            f'{ended.stderr[-1500:]}')
    else:
        outcome.found['refused with one message'] += 1
