"""Objectives of the generator and of D.

A term is a mean over scores, D's outputs of N examples in any shape: a function of them that
returns its value (a float) and its derivative, in the scores' shape.
"""
from functools import partial
from typing import NamedTuple

import numpy as np


class Objective(NamedTuple):
    """The generator's loss is a term of D(fake), D's the sum of one of D(fake), one of D(real)."""

    generator: partial
    fake: partial
    real: partial


def _linear(scores, factor):
    return float(factor * scores.sum() / scores.size), np.full_like(scores, factor / scores.size)


def _cross_entropy(scores, label):
    """Mean of log(1 + e^x) - label * x, which is -log of the label's sigmoid probability."""
    softplus = np.logaddexp(0, scores)
    sigmoid = np.exp(-np.logaddexp(0, -scores))
    return float((softplus - label * scores).mean()), (sigmoid - label) / scores.size


def _squared_distance(scores, target):
    return float(((scores - target) ** 2).mean()), 2 * (scores - target) / scores.size


WGAN = Objective(*(partial(_linear, factor=factor) for factor in (-1, 1, -1)))
"""Arjovsky et al. 2017."""

VANILLA = Objective(*(partial(_cross_entropy, label=label) for label in (0, 1, 0)))
"""The authors' labels, not the usual: 1 for fake and 0 for real."""

LSGAN = Objective(*(partial(_squared_distance, target=target) for target in (0, -1, 1)))
"""Mao et al. 2017, with a = -1, b = 1, c = 0."""
