"""What is done with the values that an update reports, and the log of them."""
import csv
import io
import math
from pathlib import Path

import chainer
from chainer.training import extension, extensions, make_extension

from tgan_chainer.errors import DivergedError
from tgan_chainer.io.files import write_json, write_text


class AverageOverRanks(extension.Extension):
    """Replace every reported value, which all ranks must have, by its mean, on the device."""

    priority = extension.PRIORITY_WRITER + 2    # before whoever looks at the values

    def __init__(self, ranks):
        self.ranks = ranks

    def __call__(self, trainer):
        values = [chainer.as_array(value) for value in trainer.observation.values()]
        means = self.ranks.mean(chainer.backend.get_array_module(*values).stack(values))
        trainer.observation.update(zip(trainer.observation, means, strict=True))


@make_extension(priority=extension.PRIORITY_WRITER + 1)    # before whoever reads the losses
def stop_on_divergence(trainer):
    """Raise a DivergedError for a loss that is NaN or infinite, before it is logged or saved.

    Reading a loss from a GPU makes the host wait for it, so there train.py triggers it only at the
    display interval; a NaN of before is in the parameters by then, which no snapshot is made of.
    """
    for key, value in trainer.observation.items():
        number = float(chainer.as_array(value))
        if not math.isfinite(number):
            raise DivergedError(f'iteration {trainer.updater.iteration}: {key} is {number}')


class LogReport(extensions.LogReport):
    """Chainer's, whose ``log``, and the same as a table, ``log.csv``, is written whole or not."""

    def __init__(self, trigger):
        super().__init__(trigger=trigger, log_name=None)    # writes nothing itself
        self._rest = []

    def __call__(self, trainer):
        n_entries = len(self.log)
        super().__call__(trainer)
        if len(self.log) > n_entries:
            self._write(trainer)

    @property
    def log(self):
        return self._log + self._rest

    def finish(self, trainer):
        """Write an entry of the updates since the last one, at the end of a training.

        It is in no snapshot: a resumed training makes a whole entry of these updates and others.
        """
        if means := self._summary.compute_mean():
            means = {key: float(value) for key, value in means.items()}
            self._rest = [{**means, 'epoch': trainer.updater.epoch, 'elapsed_time':
                           trainer.elapsed_time, 'iteration': trainer.updater.iteration}]
            self._write(trainer)

    def _write(self, trainer):
        # Without what is NaN or infinite, which JSON does not know.
        log = [{key: value for key, value in entry.items() if math.isfinite(value)}
               for entry in self.log]
        write_json(Path(trainer.out, 'log'), log)
        table = io.StringIO()
        columns = dict.fromkeys(['iteration', *(key for entry in log for key in entry)])
        rows = csv.DictWriter(table, columns, lineterminator='\n')
        rows.writeheader()
        rows.writerows(log)
        write_text(Path(trainer.out, 'log.csv'), table.getvalue())

    def serialize(self, serializer):
        """Save the log, or load it; a ValueError if what is loaded is not a log."""
        super().serialize(serializer)
        if not isinstance(self.log, list) or not all(
                isinstance(entry, dict) and 'iteration' in entry
                and all(isinstance(value, int | float) for value in entry.values())
                for entry in self.log):
            raise ValueError('the log is not a list of entries')
