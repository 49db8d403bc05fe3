"""From latent vectors to videos, in training and after it.

Without G0 ``fsgen`` is None, and there is no z_fast. Labels are an array (B,) of int32, which
index the categories of a conditional system. Random numbers are drawn by the global generator of
the array module of the networks' device, as in the authors' code.
"""
from typing import Literal

import chainer
import chainer.functions as F
import numpy as np

Latent = Literal['uniform', 'normal']
"""Distribution of z_slow: U(-1, 1), as in all of the authors' experiments, or N(0, 1)."""

# Videos that are generated at once: the largest feature map of 8 full-size videos takes 67 MB.
_CHUNK = 8


def first_generator(fsgen, vgen):
    """The network that z_slow enters: G0, or a generator that makes whole videos."""
    return vgen if fsgen is None else fsgen


def draw_latent(random, latent, shape):
    """Draw an array of ``shape`` in float64 from ``latent``, one of :data:`Latent`.

    ``random`` is ``numpy.random``, ``cupy.random`` or a ``RandomState`` of either.
    """
    return random.uniform(-1, 1, shape) if latent == 'uniform' else random.normal(0, 1, shape)


def draw_z_slow(generator, n):
    """Draw z_slow (n, z_slow_dim), of Chainer's dtype, for the :func:`first_generator`."""
    z_slow = draw_latent(generator.xp.random, generator.latent, (n, generator.z_slow_dim))
    return z_slow.astype(chainer.get_dtype())


def draw_labels(generator, n):
    """Draw labels (n,) from the prior of a conditional :func:`first_generator`; else None."""
    if not generator.n_categories:
        return None
    return generator.xp.random.choice(
        generator.n_categories, n, p=generator.category_prior).astype(np.int32)


def generate_video(vgen, z_slow, z_fast, *labels):
    """z_slow (B, Ks), z_fast (B, Kf, T) or None -> video (B, C, T, H, W) in [-1, 1].

    z_slow and the labels are repeated for every frame before G1, so that G1's batch normalisation
    sees B T rows in all branches, as in the authors' code.
    """
    if z_fast is None:
        return vgen(z_slow, *labels)
    batch, k_fast, frames = z_fast.shape
    k_slow = z_slow.shape[1]
    slow = F.broadcast_to(F.expand_dims(z_slow, 1), (batch, frames, k_slow))
    fast = F.transpose(z_fast, (0, 2, 1))
    images = vgen(F.reshape(slow, (batch * frames, k_slow)),
                  F.reshape(fast, (batch * frames, k_fast)),
                  *(label.repeat(frames) for label in labels))
    video = F.reshape(images, (batch, frames, *images.shape[1:]))
    return F.transpose(video, (0, 2, 1, 3, 4))


def make_video(fsgen, vgen, n, z_slow=None, z_fast=None, labels=None, progress=iter):
    """Generate ``n`` videos with batch normalisation in test mode and no graph.

    Args:
        fsgen, vgen: The generators, on one device.
        n (int): Number of videos.
        z_slow: Array (n, Ks); drawn when None.
        z_fast: Array (n, Kf, T); G0(z_slow) when None.
        labels: Array (n,) for a conditional system; drawn from the prior when None.
        progress: Function that passes on the range that it is given, and may show how far it is.

    Returns:
        Arrays on that device: video (n, C, T, H, W) in [-1, 1], z_slow, z_fast (None without G0).

    Raises:
        ValueError: The latent vectors or the labels are not ``n``.
    """
    first = first_generator(fsgen, vgen)
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        z_slow = draw_z_slow(first, n) if z_slow is None else chainer.as_array(z_slow)
        labels = draw_labels(first, n) if labels is None else labels
        for name, vectors in (('z_slow', z_slow), ('z_fast', z_fast), ('labels', labels)):
            if vectors is not None and len(vectors) != n:
                raise ValueError(f'{name} holds {len(vectors)} vectors, expected n = {n}')
        labels = () if labels is None else (labels,)
        if z_fast is None and fsgen is not None:
            z_fast = fsgen(z_slow, *labels)
        z_fast = None if z_fast is None else chainer.as_array(z_fast)
        parts = [generate_video(vgen, *(vectors if vectors is None else vectors[i:i + _CHUNK]
                                        for vectors in (z_slow, z_fast, *labels))).array
                 for i in progress(range(0, n, _CHUNK))]
    return vgen.xp.concatenate(parts), z_slow, z_fast


def interpolate_z_fast(z_fast, between):
    """Put vectors between neighbours of z_fast (B, Kf, T) -> (B, Kf, T + (T - 1) between).

    Linear in time: a bilinear filter on G0's last layer (FACTS §7, paper Figure 6). Every
    (between + 1)-th vector is one of z_fast, unchanged.
    """
    xp, step = chainer.backend.get_array_module(z_fast), between + 1
    place = xp.arange((z_fast.shape[2] - 1) * step + 1)
    before, part = place // step, (place % step / step).astype(z_fast.dtype)
    return z_fast[:, :, before] * (1 - part) + z_fast[:, :, -(-place // step)] * part


def make_interpolated_video(fsgen, vgen, n, between, labels=None, progress=iter):
    """Videos (n, C, T + (T - 1) between, H, W) with frames between any two neighbours of G0's.

    The frames of :func:`make_video`, which has the other arguments, stand at every
    (between + 1)-th place; from one state of the global generator, both make the same.
    """
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        z_slow = draw_z_slow(fsgen, n)
        labels = draw_labels(fsgen, n) if labels is None else labels
        given = () if labels is None else (labels,)
        z_fast = interpolate_z_fast(fsgen(z_slow, *given).array, between)
    # In test mode a frame does not depend on others: G1's memory need not grow with their number.
    parts = [make_video(fsgen, vgen, n, z_slow, z_fast[:, :, start:start + fsgen.n_frames],
                        labels)[0]
             for start in progress(range(0, z_fast.shape[2], fsgen.n_frames))]
    return vgen.xp.concatenate(parts, axis=2)
