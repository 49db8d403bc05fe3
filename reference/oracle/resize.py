"""Bicubic interpolation as OpenCV defines INTER_CUBIC, in floating point."""
import numpy as np

#: Keys's free parameter (Keys 1981); OpenCV takes -0.75, others -0.5.
A = -0.75


def cubic_kernel(x):
    """Keys's piecewise cubic w(x), 0 outside (-2, 2); any shape in, the same out.

    |x| <= 1:      (a + 2)|x|^3 - (a + 3)|x|^2 + 1
    1 < |x| < 2:   a (|x|^3 - 5|x|^2 + 8|x| - 4)
    """
    x = np.abs(x)
    near = ((A + 2) * x - (A + 3)) * x ** 2 + 1
    far = A * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))


def cubic_matrix(n_in, n_out):
    """Matrix (n_out, n_in) of one-dimensional resizing; rows sum to 1.

    Output pixel i sits at (i + 1/2) n_in / n_out - 1/2 among the input pixels (half-pixel centres)
    and is made of the four around it; beyond the border the edge pixel is repeated. Nothing is
    smoothed before shrinking.
    """
    position = (np.arange(n_out) + 0.5) * n_in / n_out - 0.5
    matrix = np.zeros((n_out, n_in))
    for tap in range(-1, 3):
        pixel = np.floor(position).astype(int) + tap
        np.add.at(matrix, (np.arange(n_out), np.clip(pixel, 0, n_in - 1)),
                  cubic_kernel(position - pixel))
    return matrix


def resize_cubic(images, height, width):
    """Resize (..., H, W) to (..., height, width); overshoots the input's range at edges.

    Returns:
        float64.
    """
    rows = cubic_matrix(images.shape[-2], height)
    columns = cubic_matrix(images.shape[-1], width)
    return rows @ np.asarray(images, np.float64) @ columns.T
