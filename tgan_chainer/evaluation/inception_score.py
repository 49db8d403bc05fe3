"""The inception score (Salimans et al. 2016) of thousands of videos, as the authors compute it."""
import json
from dataclasses import dataclass
from pathlib import Path

import chainer
import numpy as np

from tgan_chainer.errors import SnapshotError
from tgan_chainer.evaluation import ledger
from tgan_chainer.evaluation.classifier import Classifier
from tgan_chainer.evaluation.protocols import EPS, PROTOCOLS, Settings
from tgan_chainer.evaluation.scoring_flags import method_name
from tgan_chainer.evaluation.sources import GeneratedVideos, RealVideos
from tgan_chainer.io import files, snapshots
from tgan_chainer.io.progress import progress
from tgan_chainer.random_streams import RandomState

_REMEDY = 'delete it to start this score over'


def calc_inception(ys, eps=EPS):
    """exp of the mean over examples of sum_c p log(p + eps) - p log(mean p + eps); one split.

    Args:
        ys: Array (N, classes) on any device: each example's class probabilities. Another shape, or
            a row that is no probability distribution, is a ValueError.

    Returns:
        float from 1 (all examples alike) to the number of classes (sure of each example, and all
        classes equally often). Computed in float64.
    """
    return score_of(add(0, ys, eps), eps)


def add(sums, ys, eps):
    """Add examples, see :func:`calc_inception`, to the sums of those before, 0 at first.

    The second term needs nothing of an example but its share of the mean, so these are enough:

    Returns:
        Array of float64, on the CPU: the number of examples, the sum of all p log(p + eps), and
        that of p of each class.
    """
    xp = chainer.backend.get_array_module(ys)
    if ys.ndim != 2 or 0 in ys.shape:
        raise ValueError(f'class probabilities of shape {ys.shape}: expected (N, classes)')
    ys = ys.astype(xp.float64, copy=False)
    totals = ys.sum(axis=1)
    # A softmax over 101 classes in float32 sums to 1 within 1e-6. Written so that NaN is refused.
    bad = ~((ys >= 0).all(axis=1) & (xp.abs(totals - 1) <= 1e-3))
    if bad.any():
        row = int(bad.argmax())
        raise ValueError(
            f'row {row} of the class probabilities has values from {float(ys[row].min()):g} to '
            f'{float(ys[row].max()):g} that sum to {float(totals[row]):g}: expected '
            'probabilities from 0 to 1 that sum to 1 (softmax, not fc8)')
    p = chainer.get_device('@numpy').send(ys.sum(axis=0))
    return sums + np.array([len(ys), float((ys * xp.log(ys + eps)).sum()), *p])


def score_of(sums, eps):
    """The score of the examples that :func:`add` added up -> float."""
    mean = sums[2:] / sums[0]
    return float(np.exp(sums[1] / sums[0] - (mean * np.log(mean + eps)).sum()))


@dataclass
class Evaluation:
    """The score of one seed. What it takes to go on is in a file after every batch.

    Started again with the same file it ends with the same bits as without a pause.
    """

    source: GeneratedVideos | RealVideos    #: From which nothing was drawn yet.
    classifier: Classifier
    settings: Settings
    random_state: RandomState    #: Of the seed; it seeds the global generators.
    path: Path    #: The file; one of another ``run``, or damaged, is refused.
    run: dict     #: What the score depends on, as JSON.

    def score(self):
        """Go on to the end -> float."""
        self._sums = np.zeros(1)    # see add
        self.random_state.seed_all()
        if self.path.is_file():
            self._resume()
        with progress(total=self.settings.scored, initial=int(self._sums[0]), unit='video',
                      desc=f'seed {self.random_state.seed}') as bar:
            while self._sums[0] < self.settings.scored:
                videos = self.source.make(self.source.draw(self.settings.batchsize))
                ys = self.classifier(videos, bar.update)
                self._sums = add(self._sums, ys, self.settings.eps)
                snapshots.save(self.path, self)
        return score_of(self._sums, self.settings.eps)

    def _resume(self):
        try:
            snapshots.load(self.path, self)
        except SnapshotError as error:
            raise SnapshotError(f'{error}; {_REMEDY}') from error
        if changed := sorted(key for key in self.run if self._before.get(key) != self.run[key]):
            raise SnapshotError(f'{self.path}: is of an unfinished score of other '
                                f'{" and ".join(changed)}; {_REMEDY}')
        # What was drawn is drawn again: a GPU's generator has no state that could be saved.
        for _ in range(int(self._sums[0]) // self.settings.batchsize):
            self.source.draw(self.settings.batchsize)
            self.classifier.draw_masks(self.settings.batchsize)

    def serialize(self, serializer):
        """Save or load the run and the sums; a ValueError of damage."""
        self._before = json.loads(serializer('run', json.dumps(self.run)))
        # The number of classes is the file's: there is no array of its size yet to read into.
        reading = isinstance(serializer, chainer.Deserializer)
        self._sums = sums = serializer('sums', None if reading else self._sums)
        if (not isinstance(self._before, dict) or sums.dtype != np.float64 or sums.ndim != 1
                or sums.size < 3 or not 0 <= sums[0] <= self.settings.scored):
            raise ValueError(f'it has sums of {sums.dtype} {sums.shape}: expected float64 of at '
                             f'most {self.settings.scored} examples')


def measure(subject, classifier, settings, seeds, args):
    """Score a :class:`.sources.Subject`, and write down what was measured -> ledger.Measurement.

    The file of the score has the authors' line for every seed: result folder, iteration, videos,
    mean clip, score; and below those of several seeds their mean, standard deviation and best. In a
    rehearsal all lines are marked, and no record is written. ``args`` are the command's.
    """
    method = method_name(args)
    run = {**({'networks': subject.system.networks} if subject.system
              else {'data': subject.dataset.sha256}),
           'weights': classifier.files, 'protocol': classifier.protocol,
           'dropout': PROTOCOLS[classifier.protocol].dropout,
           'number of videos': settings.samples, 'batch size': settings.batchsize,
           'device': subject.device.xp.__name__}
    parts = [subject.out / f'{subject.stem}_{method}_seed-{seed}.part.npz' for seed in seeds]
    values = []
    for seed, part in zip(seeds, parts, strict=True):
        values.append(Evaluation(subject.source(seed), classifier, settings,
                                 RandomState(seed, subject.device), part, run).score())
        print(classifier.label(f'{subject.name} score:{values[-1]}'), flush=True)
    measurement = ledger.measurement(
        values, args.command_line, subject.device, metric='inception score', seeds=seeds,
        systems=[subject.system] if subject.system else [], dataset=subject.dataset,
        protocol=classifier.protocol, samples=settings.scored, weights=classifier.files)
    lines = [f'{subject.name} {settings.samples} {classifier.mean_path} {value}'
             for value in values]
    if len(seeds) > 1:
        lines.append(
            f'{subject.name} seeds:{",".join(map(str, seeds))} mean:{measurement.value} '
            f'std:{measurement.std} best:{measurement.best}')
        print(classifier.label(lines[-1]))
    score = subject.out / f'{subject.stem}_{method}.txt'
    files.write_text(score, ''.join(f'{classifier.label(line)}\n' for line in lines))
    written = [score]
    if not classifier.is_rehearsal:
        written.append(ledger.write(args.ledger or subject.out / 'ledger', measurement))
    for part in parts:    # kept until the values are written down
        part.unlink()
    print(classifier.label(f'wrote {" and ".join(map(str, written))}'))
    return measurement
