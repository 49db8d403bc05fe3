"""The log and the previews for TensorBoard."""
import time
from pathlib import Path

from chainer.training import extension
from PIL import Image

from tgan_chainer.errors import ConfigError
from tgan_chainer.extensions.preview import Preview
from tgan_chainer.io.files import write_errors

_FILES = 'events.out.tfevents.{}.tgan'    # as TensorBoard looks for them


class TensorBoard(extension.Extension):
    """Write what the log and ``preview/`` hold into an event file of the result folder.

    Every start writes all that there is anew, so that the file is whole, and has nothing that the
    log has not. Without tensorboardX it is a ConfigError.
    """

    name = 'tensorboard'
    priority = extension.PRIORITY_READER - 1    # after log and preview

    def __init__(self):
        try:
            from tensorboardX import RecordWriter
            from tensorboardX.proto.event_pb2 import Event
        except ImportError as error:
            raise ConfigError(f'tensorboard: tensorboardX cannot be imported ({error}); the extra '
                              '[tensorboard] brings it: pip install tensorboardX') from error
        self._writer, self._event = RecordWriter, Event
        self._written = set()    # entries of the log by their number, movies by their paths

    def initialize(self, trainer):
        self._path = Path(trainer.out, _FILES.format(time.time_ns()))
        with write_errors(self._path, self._path):
            for before in self._path.parent.glob(_FILES.format('*')):
                before.unlink()
            self._file = self._writer(str(self._path))
            self._write(file_version='brain.Event:2')
            self._write(session_log={'status': 'START'})

    def trigger(self, trainer):
        """Whether there is something new; a snapshot need not know."""
        log = trainer.get_extension('LogReport').log
        return len(log) - 1 not in self._written or Preview.exists(trainer)

    def __call__(self, trainer):
        with write_errors(self._path, self._path):
            for number, entry in enumerate(trainer.get_extension('LogReport').log):
                if number not in self._written:
                    self._write(step=entry['iteration'], summary={'value': [
                        {'tag': key, 'simple_value': value}
                        for key, value in entry.items() if key != 'iteration']})
                    self._written.add(number)
            for path in sorted(Path(trainer.out, 'preview').glob('video_*.gif')):
                number = path.stem.removeprefix('video_')
                if path not in self._written and number.isdecimal() and int(
                        number) <= trainer.updater.iteration:
                    with Image.open(path) as image:
                        width, height = image.size
                    self._write(step=int(number), summary={'value': [{'tag': 'preview', 'image': {
                        'width': width, 'height': height, 'colorspace': 3,
                        'encoded_image_string': path.read_bytes()}}]})
                    self._written.add(path)
            self._file.flush()

    def finish(self, trainer):
        """Write what is new after the last update."""
        self(trainer)
        self._file.close()

    def _write(self, **content):
        self._file.write(self._event(wall_time=time.time(), **content).SerializeToString())
