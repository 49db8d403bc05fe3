import av
import numpy as np


def read_movie(path):
    """All frames of a movie or an animation -> uint8 (T, H, W, 3)."""
    # Titles in no valid UTF-8 do not matter.
    with av.open(str(path), metadata_errors='replace') as movie:
        return np.stack([frame.to_ndarray(format='rgb24') for frame in movie.decode(video=0)])
