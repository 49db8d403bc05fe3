"""`python -m benchmarks.train_digit_classifier`: the classifier behind `tgan quality`.

It is trained on videos made from the training half of the digits, a third of them with one digit,
and tested on the held-out half. On one machine it comes out the same each time.
"""
import argparse

import chainer
import chainer.functions as F
import numpy as np
from threadpoolctl import threadpool_limits

from tgan_chainer.commands.run import run_command
from tgan_chainer.datasets.drawing import normalize
from tgan_chainer.evaluation import digit_classifier as digits
from tgan_chainer.io.files import atomic_path
from tgan_chainer.io.progress import progress
from tgan_chainer.prepare import moving_mnist as make_moving_mnist
from tgan_chainer.prepare.digits import load_digits

UPDATES = 3500
BATCHSIZE = 32
RATE = 2e-3
TEST_VIDEOS = 1920

_N_FRAMES = digits.INPUT_SHAPE[1]
_PACE_SHARES = (0.1, 0.15, 0.5, 0.15, 0.1)
_IGNORED = -1    # of softmax_cross_entropy
_SET_NUMBER = {frozenset(members): number for number, members in enumerate(digits.DIGIT_SETS)}


class Videos:
    """Videos of a split's digits with their classes, drawn without end from a stream of its own."""

    def __init__(self, split, seed):
        self._images, self._labels = load_digits(split)
        self._random = np.random.RandomState(seed)

    def draw(self, n):
        """float32 (n, 1, 16, 32, 32) in [-1, 1), and int32 (n, 4): the class for each task, or -1.

        The first third have one digit, the others two. What does not move has no direction.
        """
        parts = [self._draw(n // 3, 1), self._draw(n - n // 3, 2)]
        return tuple(np.concatenate(arrays) for arrays in zip(*parts, strict=True))

    def _draw(self, n, n_digits):
        rs = self._random
        digit = rs.randint(len(self._images), size=(n, n_digits))
        pace = rs.choice(len(digits.PACES), n, p=_PACE_SHARES)
        speed = np.array([1 if pace is None else pace for pace in digits.PACES])[pace]
        position = make_moving_mnist.trajectories(
            rs.random_sample((n, n_digits, 2)), 2 * np.pi * rs.random_sample((n, n_digits)),
            make_moving_mnist.STEP * speed[:, None, None])
        offset = rs.randint(make_moving_mnist.N_FRAMES - _N_FRAMES)
        position = position[offset:offset + _N_FRAMES]
        in_disorder = pace == digits.PACES.index(None)
        classes = [
            [_SET_NUMBER[frozenset(seen)] for seen in self._labels[digit].tolist()], pace,
            *(np.where(in_disorder | (speed == 0), _IGNORED, _quadrant(position[a], position[b]))
              for a, b in ((0, 7), (8, 15)))]
        for i in np.flatnonzero(in_disorder):
            position[:, i] = rs.permutation(position[:, i])
        frames = make_moving_mnist.render(self._images, digit, position)
        videos = normalize(make_moving_mnist.halve(frames).transpose(1, 0, 2, 3)[:, None])
        return videos, np.array(classes, np.int32).T


def _quadrant(before, after):
    """Class of the way of the digits' centre between positions (n, k, 2)."""
    down, right = (after - before).sum(axis=1).T > 0
    return 2 * down + right


def soften(videos, rs):
    """Fade videos a little and blur half of them, each by an amount of its own.

    Without it the smoothness of generated frames would move the features more than anything else.
    """
    shape = len(videos), 1, 1, 1, 1
    share = rs.uniform(-1, 1, shape).astype(np.float32).clip(0)
    gain = rs.uniform(0.7, 1, shape).astype(np.float32)
    return (videos + share * (digits.blur(videos) - videos) + 1) * gain - 1


def train(updates, seed=0):
    """A new classifier after so many updates of Adam, whose rate falls to zero in equal steps."""
    classifier, videos = digits.DigitClassifier(), Videos('train', seed)
    rs = np.random.RandomState([seed, 1])
    optimizer = chainer.optimizers.Adam(RATE).setup(classifier)
    with chainer.using_config('train', True), progress(total=updates, unit='update') as bar:
        for update in range(updates):
            optimizer.alpha = RATE * (1 - update / updates)
            x, classes = videos.draw(BATCHSIZE)
            scores = classifier(soften(x, rs))
            loss = sum(F.softmax_cross_entropy(logits, of_task, ignore_label=_IGNORED)
                       for logits, of_task in zip(scores, classes.T, strict=True))
            classifier.cleargrads()
            loss.backward()
            optimizer.update()
            bar.update()
    return classifier


def accuracies(classifier, split, n, seed=1):
    """Share of ``n`` videos that are classified right -> dict: task, and digits alone by number."""
    videos, right = Videos(split, seed), []
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        for _ in range(n // 60):
            x, classes = videos.draw(60)
            found = np.stack([y.array.argmax(axis=1) for y in classifier(x)], axis=1)
            right.append(np.where(classes == _IGNORED, np.nan, found == classes))
    right = np.array(right)    # batches, videos, tasks
    return {**dict(zip(digits.TASKS, np.nanmean(right, axis=(0, 1)), strict=True)),
            'one digit': right[:, :20, 0].mean(), 'two digits': right[:, 20:, 0].mean()}


def main(argv=None):
    """Command line -> exit code."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.train_digit_classifier')
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument('--out', help='file to write the weights to')
    what.add_argument('--test', nargs='?', const=digits.WEIGHTS, metavar='FILE',
                      help="only print the accuracy of weights (default: the package's)")
    return run_command(_run, parser.parse_args(argv))


def _run(args):
    if args.out:
        with threadpool_limits(1):    # BLAS's sums depend on their number, the kernels' do not
            weights = chainer.serializers.npz.serialize(train(UPDATES))
        halves = {key: value.astype(np.float16) if value.dtype == np.float32 else value
                  for key, value in weights.items()}
        with atomic_path(args.out) as temporary:
            np.savez_compressed(temporary, **halves)
    classifier = digits.load_classifier(args.out or args.test)    # as it is in the file, in float16
    for split in ('heldout', 'train'):
        found = accuracies(classifier, split, TEST_VIDEOS)
        print(f'{TEST_VIDEOS} videos of {split} digits: '
              + ', '.join(f'{task} {share:.3f}' for task, share in found.items()))


if __name__ == '__main__':
    raise SystemExit(main())
