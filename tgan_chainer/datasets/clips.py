"""What the datasets do to a video: choose where a clip starts, mirror some clips, normalise."""
import numpy as np


def draw_offset(length, n_frames, stream):
    """First frame of a clip of `n_frames` frames in a video of `length` frames.

    Uniform over 0..length - n_frames - 1, so the last possible clip is never drawn; no random
    number is used up when `length` is `n_frames`. Both are the authors' (FACTS §5), and needed to
    stay in step with their random stream. `stream` is `numpy.random` or a RandomState.
    """
    return stream.randint(length - n_frames) if length > n_frames else 0


def draw_mirrored(stream):
    """Whether to mirror a clip: true with probability 1/2."""
    return stream.rand() > 0.5


def mirror(clip, mirrored):
    """A clip (..., W), left to right if `mirrored`; a view."""
    return clip[..., ::-1] if mirrored else clip


def normalize(clip):
    """uint8 values 0..255 -> float32 in [-1, 1), exactly (v - 128) / 128; a new C-ordered array."""
    return (clip.astype(np.float32, order='C') - 128) / 128
