"""What a run found, as text and as JSON."""
import math
import platform
from collections import Counter
from datetime import datetime, timezone

import chainer
import numpy as np

import tgan_chainer
from parity import backend
from parity.check import Verdict
from parity.checks import LAYERS
from parity.runner import MARKS
from reference import recordings
from tgan_chainer.io import files, layout
from tgan_chainer.training.record import git_revision

EXCLUSION = (
    'These biases feed a batch normalisation, which subtracts them again: their gradient is zero '
    'but for rounding, and RMSprop makes steps of that rounding. The gradients layer checks that '
    'it is rounding. In the oracle layer, the running means that these biases move are left out '
    'with them.')


def counts(outcomes):
    """Checks a verdict: {'passed', 'failed', 'not run'}."""
    found = Counter(outcome.verdict for outcome in outcomes)
    return {verdict.value: found[verdict] for verdict in Verdict}


def verdict(outcomes):
    """How it came out in a word, and the counts: the last line, and the headline of the page."""
    found = counts(outcomes)
    word = 'FAILED' if found['failed'] else 'PASSED' if found['passed'] else 'NOTHING RAN'
    return f'{word}: ' + ', '.join(f'{count} {name}' for name, count in found.items())


def by_layer(outcomes):
    """Number, name, what it covers, and the outcomes, of every layer that has any."""
    for number, (layer, covers) in enumerate(LAYERS.items(), start=1):
        found = [outcome for outcome in outcomes if outcome.layer == layer]
        if found:
            yield number, layer, covers, found


def excluded(outcomes):
    """Names of the tensors that checks left out, and which were recorded."""
    return sorted({name for outcome in outcomes for name in outcome.excluded})


def text(outcomes):
    """Everything that was found, in lines, without the verdict."""
    lines = []
    for number, layer, covers, found in by_layer(outcomes):
        lines += ['', f'{number}. {layer}: {covers}']
        for outcome in found:
            lines.append(f'  {MARKS[outcome.verdict]:<8}{outcome.name:<58}{measured(outcome)}')
            lines += [f'            {line}' for line in (
                *outcome.text.splitlines(), *(outcome.error or '').splitlines(),
                *map(_difference, outcome.comparisons)) if line is not None]
    if excluded(outcomes):
        lines += ['', *layout.fill('Left out of gradients and trajectories: '
                                   f'{", ".join(excluded(outcomes))}. {EXCLUSION}')]
    return '\n'.join(line.rstrip() for line in lines)


def _difference(found):
    if found.verdict is Verdict.FAILED:
        return (f'{found.stage} {found.tensor} {found.shape}: max abs {found.max_abs:.2g}, max rel '
                f'{found.max_rel:.2g}, tolerance {found.tolerance:g} ({found.reason}), against '
                f'{found.reference}')


def measured(outcome):
    """How close a check came, in a line."""
    if outcome.why_not_run:
        return outcome.why_not_run
    if outcome.worst is None:
        return 'compared nothing'
    n, worst = len(outcome.comparisons), outcome.worst
    if not worst.tolerance:
        return f'{n:4} compared, {"not equal" if worst.max_rel else "all equal"}'
    return (f'{n:4} compared, worst {worst.max_rel:.1e} of {worst.tolerance:.0e}: '
            f'{worst.stage} {worst.tensor}')


def versions():
    """What ran, and on what."""
    return {
        'tgan_chainer': tgan_chainer.__version__,
        'revision': git_revision() or 'unknown',
        'kernels': backend.describe(),
        'Chainer': chainer.__version__,
        'NumPy': np.__version__,
        'Python': platform.python_version(),
        'machine': f'{platform.system()} {platform.machine()}',
        'recordings (sha256 of MANIFEST.json)': files.sha256(
            recordings.GOLDEN / recordings.MANIFEST),
        'time': datetime.now(timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
    }


def document(outcomes):
    """The report for :func:`tgan_chainer.io.files.write_json`; what is not finite is a string."""
    return {
        **counts(outcomes),
        'versions': versions(),
        'excluded': {'tensors': excluded(outcomes), 'reason': EXCLUSION},
        'checks': [{
            **_fields(outcome), 'layer': outcome.layer, 'seconds': round(outcome.seconds, 2),
            'comparisons': [_fields(comparison) for comparison in outcome.comparisons],
        } for outcome in outcomes],
    }


def _fields(found):
    """Fields of an outcome or a comparison, and its verdict."""
    return {'verdict': found.verdict.value, **{
        name.replace('_', ' '): str(value) if isinstance(value, float) and not math.isfinite(value)
        else value for name, value in vars(found).items()}}
