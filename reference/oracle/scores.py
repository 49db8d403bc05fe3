"""Inception score, and what is done to a video before C3D sees it, under `tgan-v1`."""
import numpy as np


def inception_score(ys, eps=1e-7):
    """exp(1/N sum_i sum_c p log(p + eps) - p log(p_mean + eps)) (Salimans et al. 2016; one split).

    From 1 (all rows of `ys`, (N, classes), alike) to `classes` (sure of each example, all classes
    equally often).
    """
    ys = np.asarray(ys, np.float64)
    p_mean = ys.mean(axis=0)
    divergence = ys * (np.log(ys + eps) - np.log(p_mean + eps))
    return float(np.exp(divergence.sum(axis=1).mean()))


def preprocess(video, mean):
    """Generated videos as the authors' evaluation/calc_inception.py hands them to C3D.

    x * 128 + 128, neither clipped nor rounded; every frame to 128 x 128, bicubic; RGB to BGR; minus
    the mean's columns 21 to 148; rows and columns 8 to 119. From (N, 3, 16, H, W), RGB in [-1, 1],
    and the `mean` of the authors' mean2.npz, (3, 16, 128, 171), BGR in [0, 255], to float64
    (N, 3, 16, 112, 112), BGR.
    """
    x = resize_cubic(np.asarray(video, np.float64) * 128 + 128, 128, 128)
    return (x[:, ::-1] - mean[..., 21:149])[..., 8:120, 8:120]


# -- bicubic interpolation as OpenCV defines INTER_CUBIC, in floating point ------------------------

#: Keys's free parameter (Keys 1981); OpenCV takes -0.75, others -0.5.
A = -0.75


def resize_cubic(images, height, width):
    """Resize (..., H, W) to (..., height, width), float64; overshoots the range at edges."""
    rows, columns = (_matrix(*sizes) for sizes in zip(
        images.shape[-2:], (height, width), strict=True))
    return rows @ np.asarray(images, np.float64) @ columns.T


def _matrix(n_in, n_out):
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
                  _kernel(np.abs(position - pixel)))
    return matrix


def _kernel(x):
    """Keys's piecewise cubic w(x) of x >= 0, any shape.

    x <= 1:       (a + 2) x^3 - (a + 3) x^2 + 1
    1 < x < 2:    a (x^3 - 5 x^2 + 8 x - 4), and 0 from there
    """
    near = ((A + 2) * x - (A + 3)) * x ** 2 + 1
    far = A * (((x - 5) * x + 8) * x - 4)
    return np.where(x <= 1, near, np.where(x < 2, far, 0.0))
