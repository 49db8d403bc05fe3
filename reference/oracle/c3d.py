"""What is done to a video before C3D sees it, under `tgan-v1`."""
import numpy as np

from reference.oracle import resize

#: Frames are resized to this, the released mean's columns cut to it, and both cropped to `CROP`.
RESIZED = 128
MEAN_SHAPE = (3, 16, 128, 171)
MEAN_COLUMNS = slice(21, 149)
CROP = slice(8, 120)


def preprocess_tgan_v1(video, mean):
    """Generated videos as the authors' evaluation/calc_inception.py hands them to C3D.

    x * 128 + 128, neither clipped nor rounded; every frame to 128 x 128, bicubic; RGB to BGR; minus
    the mean's columns 21 to 148; rows and columns 8 to 119.

    Args:
        video: (N, 3, 16, H, W), RGB in [-1, 1].
        mean: (3, 16, 128, 171), array `mean` of the authors' mean2.npz, BGR in [0, 255].

    Returns:
        (N, 3, 16, 112, 112) float64, BGR.

    Raises:
        ValueError: One of the shapes is another.
    """
    if video.ndim != 5 or video.shape[1:3] != MEAN_SHAPE[:2]:
        raise ValueError(f'video of shape {video.shape}: expected (N, 3, 16, H, W)')
    if mean.shape != MEAN_SHAPE:
        raise ValueError(f'mean of shape {mean.shape}: expected {MEAN_SHAPE}')
    x = resize.resize_cubic(np.asarray(video, np.float64) * 128 + 128, RESIZED, RESIZED)
    x = x[:, ::-1] - mean[..., MEAN_COLUMNS]
    return x[..., CROP, CROP]
