"""Bicubic resizing as OpenCV's INTER_CUBIC does it to floating-point pictures."""
import functools

import chainer
import numpy as np

A = -0.75
"""Free parameter of Keys's cubic (Keys 1981): OpenCV's choice, where others take -0.5."""


def resize_bicubic(images, height, width):
    """Resize (..., H, W) to (..., height, width), as one matrix product for each axis.

    Half-pixel centres, the edge pixel repeated beyond the border, and no smoothing before
    shrinking. Edges overshoot the range of the input.

    Args:
        images: Array of floats on any device.

    Returns:
        Array of the same dtype on that device.

    Raises:
        ValueError: ``images`` are not floats (OpenCV rounds others), or have fewer than two axes.
    """
    if images.ndim < 2 or images.dtype.kind != 'f':
        raise ValueError(f'images of {images.dtype} {images.shape}: expected floats (..., H, W)')
    xp = chainer.backend.get_array_module(images)
    rows, columns = (
        xp.asarray(cubic_matrix(n_in, n_out).astype(images.dtype))
        for n_in, n_out in zip(images.shape[-2:], (height, width), strict=True))
    return xp.matmul(rows, xp.matmul(images, columns.T))


@functools.lru_cache(maxsize=8)
def cubic_matrix(n_in, n_out):
    """Matrix float64 (n_out, n_in) that resizes one axis; its rows sum to 1. Read-only."""
    position = (np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5
    nearest = np.floor(position).astype(int)
    matrix = np.zeros((n_out, n_in))
    for pixel in (nearest - 1, nearest, nearest + 1, nearest + 2):
        # Beyond the border several pixels are one and the same: their weights add up.
        np.add.at(matrix, (np.arange(n_out), pixel.clip(0, n_in - 1)),
                  _cubic(np.abs(position - pixel)))
    matrix.setflags(write=False)
    return matrix


def _cubic(x):
    """Keys's cubic at a distance 0 <= x <= 2 in pixels."""
    return np.where(x <= 1, ((A + 2) * x - (A + 3)) * x * x + 1,
                    ((A * x - 5 * A) * x + 8 * A) * x - 4 * A)
