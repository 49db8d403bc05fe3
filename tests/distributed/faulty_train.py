"""train.py whose rank 1 fails in its third update, in the way that $FAULT says.

All ranks write the losses of their updates to losses.RANK.
"""
import json
import os
from pathlib import Path

from tgan_chainer import train

# isort: split
import chainer
from mpi4py import MPI

from tgan_chainer.updaters.tgan_updater_wgan import TGANUpdaterWGANSVC

RANK = MPI.COMM_WORLD.rank
FAULT = os.environ.get('FAULT') if RANK == 1 else None

report = TGANUpdaterWGANSVC._report
losses = {}


def faulty_report(self, **values):
    if self.iteration == 2 and FAULT == 'exception':
        raise RuntimeError('a fault of rank 1')
    if self.iteration == 2 and FAULT == 'nan':
        values['loss_gen'] = values['loss_gen'] * float('nan')
    for name, value in values.items():
        losses.setdefault(f'vdis/{name}', []).append(float(chainer.as_array(value)))
    Path(f'losses.{RANK}').write_text(json.dumps(losses))
    report(self, **values)


TGANUpdaterWGANSVC._report = faulty_report

if __name__ == '__main__':
    raise SystemExit(train.main())
