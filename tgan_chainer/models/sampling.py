"""From latent vectors to videos, in training and after it."""
import chainer
import chainer.functions as F

# Videos that are generated at once: the largest feature map of 8 full-size videos takes 67 MB.
_CHUNK = 8


def draw_z_slow(fsgen, n):
    """Draw z_slow ~ U(-1, 1) on the device of ``fsgen``: (n, z_slow_dim) of Chainer's dtype.

    Uses the global generator of the array module, as the authors' code does.
    """
    xp = fsgen.xp
    return xp.random.uniform(-1, 1, (n, fsgen.z_slow_dim)).astype(chainer.get_dtype())


def generate_video(vgen, z_slow, z_fast):
    """Run G1 on every frame: z_slow (B, Ks), z_fast (B, Kf, T) -> video (B, C, T, H, W).

    z_slow is repeated for every frame before G1, so that G1's batch normalisation sees B T rows
    in both branches, as in the authors' code.
    """
    batch, k_fast, frames = z_fast.shape
    k_slow = z_slow.shape[1]
    slow = F.broadcast_to(F.expand_dims(z_slow, 1), (batch, frames, k_slow))
    fast = F.transpose(z_fast, (0, 2, 1))
    images = vgen(F.reshape(slow, (batch * frames, k_slow)),
                  F.reshape(fast, (batch * frames, k_fast)))
    video = F.reshape(images, (batch, frames, *images.shape[1:]))
    return F.transpose(video, (0, 2, 1, 3, 4))


def make_video(fsgen, vgen, n, z_slow=None, z_fast=None):
    """Generate ``n`` videos with batch normalisation in test mode and no graph.

    Args:
        fsgen, vgen: G0 and G1, on one device.
        n (int): Number of videos.
        z_slow: Array (n, Ks); drawn from U(-1, 1) by the device's global generator when None.
        z_fast: Array (n, Kf, T); G0(z_slow) when None.

    Returns:
        Arrays on that device: video (n, C, T, H, W) in [-1, 1], z_slow, z_fast.

    Raises:
        ValueError: A latent array does not hold ``n`` vectors.
    """
    with chainer.using_config('train', False), chainer.no_backprop_mode():
        z_slow = draw_z_slow(fsgen, n) if z_slow is None else chainer.as_array(z_slow)
        z_fast = fsgen(z_slow).array if z_fast is None else chainer.as_array(z_fast)
        for name, z in (('z_slow', z_slow), ('z_fast', z_fast)):
            if len(z) != n:
                raise ValueError(f'{name} holds {len(z)} vectors, expected n = {n}')
        parts = [generate_video(vgen, z_slow[i:i + _CHUNK], z_fast[i:i + _CHUNK]).array
                 for i in range(0, n, _CHUNK)]
    return vgen.xp.concatenate(parts), z_slow, z_fast
