"""The report as text and as JSON."""
import math
import platform
from collections import Counter
from datetime import datetime, timezone

import chainer
import numpy as np

import tgan_chainer
from parity import backend
from parity.checks import LAYERS
from parity.result import ERROR_DECADES, Verdict
from parity.runner import MARKS
from reference import recordings
from tgan_chainer.io import files


def counts(results):
    """Results a verdict: (passed, failed, not run)."""
    found = Counter(result.verdict for result in results)
    return tuple(found[verdict] for verdict in (Verdict.PASSED, Verdict.FAILED, Verdict.NOT_RUN))


def summary(results):
    """The closing line, and the verdict of the page."""
    passed, failed, not_run = counts(results)
    return f'{passed} passed, {failed} failed, {not_run} not run'


def excluded(results):
    """Names of the tensors that checks left out, and which were recorded."""
    return sorted({name for result in results for name in result.excluded})


EXCLUSION = (
    'These biases feed a batch normalisation, which subtracts them again: their gradient is zero '
    'but for rounding, and RMSprop makes steps of that rounding. The gradients layer checks that '
    'it is rounding. In the oracle layer, the running means that these biases move are left out '
    'with them.')


def text(results):
    """Everything that was found, in lines."""
    lines = []
    for number, (layer, covers) in enumerate(LAYERS.items(), start=1):
        of_layer = [result for result in results if result.layer == layer]
        if of_layer:
            lines += ['', f'{number}. {layer}: {covers}']
            for result in of_layer:
                lines += _lines(result)
    if excluded(results):
        lines += ['', f'Left out of gradients and trajectories: {", ".join(excluded(results))}.',
                  EXCLUSION]
    return '\n'.join([*lines, '', summary(results)])


def _lines(result):
    yield f'  {MARKS[result.verdict]:<8}{result.name:<58}{measured(result)}'.rstrip()
    yield from (f'            {line}' for line in result.text.splitlines())
    yield from (f'            {line}' for line in (result.error or '').splitlines())
    for comparison in result.comparisons:
        if comparison.verdict is Verdict.FAILED:
            yield (f'            {comparison.stage} {comparison.tensor} {comparison.shape}: '
                   f'max abs {comparison.max_abs:.2g}, max rel {comparison.max_rel:.2g}, tolerance '
                   f'{comparison.tolerance:g} ({comparison.reason}), against '
                   f'{comparison.reference}')


def measured(result):
    """How close a check came, in a line."""
    if result.why_not_run:
        return result.why_not_run
    if result.worst is None:
        return 'compared nothing'
    n = len(result.comparisons)
    worst = result.worst
    if not worst.tolerance:
        return f'{n:4} compared, all equal' if not worst.max_rel else f'{n:4} compared, not equal'
    return (f'{n:4} compared, worst {worst.max_rel:.1e} of {worst.tolerance:.0e}: '
            f'{worst.stage} {worst.tensor}')


def versions():
    """What ran, and on what."""
    manifest = recordings.GOLDEN / recordings.MANIFEST
    return {
        'tgan_chainer': tgan_chainer.__version__,
        'kernels': backend.describe(),
        'Chainer': chainer.__version__,
        'NumPy': np.__version__,
        'Python': platform.python_version(),
        'machine': f'{platform.system()} {platform.machine()}',
        'recordings (sha256 of MANIFEST.json)': files.sha256(manifest),
        'time': datetime.now(timezone.utc).strftime('%Y-%m-%d %H:%M UTC'),
    }


def document(results):
    """The report for :func:`tgan_chainer.io.files.write_json`; what is not finite is text."""
    passed, failed, not_run = counts(results)
    return _finite({
        'passed': passed, 'failed': failed, 'not run': not_run,
        'versions': versions(),
        'excluded': {'tensors': excluded(results), 'reason': EXCLUSION},
        'checks': [{
            'name': result.name, 'layer': result.layer, 'verdict': result.verdict.value,
            'seconds': round(result.seconds, 2), 'why not run': result.why_not_run,
            'error': result.error, 'text': result.text, 'data': result.data,
            'comparisons': [{
                'stage': comparison.stage, 'tensor': comparison.tensor,
                'shape': comparison.shape, 'max abs': comparison.max_abs,
                'max rel': comparison.max_rel, 'tolerance': comparison.tolerance,
                'verdict': comparison.verdict.value, 'reason': comparison.reason,
                'reference': comparison.reference, 'histogram': _histogram(comparison),
            } for comparison in result.comparisons],
        } for result in results],
    })


def _histogram(comparison):
    """Values a power of ten of their error, those that occur: {'zero': 5, '1e-17': 3}."""
    bins = ('zero', *(f'1e{decade}' for decade in ERROR_DECADES))
    return {name: count for name, count in zip(bins, comparison.histogram, strict=False) if count}


def _finite(value):
    """The same with NaN and infinity, which JSON does not know, as text."""
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
