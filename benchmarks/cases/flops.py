"""What one video of a training step takes, layer by layer."""
import dataclasses

from benchmarks import flops
from benchmarks.cases.step import count
from benchmarks.race import Outcome


def run(session):
    """The table; nothing is timed."""
    rows = count(session, batch=1)
    return Outcome(text=flops.table(rows),
                   data={'rows': [dataclasses.asdict(row) for row in rows]})


CASES = {'flops/step': ('GFLOP of a training step, WGAN, a video of the batch', run)}
