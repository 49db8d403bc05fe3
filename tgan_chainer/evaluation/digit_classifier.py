"""A small classifier of Moving MNIST videos: which digits are seen, and how they move.

Ours, not the paper's. `python -m benchmarks.train_digit_classifier` makes its weights.
"""
import itertools
from pathlib import Path

import chainer
import chainer.functions as F
import numpy as np
from chainer import initializers

from tgan_chainer.functions import relu
from tgan_chainer.io import snapshots
from tgan_chainer.links import BatchNormalization, ConvolutionND, Linear

WEIGHTS = Path(__file__).with_name('digit_classifier.npz')    #: Of the package, in float16.
INPUT_SHAPE = (1, 16, 32, 32)
N_FEATURES = 64

N_DIGITS = 10
DIGIT_SETS = [*((digit,) for digit in range(N_DIGITS)),
              *itertools.combinations(range(N_DIGITS), 2)]
"""The 55 classes of what is seen: one digit (perhaps twice), or two different ones."""

PACES = (0, 0.5, 1, 2, None)
"""Classes of speed, over that of Moving MNIST; None: the frames of speed 1 in random order."""

QUADRANTS = 4    #: Classes of direction: 2 * (downwards) + (rightwards).
TASKS = ('digits', 'pace', 'start', 'end')
"""What is predicted: the digits, the pace, and in which quadrant the digits' centre moves from
frame 0 to 7 and from frame 8 to 15."""

_OUTPUTS = (N_DIGITS, len(PACES), QUADRANTS, QUADRANTS)
_MEMBERS = np.array([[digit in members for digit in range(N_DIGITS)] for members in DIGIT_SETS],
                    np.float32)
_LAYERS = (    # output channels, kernel, stride (time, rows, columns)
    (16, (4, 4, 4), (2, 2, 2)),
    (32, (3, 4, 4), (1, 2, 2)),
    (64, (4, 4, 4), (2, 2, 2)),
    (N_FEATURES, (3, 3, 3), (1, 1, 1)),
)


class DigitClassifier(chainer.Chain):
    """Videos (B, 1, 16, 32, 32) in [-1, 1] -> scores of the classes of each of :data:`TASKS`.

    Four convolutions with batch normalisation and ReLU; their mean over time and space are the
    features; one linear layer. The score of a set of digits is the sum of its digits' scores.
    """

    def __init__(self):
        super().__init__()
        # A generator of its own: a training whose quality is measured draws what it would without.
        he_normal = initializers.HeNormal(rng=np.random.RandomState(0))
        in_channels = 1
        with self.init_scope():
            self.conv, self.bn = chainer.ChainList(), chainer.ChainList()
            for out_channels, ksize, stride in _LAYERS:
                self.conv.append(ConvolutionND(3, in_channels, out_channels, ksize, stride, 1,
                                               nobias=True, initialW=he_normal))
                self.bn.append(BatchNormalization(out_channels, statistics='chainer7'))
                in_channels = out_channels
            self.out = Linear(N_FEATURES, sum(_OUTPUTS), initialW=he_normal)

    def features(self, videos):
        """Videos (B, 1, 16, 32, 32) -> Variable (B, 64)."""
        h = videos + 1    # the padding is as black as the background
        for conv, bn in zip(self.conv, self.bn, strict=True):
            h = relu(bn(conv(h)))
        return F.mean(h, axis=(2, 3, 4))

    def classify(self, features):
        """Features (B, 64) -> a Variable (B, classes) of logits for each of :data:`TASKS`."""
        digits, *others = F.split_axis(self.out(features), np.cumsum(_OUTPUTS)[:-1], axis=1)
        return [F.linear(digits, _MEMBERS), *others]

    def forward(self, videos):
        """Videos (B, 1, 16, 32, 32) -> logits, see :meth:`classify`."""
        return self.classify(self.features(videos))


def blur(videos):
    """Mean of every pixel of videos (N, 1, T, H, W) and its eight neighbours; black around."""
    padded = np.pad(videos, ((0, 0),) * 3 + ((1, 1),) * 2, constant_values=-1)
    _, _, _, height, width = videos.shape
    return sum(padded[..., i:i + height, j:j + width] for i in range(3) for j in range(3)) / 9


def load_classifier(path=WEIGHTS):
    """The classifier on the CPU, in float32; a SnapshotError without a file of it."""
    with chainer.using_config('dtype', np.float32):
        classifier = DigitClassifier()
    snapshots.load(path, classifier)
    return classifier
