"""Scores of thousands of videos, batch by batch: interrupted and gone on with at any time."""
import json
from pathlib import Path
from typing import NamedTuple

from tgan_chainer.errors import SnapshotError
from tgan_chainer.evaluation.inception_sums import InceptionSums
from tgan_chainer.evaluation.preprocess import PROTOCOLS
from tgan_chainer.io import snapshots
from tgan_chainer.io.progress import progress
from tgan_chainer.random_streams import RandomState


class Settings(NamedTuple):
    """Numbers of a protocol: videos a seed, videos a batch, eps, and the seeds of a full score."""

    samples: int
    batchsize: int
    eps: float
    seeds: tuple

    @property
    def batches(self):
        """Whole batches; what is left over is not scored, as in the authors' code."""
        return self.samples // self.batchsize

    @property
    def scored(self):
        """Videos that are scored."""
        return self.batches * self.batchsize


class Evaluation:
    """The score of one seed. What it takes to go on is in a file after every batch.

    Started again with the same file it ends with the same bits as without a pause.

    Args:
        source: Source of videos, see :mod:`.samples`, from which nothing was drawn yet.
        classifier: Function from videos (n, C, T, H, W) and ``done`` to probabilities (n, classes)
            that has a method ``draw_masks``, such as :class:`.classifier.Classifier`.
        settings (Settings): How many videos.
        random_state (RandomState): Of the seed; it seeds the global generators.
        path (str or os.PathLike): The file.
        run (dict): What the score depends on, as JSON; a file of another run is refused.
    """

    def __init__(self, source, classifier, settings, random_state, path, run):
        self.source = source
        self.classifier = classifier
        self.settings = settings
        self.random_state = random_state
        self.path = Path(path)
        self._run = json.dumps(run, sort_keys=True)
        self._batches = 0
        self._sums = InceptionSums(settings.eps)

    def score(self):
        """Go on to the end -> float.

        Raises:
            DataError: The file cannot be written.
            SnapshotError: The file is damaged or of another run.
        """
        self.random_state.seed_all()
        if self.path.is_file():
            self._resume()
        with self._progress_bar() as bar:
            while self._batches < self.settings.batches:
                videos = self.source.make(self.source.draw(self.settings.batchsize))
                self._sums.add(self.classifier(videos, bar.update))
                self._batches += 1
                snapshots.save(self.path, self)
        return self._sums.score()

    def _progress_bar(self):
        return progress(total=self.settings.scored, initial=self._sums.n, unit='video',
                        desc=f'seed {self.random_state.seed}')

    def _resume(self):
        run = json.loads(self._run)
        self._load()
        before = self._read_run()
        changed = [key for key in run if before.get(key) != run[key]]
        if changed:
            raise SnapshotError(f'{self.path}: is of an unfinished score of other '
                                f'{" and ".join(changed)}; {_REMEDY}')
        # A device whose generator has no state to save draws again what was drawn. Then the states
        # that were saved are loaded a second time.
        self.random_state.seed_all()
        for _ in range(self._batches):
            self.source.skip(self.settings.batchsize)
            self.classifier.draw_masks(self.settings.batchsize)
        self._load()

    def _read_run(self):
        """What the file says that its score depends on -> dict; its position is checked, too."""
        try:
            before = json.loads(self._run)
        except (ValueError, RecursionError) as error:
            raise SnapshotError(f'{self.path}: is damaged ({error}); {_REMEDY}') from error
        if not isinstance(before, dict) or not 0 <= self._batches <= self.settings.batches:
            raise SnapshotError(f'{self.path}: is damaged (position {self._batches} of '
                                f'{self.settings.batches}); {_REMEDY}')
        return before

    def _load(self):
        try:
            snapshots.load(self.path, self)
        except SnapshotError as error:
            raise SnapshotError(f'{error}; {_REMEDY}') from error

    def serialize(self, serializer):
        """Save or load the sums, the position and the random states."""
        self._run = serializer('run', self._run)
        self._batches = serializer('batches', self._batches)
        self._sums.serialize(serializer['sums'])
        self.random_state.serialize(serializer['random_state'])


_REMEDY = 'delete it to start this score over'


def score_seeds(subject, classifier, settings, seeds, method):
    """The score of every seed, printed as the authors' line ``... score:X``.

    Args:
        subject (Subject): What is scored.
        classifier (Classifier): By which.
        settings (Settings): How many videos.
        seeds (list of int): Of latent vectors and labels, or of the order of a data set.
        method (str): Part of the names of files.

    Returns:
        The values, and the files of unfinished scores, which are to be deleted once the values are
        written down.

    Raises:
        TGANError: See :class:`Evaluation`.
    """
    values, parts = [], []
    for seed in seeds:
        path = subject.out / f'{subject.stem}_{method}_seed-{seed}.part.npz'
        run = {**subject.identity(), 'weights': classifier.files, 'protocol': classifier.protocol,
               'dropout': PROTOCOLS[classifier.protocol].dropout,
               'number of videos': settings.samples, 'batch size': settings.batchsize,
               'device': subject.device.xp.__name__}
        evaluation = Evaluation(subject.source(seed), classifier, settings,
                                RandomState(seed, subject.device), path, run)
        values.append(evaluation.score())
        parts.append(path)
        print(classifier.label(f'{subject.name} score:{values[-1]}'), flush=True)
    return values, parts
