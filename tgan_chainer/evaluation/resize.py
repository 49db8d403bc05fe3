"""Resizing floating-point images as OpenCV's modes and Chainer's do it, one axis at a time."""
import functools

import chainer
import numpy as np


def resize(images, height, width, matrix):
    """Resize (..., H, W) to (..., height, width), as one matrix product for each axis.

    ``matrix`` is a function such as :func:`cubic_matrix`. Dtype and device stay; the result is in
    C order. What is not floats (OpenCV rounds others) of two axes at least is a ValueError.
    """
    if images.ndim < 2 or images.dtype.kind != 'f':
        raise ValueError(f'images of {images.dtype} {images.shape}: expected floats (..., H, W)')
    xp = chainer.backend.get_array_module(images)
    rows, columns = (
        xp.asarray(matrix(n_in, n_out).astype(images.dtype))
        for n_in, n_out in zip(images.shape[-2:], (height, width), strict=True))
    return _along_last(_along_last(images.swapaxes(-1, -2), rows).swapaxes(-1, -2), columns)


def _along_last(x, weights):
    """(..., n_in) -> (..., n_out) as a single product; one an image costs more than its work."""
    return (x.reshape(-1, x.shape[-1]) @ weights.T).reshape(*x.shape[:-1], len(weights))


@functools.lru_cache(maxsize=8)
def cubic_matrix(n_in, n_out):
    """OpenCV's INTER_CUBIC -> read-only float64 (n_out, n_in), whose rows sum to 1.

    Half-pixel centres, the edge pixel repeated beyond the border, and no smoothing before
    shrinking. Edges overshoot the range of the input.
    """
    return _matrix(n_in, _centres(n_in, n_out), (-1, 0, 1, 2), _cubic)


def linear_matrix(n_in, n_out):
    """OpenCV's INTER_LINEAR: as :func:`cubic_matrix`, between the two nearest pixels."""
    return _matrix(n_in, _centres(n_in, n_out), (0, 1), lambda x: 1 - x)


def nearest_matrix(n_in, n_out):
    """OpenCV's INTER_NEAREST: the pixel in which the left edge of the new one lies."""
    return _matrix(n_in, np.arange(n_out) * (n_in / n_out), (0,), np.ones_like)


def corner_linear_matrix(n_in, n_out):
    """Between the two nearest pixels, corners on corners, as Chainer's resize_images does it."""
    return _matrix(n_in, np.linspace(0, n_in - 1, n_out), (0, 1), lambda x: 1 - x)


def _centres(n_in, n_out):
    """Where the centres of the new pixels lie among those of the old."""
    return (np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5


def _matrix(n_in, position, taps, kernel):
    """Weigh the pixels around each position by their distance; beyond the border several are one.

    ``taps`` are counted from the pixel at or before the position.
    """
    matrix = np.zeros((len(position), n_in))
    for tap in taps:
        pixel = np.floor(position).astype(int) + tap
        np.add.at(matrix, (np.arange(len(position)), pixel.clip(0, n_in - 1)),
                  kernel(np.abs(position - pixel)))
    matrix.setflags(write=False)
    return matrix


def _cubic(x):
    """The cubic of Keys (1981) at a distance 0 <= x <= 2 in pixels."""
    a = -0.75    # OpenCV's choice, where others take -0.5
    return np.where(x <= 1, ((a + 2) * x - (a + 3)) * x * x + 1,
                    ((a * x - 5 * a) * x + 8 * a) * x - 4 * a)
