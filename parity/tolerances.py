"""Every tolerance of the checks, with its reason: `python -m parity tolerances` prints them.

All are relative to the largest magnitude of the recorded tensor, unless the check says otherwise.
"""
import sys

from parity.check import Tolerance

FORWARD_64 = Tolerance(
    1e-12, 'float64: some thousand roundings of 1e-16 a value, divided by the standard deviation '
    'of a batch; 2.2e-14 was the largest seen')
FORWARD_32 = Tolerance(
    1e-4, 'float32: the same sums in another order; a batch normalisation over two rows divides '
    'their rounded difference by itself, and 1e-5 was seen there')
SATURATED_32 = Tolerance(
    1e-2, 'float32, Chainer 2, untrained, test mode: the running variance is 0, so each of four '
    'batch normalisations multiplies by 1 / sqrt(2e-5) = 224; inputs of tanh reach 1e4, where '
    'float32 rounds to 1e-3, and shows it where they cross 0, and in all of G1 after; 1.2e-3 was '
    'seen')
GRADIENTS_64 = Tolerance(
    1e-12, 'float64: the roundings of the forward pass and as many again; 2.3e-14 was the largest '
    'seen')
GRADIENTS_32 = Tolerance(
    5e-3, 'float32: a unit whose input rounds across zero takes the other slope of its ReLU, which '
    'moves the gradient of a whole tensor; 1.8e-3 was seen, and the recordings in float32 and '
    'float64 differ by as much')
FULL_SIZE_GRADIENTS_32 = Tolerance(
    1e-1, 'float32, full width, two videos: as in the small networks, with a hundred times as many '
    'units to round across zero; 2.1e-2 was seen, and a wrong objective is off by order 1')
ROUNDING_NOISE_64 = Tolerance(
    1e-12, 'zero but for float64 rounding, relative to the gradient of W of the same layer: batch '
    'normalisation subtracts this bias again')
FIRST_LOSSES_64 = Tolerance(
    1e-12, 'float64: a difference of two scores, each one sum over a video; 9.4e-14 was seen where '
    'they nearly cancel')
FIRST_LOSSES_32 = Tolerance(
    1e-3, 'float32: the score is one sum over a video, after three batch normalisations over two '
    'to four videos; 5.6e-5 was seen')
TRAJECTORY_64 = Tolerance(
    1e-9, 'float64, twelve updates: RMSprop divides by the root of mean squares that start at '
    'zero, so it turns the rounding of small gradients into part of a step; 1e-12 was the largest '
    'seen, and another rule moves it by 1e-4')
C3D_32 = Tolerance(
    5e-6, 'float32: sums of up to 13,824 products in another order; 1.1e-6 was seen')
C3D_GPU_32 = Tolerance(
    1e-4, 'float32 on a GPU, values and norms: cuDNN may choose an algorithm (Winograd, FFT) that '
    'transforms what it multiplies and rounds some ten times more; TF32, which would be off by '
    '1e-3, is switched off; not yet seen on a GPU')
WHOLE_TENSOR_32 = Tolerance(
    1e-6, 'float32: the norm of a whole tensor, in which roundings average out; 1e-7 was seen')
SCORE_64 = Tolerance(1e-12, 'float64, from the same probabilities')
SCORE_32 = Tolerance(
    5e-6, "the authors computed in float32, ours is float64; 8e-7 was seen, as between theirs and "
    "the oracle")
SCORED_32 = Tolerance(
    5e-5, 'float32, from latent vectors through OpenCV, whose weights of pixels are float32, and '
    'C3D to the score; 5.2e-6 was seen, and a mask of another order moves probabilities by 1')
RESIZE_64 = Tolerance(1e-12, 'float64: sixteen products a pixel')
SVC_64 = Tolerance(
    1e-12, 'float64: a Gram matrix knows singular values near the bound to 1e-16 times the square '
    'of the largest, which is of order 1; 8e-15 was seen')


def table():
    """Columns and rows of what ``python -m parity tolerances`` prints."""
    return ('name', 'relative', 'reason'), [
        (name, f'{tolerance.value:.0e}', tolerance.reason)
        for name, tolerance in vars(sys.modules[__name__]).items()
        if isinstance(tolerance, Tolerance)]
