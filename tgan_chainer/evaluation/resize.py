"""Resizing floating-point images as OpenCV's modes and Chainer's do it, one axis at a time."""
import functools

import chainer
import numpy as np

A = -0.75    #: Free parameter of Keys's cubic (Keys 1981): OpenCV's choice, where others take -0.5.


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
    position = _centres(n_in, n_out)
    nearest = np.floor(position).astype(int)
    return _matrix(n_in, n_out, [
        (pixel, _cubic(np.abs(position - pixel)))
        for pixel in (nearest - 1, nearest, nearest + 1, nearest + 2)])


def linear_matrix(n_in, n_out):
    """OpenCV's INTER_LINEAR: as :func:`cubic_matrix`, between the two nearest pixels."""
    return _linear(n_in, n_out, _centres(n_in, n_out))


def nearest_matrix(n_in, n_out):
    """OpenCV's INTER_NEAREST: the pixel in which the left edge of the new one lies."""
    pixel = np.floor(np.arange(n_out) * (n_in / n_out)).astype(int)
    return _matrix(n_in, n_out, [(pixel, 1.0)])


def corner_linear_matrix(n_in, n_out):
    """Between the two nearest pixels, corners on corners, as Chainer's resize_images does it."""
    return _linear(n_in, n_out, np.linspace(0, n_in - 1, n_out))


def _centres(n_in, n_out):
    """Where the centres of the new pixels lie among those of the old."""
    return (np.arange(n_out) + 0.5) * (n_in / n_out) - 0.5


def _linear(n_in, n_out, position):
    lower = np.floor(position).astype(int)
    return _matrix(n_in, n_out, [(lower, lower + 1 - position), (lower + 1, position - lower)])


def _matrix(n_in, n_out, taps):
    """Add up weights (n_out,) of pixels (n_out,); beyond the border several are one."""
    matrix = np.zeros((n_out, n_in))
    for pixel, weight in taps:
        np.add.at(matrix, (np.arange(n_out), pixel.clip(0, n_in - 1)), weight)
    matrix.setflags(write=False)
    return matrix


def _cubic(x):
    """Keys's cubic at a distance 0 <= x <= 2 in pixels."""
    return np.where(x <= 1, ((A + 2) * x - (A + 3)) * x * x + 1,
                    ((A * x - 5 * A) * x + 8 * A) * x - 4 * A)
