"""Objectives of the generator and of D, each with its derivative.

Scores are D's outputs, any shape with N examples, one score each. Every function returns the loss
(a float) followed by its derivative with respect to each argument, in that argument's shape.
"""
import numpy as np

from reference.oracle import layers


def wgan_generator(fake):
    """-(1/N) sum D(fake) (Arjovsky et al. 2017)."""
    return _mean(-fake), _like(fake, -1 / fake.size)


def wgan_discriminator(fake, real):
    """(1/N) sum D(fake) - (1/N) sum D(real) (Arjovsky et al. 2017).

    Returns:
        (loss,), loss's derivative in fake, in real.
    """
    return ((_mean(fake) - _mean(real),),
            _like(fake, 1 / fake.size), _like(real, -1 / real.size))


def vanilla_generator(fake):
    """Sigmoid cross entropy of the fakes against label 0, which is D's label for real."""
    return _cross_entropy(fake, 0)


def vanilla_discriminator(fake, real):
    """Sigmoid cross entropy: label 1 for fake, 0 for real (the authors' labels, not the usual).

    Returns:
        (loss on fake, loss on real), derivative of their sum in fake, in real.
    """
    loss_fake, gfake = _cross_entropy(fake, 1)
    loss_real, greal = _cross_entropy(real, 0)
    return (loss_fake, loss_real), gfake, greal


def lsgan_generator(fake):
    """Squared distance of the fakes' scores to 0 (Mao et al. 2017, with b = 1, a = -1, c = 0)."""
    return _squared_distance(fake, 0)


def lsgan_discriminator(fake, real):
    """Squared distance to -1 for fake plus squared distance to 1 for real.

    Returns:
        (loss,), derivative in fake, in real.
    """
    loss_fake, gfake = _squared_distance(fake, -1)
    loss_real, greal = _squared_distance(real, 1)
    return (loss_fake + loss_real,), gfake, greal


def _mean(x):
    return float(x.sum() / x.size)


def _like(x, value):
    return np.full_like(x, value)


def _cross_entropy(x, label):
    """Mean of softplus(x) - label * x, which is -log of the label's sigmoid probability."""
    return _mean(layers.softplus(x) - label * x), (layers.sigmoid(x) - label) / x.size


def _squared_distance(x, target):
    """Mean of (x - target)^2."""
    return _mean((x - target) ** 2), 2 * (x - target) / x.size
