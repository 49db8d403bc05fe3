"""What z_slow is drawn from."""
from typing import Literal

Latent = Literal['uniform', 'normal']
"""Distribution of a latent vector: U(-1, 1), as in all of the authors' experiments, or N(0, 1)."""


def draw_latent(random, latent, shape):
    """Draw an array of ``shape`` from ``latent``, one of :data:`Latent`, in float64.

    Args:
        random: ``numpy.random``, ``cupy.random`` or a ``RandomState`` of either.
    """
    return random.uniform(-1, 1, shape) if latent == 'uniform' else random.normal(0, 1, shape)
